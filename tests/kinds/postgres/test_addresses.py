"""What a service is told of a server, where others' logins get in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seatrial.checks.addressed import addressed
from seatrial.declaration.models import ComponentConfig
from seatrial.kinds.base import Address, CheckResult, Endpoint, Image, OwnCheck, Target, Words
from seatrial.kinds.logins import Logins
from seatrial.kinds.registry import KINDS
from seatrial.outcome import Cause, Outcome, Priority, State
from seatrial.waiting import Deadline
from tests.kinds.harness import Running, at, context_of
from tests.kinds.postgres.conftest import as_superuser

HEALTHY = OwnCheck(well="its own health check says healthy")
TOLD = "DATABASE_URL of the service web of compose.yaml"


def told(target: Target, of: str = "web", **changes: object) -> Address:
    return Address(of, TOLD.replace("web", of), at(target, **changes).endpoint())


def look(target: Target, folder: Path, *addresses: Address) -> tuple[Target, list[CheckResult]]:
    target = replace(target, addresses=addresses)
    context = context_of(folder, folder, target)
    return asyncio.run(addressed(KINDS["postgres"], target, context, Deadline.after(10)))


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"password": "none-of-it"}, Cause.AUTH),
        ({"user": "nobody_at_all"}, Cause.AUTH),
        ({"path": "/nowhere"}, Cause.WRONG_DATABASE),
    ],
    ids=["password", "user", "database"],
)
def test_who_is_turned_away_is_told_a_wrong_address(
    database: Target, tmp_path: Path, changes: dict[str, object], cause: Cause
) -> None:
    wrong = told(database, **changes)
    seen, (mistake,) = look(database, tmp_path, told(database, of="worker"), wrong)
    assert seen.endpoint() == database.endpoint()
    assert (mistake.id, mistake.component) == ("web.DATABASE_URL", "web")
    assert (mistake.cause, mistake.outcome) == (cause, Outcome.FAILED)
    assert (mistake.priority, mistake.own) == (Priority.P2, True)
    assert mistake.fix.startswith(f"correct {TOLD}")
    assert "none-of-it" not in repr(mistake)


def test_who_is_told_to_ask_for_tls_that_is_not_there(database: Target, tmp_path: Path) -> None:
    secure = told(database, path=f"{database.endpoint().path}?sslmode=require")
    asked = replace(at(database, path=secure.endpoint.path), provider=Words(own_check=HEALTHY))
    seen, (mistake,) = look(asked, tmp_path, told(database, of="worker"), secure)
    assert (seen.endpoint(), mistake.id) == (database.endpoint(), "web.DATABASE_URL")
    assert (mistake.cause, mistake.found) == (Cause.TLS, "the server does not offer TLS")
    assert mistake.fix == f"correct {TOLD}: with TLS or without, as postgres lets others in"


def test_who_may_not_connect_is_to_be_allowed(
    server: Running, database: Target, role: Callable[[str], str], tmp_path: Path
) -> None:
    user, name = role("LOGIN"), database.endpoint().path.strip("/")
    as_superuser(server, f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC", database="postgres")
    kept_out = told(database, user=user)
    _, (mistake,) = look(database, tmp_path, told(database, of="worker"), kept_out)
    assert mistake.cause is Cause.NOT_AUTHORISED
    assert f'GRANT CONNECT ON DATABASE "{name}" TO "{user}"; or correct {TOLD}' in mistake.fix


@pytest.mark.parametrize(
    ("told_in", "wrong"),
    [
        ("DB_HOST with DB_USER, DB_PASSWORD", "DB_USER, DB_PASSWORD"),
        ("DB_HOST with DB_NAME", "DB_HOST with DB_NAME"),
    ],
)
def test_of_a_login_in_parts_the_host_is_right(
    database: Target, tmp_path: Path, told_in: str, wrong: str
) -> None:
    of = "of the service web of compose.yaml"
    mistaken = replace(told(database, password="none-of-it"), where=f"{told_in} {of}")
    _, (mistake,) = look(database, tmp_path, told(database, of="worker"), mistaken)
    assert mistake.id == "web.DB_HOST"
    assert mistake.fix.startswith(f"correct {wrong} {of}")


def test_a_server_that_lets_somebody_in_is_well(database: Target, tmp_path: Path) -> None:
    ours: Endpoint = at(database, password="changed-since").endpoint()
    seen, (mistake,) = look(
        at(database, password=ours.password),
        tmp_path,
        told(database, of="worker"),
        Address("web", TOLD, ours),
    )
    assert seen.endpoint() == database.endpoint()
    assert mistake.id == "web.DATABASE_URL"


def test_its_own_settings_are_nobodys_mistake(database: Target, tmp_path: Path) -> None:
    own = Address("", "", at(database, password="of-long-ago").endpoint())
    seen, mistakes = look(at(database, password="lost"), tmp_path, told(database, of="worker"), own)
    assert (seen.endpoint(), mistakes) == (database.endpoint(), [])
    known = Address("", "", database.endpoint())
    seen, (mistake,) = look(lost := at(database, password="lost"), tmp_path, told(lost), known)
    assert (seen.endpoint(), mistake.id) == (database.endpoint(), "web.DATABASE_URL")


def test_a_server_that_lets_nobody_in_is_at_fault_itself(database: Target, tmp_path: Path) -> None:
    lost = at(database, password="lost")
    assert look(lost, tmp_path, told(lost), told(lost, of="worker", user="x")) == (
        replace(lost, addresses=(told(lost), told(lost, of="worker", user="x"))),
        [],
    )


def test_right_addresses_are_no_news(database: Target, tmp_path: Path) -> None:
    assert look(database, tmp_path, told(database), told(database, path="/postgres"))[1] == []


def test_what_one_is_told_alike_in_several_variables_is_one_mistake(
    database: Target, tmp_path: Path
) -> None:
    wrong = told(database, password="none-of-it")
    cache, broker = (replace(wrong, where=f"{name}_URL of the service web") for name in "AB")
    there = Address("worker", TOLD.replace("web", "worker"), database.endpoint())
    _, mistakes = look(database, tmp_path, there, wrong, cache, wrong, broker)
    assert [one.id for one in mistakes] == ["web.DATABASE_URL"]
    assert f"correct {TOLD} (and A_URL, B_URL);" in mistakes[0].fix


def test_who_is_told_no_password_where_the_project_knows_one(
    database: Target, tmp_path: Path
) -> None:
    contained = replace(database, provider=Words(images=(Image("postgres:15", "sha256:1"),)))
    _, (mistake,) = look(contained, tmp_path, told(contained, password=None))
    assert mistake.cause is Cause.AUTH


def test_of_several_in_one_variable_the_last_is_told(database: Target, tmp_path: Path) -> None:
    two = (told(database, password="none-of-it"), told(database, path="/nowhere"))
    there = told(database, of="worker")
    _, mistakes = look(database, tmp_path, there, *two)
    assert [(one.id, one.cause) for one in mistakes] == [("web.DATABASE_URL", Cause.WRONG_DATABASE)]


@pytest.mark.parametrize(
    ("kind", "changes", "priority"),
    [
        ("http", {}, Priority.P2),
        ("process", {}, Priority.P1),
        ("process", {"states": (State.DONE,)}, Priority.P2),
        ("process", {"states": (State.STOPPED,)}, Priority.P2),
        ("process", {"states": (State.STOPPED, State.EXITED)}, Priority.P1),
        (
            "process",
            {"provider": Words(own_check=OwnCheck(well="it says healthy"))},
            Priority.P2,
        ),
    ],
)
def test_it_weighs_as_much_as_who_cannot_say_that_it_is_well(
    database: Target, tmp_path: Path, kind: str, changes: dict[str, Any], priority: Priority
) -> None:
    web = Target("web", kind, ComponentConfig(kind=kind), {}, **changes)
    target = replace(database, addresses=(told(database), told(database, password="none-of-it")))
    context = context_of(tmp_path, tmp_path, target, web)
    job = addressed(KINDS["postgres"], target, context, Deadline.after(10))
    _, (mistake,) = asyncio.run(job)
    assert mistake.priority is priority


def test_who_looks_again_knows_as_whom(database: Target, tmp_path: Path) -> None:
    lost = at(database, password="lost")
    wrong = replace(lost, addresses=(told(lost), told(database, of="worker")))
    context, logins = context_of(tmp_path, tmp_path, wrong), Logins()
    assert logins.known(wrong) == wrong
    assert asyncio.run(logins.ask(wrong, context, Deadline.after(10)))
    assert logins.known(wrong) == replace(wrong, endpoints=database.endpoints)
    moved = replace(wrong, endpoints=at(wrong, port=1).endpoints)
    assert logins.known(moved) == moved  # its container was made anew
    nobody = replace(lost, addresses=(told(lost),))
    assert not asyncio.run(logins.ask(nobody, context, Deadline.after(10)))
    assert not asyncio.run(logins.ask(lost, context, Deadline.after(10)))


@pytest.mark.parametrize(
    ("spare", "path", "priority"),
    [
        (True, "", Priority.P2),
        (False, "", Priority.P1),
        (True, "/nowhere", Priority.P1),  # which gets in nowhere
    ],
)
def test_who_gets_in_may_not_use_what_else_it_is_told(
    database: Target, tmp_path: Path, spare: bool, path: str, priority: Priority
) -> None:
    web = Target("web", "process", ComponentConfig(kind="process"), {})
    right = told(database, path=path or database.endpoint().path)
    wrong = replace(told(database, password="none-of-it"), where="RELYT_HOST", spare=spare)
    target = replace(database, addresses=(told(database, of="worker"), right, wrong))
    context = context_of(tmp_path, tmp_path, target, web)
    job = addressed(KINDS["postgres"], target, context, Deadline.after(10))
    assert {one.id: one.priority for one in asyncio.run(job)[1]}["web.RELYT_HOST"] is priority
