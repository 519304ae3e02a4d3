"""Healthy variants of the queue's deployment raise nothing; their broken neighbours are found."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import psycopg
import pytest
import yaml

from seatrial.declaration.load import load
from seatrial.environment.deployment import require_running
from seatrial.kinds.registry import KINDS
from seatrial.waiting import eventually

from .conftest import Change, Queue


def endpoints(queue: Queue) -> Any:
    return queue.seatrial("endpoints").document


@contextmanager
def sql(queue: Queue, do: str, undo: str) -> Iterator[None]:
    """Run statements on the database, and others afterwards."""
    with psycopg.connect(endpoints(queue)["postgres"]["sql"], autocommit=True) as connection:
        connection.execute(do)
        try:
            yield
        finally:
            connection.execute(undo)


@contextmanager
def broker(queue: Queue, path: str, body: dict[str, object]) -> Iterator[None]:
    """PUT something into the management API, and DELETE it afterwards."""
    with httpx.Client(base_url=endpoints(queue)["rabbitmq"]["management"]) as api:
        api.put(f"/api/{path}", json=body).raise_for_status()
        try:
            yield
        finally:
            api.delete(f"/api/{path}").raise_for_status()


HEALTHY_SQL = {
    "an extra table": ("CREATE TABLE audit (id int)", "DROP TABLE audit"),
    "an extra index": ("CREATE INDEX more ON tasks (shots)", "DROP INDEX more"),
    "another name of a constraint": (
        "ALTER TABLE tasks RENAME CONSTRAINT ck_tasks_shots TO shots_in_range",
        "ALTER TABLE tasks RENAME CONSTRAINT shots_in_range TO ck_tasks_shots",
    ),
    "an extra column that may be empty": (
        "ALTER TABLE tasks ADD COLUMN note text",
        "ALTER TABLE tasks DROP COLUMN note",
    ),
    "an extra view": ("CREATE VIEW v AS SELECT task_id FROM tasks", "DROP VIEW v"),
    "an extra column with a default": (
        "ALTER TABLE tasks ADD COLUMN weight int NOT NULL DEFAULT 0",
        "ALTER TABLE tasks DROP COLUMN weight",
    ),
    "an extra materialised view": (
        "CREATE MATERIALIZED VIEW daily AS SELECT count(*) AS n FROM tasks",
        "DROP MATERIALIZED VIEW daily",
    ),
    "an extra enum": ("CREATE TYPE mood AS ENUM ('calm')", "DROP TYPE mood"),
    "an extra function": (
        "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "DROP FUNCTION one()",
    ),
    "an extra sequence": ("CREATE SEQUENCE numbers", "DROP SEQUENCE numbers"),
    "a table of the same name elsewhere": (
        "CREATE SCHEMA archive CREATE TABLE tasks (id int)",
        "DROP SCHEMA archive CASCADE",
    ),
    "an extra grant": ("GRANT SELECT ON tasks TO PUBLIC", "REVOKE SELECT ON tasks FROM PUBLIC"),
    "a comment": ("COMMENT ON TABLE tasks IS 'ours'", "COMMENT ON TABLE tasks IS NULL"),
    "storage that is tuned": (
        "ALTER TABLE tasks SET (fillfactor = 80)",
        "ALTER TABLE tasks RESET (fillfactor)",
    ),
}
BROKEN_SQL = {
    "a missing index": (
        "DROP INDEX idx_task_status",
        "CREATE INDEX idx_task_status ON tasks (current_status, submitted_at)",
        "schema_drift",
        "idx_task_status",
    ),
    "a missing constraint": (
        "ALTER TABLE tasks DROP CONSTRAINT ck_tasks_shots",
        "ALTER TABLE tasks ADD CONSTRAINT ck_tasks_shots CHECK (shots BETWEEN 1 AND 100000)",
        "schema_drift",
        "shots",
    ),
    "an extra column that must be given": (
        "ALTER TABLE tasks ADD COLUMN must int NOT NULL",
        "ALTER TABLE tasks DROP COLUMN must",
        "schema_drift",
        "must",
    ),
    "a revision nobody knows": (
        "UPDATE alembic_version SET version_num = '9999'",
        "UPDATE alembic_version SET version_num = '0002'",
        "schema_ahead",
        "9999",
    ),
    "no revision": (
        "DELETE FROM alembic_version",
        "INSERT INTO alembic_version VALUES ('0002')",
        "schema_behind",
        "0002",
    ),
}
_OFF = "ALTER DATABASE quantum_db {} default_transaction_read_only"
BROKEN_SQL |= {
    "a privilege taken away": (
        "REVOKE UPDATE ON tasks FROM quantum_user",
        "GRANT UPDATE ON tasks TO quantum_user",
        "not_authorised",
        "update on tasks",
    ),
    "a read-only database": (
        _OFF.format("SET") + " = on",
        "SET default_transaction_read_only = off; " + _OFF.format("RESET"),
        "read_only",
        "default_transaction_read_only",
    ),
}
HEALTHY_BROKER = {
    "an extra queue": ("queues/%2F/other", {"durable": True}),
    "an extra exchange": ("exchanges/%2F/events", {"type": "topic", "durable": True}),
    "a policy that loses nothing": (
        "policies/%2F/lazy",
        {"pattern": "^quantum", "definition": {"queue-mode": "lazy"}, "apply-to": "queues"},
    ),
    "an extra virtual host": ("vhosts/elsewhere", {}),
    "an extra user": ("users/somebody", {"password": "a-made-up-password", "tags": "monitoring"}),
    "somebody else's queue that drops messages": (
        "queues/%2F/recent",
        {"durable": False, "arguments": {"x-max-length": 5, "x-message-ttl": 1000}},
    ),
    "a policy that drops somebody else's messages": (
        "policies/%2F/others",
        {"pattern": "^other", "definition": {"max-length": 10}, "apply-to": "queues"},
    ),
    "room for more connections than there are": (
        "vhost-limits/%2F/max-connections",
        {"value": 500},
    ),
}
BROKEN_BROKER = {
    "a policy that drops messages": (
        "policies/%2F/short",
        {"pattern": "^quantum_tasks$", "definition": {"max-length": 10}, "apply-to": "queues"},
        "lossy_queue",
    ),
    "a policy that lets messages expire": (
        "policies/%2F/brief",
        {"pattern": "^quantum_tasks$", "definition": {"message-ttl": 60000}, "apply-to": "queues"},
        "lossy_queue",
    ),
}


def assert_green(queue: Queue) -> None:
    called = queue.seatrial("check", "--json")
    assert called.document["findings"] == []
    assert called.code == 0


@pytest.mark.parametrize("variant", HEALTHY_SQL.values(), ids=HEALTHY_SQL.keys())
def test_a_healthy_variant_of_the_schema(up: Queue, variant: tuple[str, str]) -> None:
    with sql(up, *variant):
        assert_green(up)


@pytest.mark.parametrize("neighbour", BROKEN_SQL.values(), ids=BROKEN_SQL.keys())
def test_a_broken_schema(up: Queue, neighbour: tuple[str, str, str, str]) -> None:
    do, undo, cause, named = neighbour
    with sql(up, do, undo):
        called = up.seatrial("check", "--json")
    findings = [f for f in called.document["findings"] if f["component"] == "postgres"]
    assert cause in {finding["cause"] for finding in findings}
    assert any(named in finding["expected"] + finding["found"] for finding in findings)
    assert all(finding["fix"] for finding in findings)
    if cause == "not_authorised":  # the application notices, too: what its health says follows
        assert [finding["blocks"][:1] for finding in findings] == [["api"]]
    assert called.code == 1 or called.code == 3  # the API itself may say that it is not well
    assert_green(up)


@pytest.mark.parametrize("variant", HEALTHY_BROKER.values(), ids=HEALTHY_BROKER.keys())
def test_a_healthy_variant_of_the_broker(up: Queue, variant: tuple[str, dict[str, object]]) -> None:
    with broker(up, *variant):
        assert_green(up)


def test_connections_of_another_application(up: Queue) -> None:
    where = endpoints(up)["postgres"]["sql"]
    with ExitStack() as others:
        for _ in range(20):
            others.enter_context(psycopg.connect(where, application_name="another"))
        assert_green(up)


def replicas(declaration: dict[str, Any]) -> None:
    declaration["components"]["api"]["replicas"] = 2
    declaration["components"]["worker"]["replicas"] = 3


def without_proxies(declaration: dict[str, Any]) -> None:
    declaration["environments"]["local"]["proxies"] = False


def other_names(declaration: dict[str, Any]) -> None:
    """Of the components, the database, its user, and the virtual host."""
    components, expect = declaration["components"], declaration["expect"]
    new = {"postgres": "store", "rabbitmq": "messages", "worker": "runner", "api": "front"}
    text = yaml.safe_dump(components)
    for old, name in new.items():
        text = text.replace(f"{{{old}.", f"{{{name}.").replace("quantum_db", "tasks_db")
    components.clear()
    components.update({new.get(n, n): one for n, one in yaml.safe_load(text).items()})
    components["store"]["user"] = "owner of tasks"
    components["messages"]["vhost"] = "of/tasks"
    for one in components.values():
        one["needs"] = [new.get(needed, needed) for needed in one.get("needs", [])]
    components["runner"]["consumes"] = {"messages": "quantum_tasks"}
    for old, name in new.items():
        if old in expect:
            expect[name] = expect.pop(old)
    expect["messages"]["queues"]["quantum_tasks"]["consumer"] = "runner"
    expect["store"]["privileges"]["owner of tasks"] = expect["store"]["privileges"].pop(
        "quantum_user"
    )
    del declaration["clean_up"], declaration["environments"]["deployed"]


@pytest.mark.parametrize("change", [replicas, without_proxies, other_names])
def test_a_healthy_variant_of_the_declaration(
    declared: Callable[[Change], Queue], change: Change
) -> None:
    queue = declared(change)
    came_up = queue.seatrial("up", "--json")
    assert came_up.code == 0, came_up.err
    assert_green(queue)


def test_there_are_many_healthy_variants() -> None:
    assert len(HEALTHY_SQL) + len(HEALTHY_BROKER) + 4 >= 20


@pytest.mark.parametrize("neighbour", BROKEN_BROKER.values(), ids=BROKEN_BROKER.keys())
def test_a_broken_broker(up: Queue, neighbour: tuple[str, dict[str, object], str]) -> None:
    path, body, cause = neighbour
    with broker(up, path, body):
        called = up.seatrial("check", "--json")
    assert cause in {finding["cause"] for finding in called.document["findings"]}
    assert_green(up)


def test_a_user_of_the_broker_who_may_do_nothing(up: Queue) -> None:
    rights = "permissions/%2F/quantum_user"
    with httpx.Client(base_url=endpoints(up)["rabbitmq"]["management"]) as api:
        before = api.get(f"/api/{rights}").json()
        patterns = {name: before[name] for name in ("configure", "write", "read")}
        try:
            api.put(f"/api/{rights}", json=dict.fromkeys(patterns, "^$")).raise_for_status()
            called = up.seatrial("check", "--json")
        finally:
            api.put(f"/api/{rights}", json=patterns).raise_for_status()
    findings = called.document["findings"]
    assert {f["cause"] for f in findings if f["component"] == "rabbitmq"} == {"not_authorised"}
    assert called.code == 3
    eventually(lambda: up.seatrial("check").code, lambda code: code == 0, timeout=20)
    assert_green(up)


def test_one_of_two_workers_that_somebody_froze(up: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEATRIAL_HOME", up.env["SEATRIAL_HOME"])
    system = load(up.folder, KINDS, environment=None, variables=up.env)
    with require_running(system) as deployment:
        worker = deployment.statuses()["worker"].pids[1]
    assert worker is not None
    os.kill(worker, signal.SIGSTOP)
    try:
        called = up.seatrial("check", "--json")
    finally:
        os.kill(worker, signal.SIGCONT)
    found = [(f["component"], f["cause"]) for f in called.document["findings"]]
    assert found == [("worker", "stopped")]
    assert called.code == 3
    assert_green(up)


def test_a_dead_letter_queue_that_nothing_reaches(up: Queue) -> None:
    binding = "bindings/%2F/e/quantum_tasks.dlx/q/quantum_tasks.dead"
    with httpx.Client(base_url=endpoints(up)["rabbitmq"]["management"]) as api:
        api.delete(f"/api/{binding}/quantum_tasks.dead").raise_for_status()
        try:
            called = up.seatrial("check", "--json")
        finally:
            body = {"routing_key": "quantum_tasks.dead"}
            api.post(f"/api/{binding}", json=body).raise_for_status()
    assert "unroutable" in {finding["cause"] for finding in called.document["findings"]}
    assert_green(up)
