"""Commands in what is told work from where they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seatrial.declaration.load import load
from seatrial.declaration.models import ComponentConfig, EnvironmentConfig, System
from seatrial.environment.commands import instead_of_restart, whole, workable
from seatrial.keeper.remote import remote_context
from seatrial.kinds.base import Commands, Target, Words
from seatrial.kinds.programs import MEND
from seatrial.kinds.registry import KINDS

UP = "seatrial up"
BOTH = "seatrial restart db; its last words: seatrial logs db, or (seatrial logs db)"


def system(folder: Path, *environments: str, provider: Any = "local") -> System:
    names = environments or ("local",)
    declared = {name: EnvironmentConfig(provider=provider) for name in names}
    return System("s", folder, folder / "seatrial.yaml", {}, names[0], declared, None)


def test_here_and_in_the_only_environment_nothing_is_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for text in (UP, BOTH, "seatrial down, then seatrial up", "it ends with `seatrial down`"):
        assert whole(text, system(tmp_path)) == text


def test_elsewhere_and_among_several_they_say_which(tmp_path: Path) -> None:
    one = system(tmp_path, "far", "near")
    there = f"{tmp_path} --env far"
    assert whole(UP, one) == f"{UP} {there}"
    assert whole(UP, one, "second") == f"{UP} {there} --name second"
    on = f"db --system {there}"
    told = f"seatrial restart {on}; its last words: seatrial logs {on}, or (seatrial logs {on})"
    assert whole(BOTH, one) == told
    assert whole(told, one) == told, "nothing is added twice"
    assert whole("seatrial status   (shows it)", one) == f"seatrial status {there}   (shows it)"
    odd = tmp_path / "my folder"
    assert whole("seatrial logs db", system(odd)) == f"seatrial logs db --system '{odd}'"
    assert whole(whole("seatrial logs db;", system(odd)), one) == f"seatrial logs {on};"


def test_what_has_ended_is_not_restarted_but_has_logs(tmp_path: Path) -> None:
    told = whole(BOTH, system(tmp_path))
    ended = instead_of_restart(told, UP)
    assert ended.startswith(f"correct db, then {UP}; its last words: seatrial logs db --system")
    assert instead_of_restart(f"{MEND}{told}", UP) == ended


SETTING = "the service db of compose.yaml (ports)"


def targets(*words: str) -> dict[str, Target]:
    config = ComponentConfig(kind="postgres")
    said = Words(setting=words[2], commands=Commands(words[0], words[1])) if words else Words()
    return {"db": Target("db", "postgres", config, {}, provider=said)}


@pytest.mark.parametrize(
    ("allotted", "told"),
    [
        ("{}, or correct the endpoint of db; more", "{}; more"),
        ("{}, or correct the amqp endpoint of db", "{}"),
        ("{} or correct the endpoint of db", "{}"),
        ("{}, or correct redis:// or rediss:// in the endpoint of db", "{}"),
        ("see what listens; correct the endpoint of db", "see what listens"),
        ("correct user and password in the endpoint of db, or set one: {}", "set one: {}"),
        ("compare URL of api with the endpoint of db; {}", None),
        ("correct the host name in the endpoint of db", None),  # nothing else is left
        ("{}, or correct the endpoint of other", None),
    ],
)
def test_each_environment_is_told_what_can_be_done_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allotted: str, told: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    fix = allotted.replace("{}", "seatrial restart db (seatrial logs db)")
    local = (allotted if told is None else told).replace(
        "{}", "seatrial restart db (seatrial logs db)"
    )
    assert workable(fix, system(tmp_path), targets()) == local
    there = workable(fix, system(tmp_path), targets("START", "LOGS", SETTING))
    setting = allotted.replace("the endpoint of db", SETTING).replace(
        "the amqp endpoint of db", SETTING
    )
    assert there == setting.replace("{}", "START (LOGS)")


def test_elsewhere_it_is_the_endpoint_that_is_declared_or_its_variable(tmp_path: Path) -> None:
    (tmp_path / "seatrial.yaml").write_text(
        "system: s\n"
        "components: {db: {kind: postgres}, mq: {kind: rabbitmq}, web: {kind: http}}\n"
        "environments: {far: {provider: remote, endpoints: {web: 'http://h', mq: {amqp: {url: "
        "'${MQ}', password: '${MQ_PASSWORD}'}}}}}\n"
    )
    far = load(tmp_path, KINDS, variables={"MQ": "amqp://h", "MQ_PASSWORD": "secret"})
    there = remote_context(far).targets

    def told(name: str) -> str:
        return workable(f"correct the port in the endpoint of {name}", far, there)

    assert told("db") == "correct the port in the endpoint of db in seatrial.yaml"
    assert told("web") == "correct the port in the endpoint of web in seatrial.yaml"
    assert (
        told("mq") == "correct the port in the endpoint of mq in seatrial.yaml ($MQ, $MQ_PASSWORD)"
    )
