"""Healthy variants of the queue's deployment raise nothing; each has a neighbour that is found."""

from __future__ import annotations

from dataclasses import dataclass

import httpx
import pytest

from seatrial.waiting import eventually

from .conftest import Queue
from .ways import (
    Running,
    Way,
    alter,
    bound_twice,
    connections,
    declared,
    deployed,
    frozen,
    other_names,
    policy,
    put,
    replicas,
    sql,
    unbound,
    without,
    without_index,
    without_proxies,
    without_rights,
)


@pytest.fixture(scope="session")
def running(up: Queue) -> Running:
    return Running.of(up)


@dataclass(frozen=True)
class Pair:
    """A change that must raise nothing; beside it one that is like it, and must be found."""

    healthy: tuple[str, Way]
    broken: tuple[str, Way]
    component: str
    cause: str
    code: int
    named: str  # in what was expected or found

    def __str__(self) -> str:
        return f"{self.healthy[0]}; {self.broken[0]}"


_AWAY = "ALTER TABLE status_history RENAME TO old"
_BACK = "ALTER TABLE old RENAME TO status_history"
_INSTEAD = _AWAY + "; CREATE {} status_history AS TABLE old"
_NO_LONGER = "DROP {} status_history; " + _BACK
_SUBMITTED = "DROP INDEX {0}; CREATE INDEX {0} ON tasks ({1})"
_SHOTS = "CONSTRAINT ck_tasks_shots"

PAIRS = (
    Pair(
        ("an extra table", sql("CREATE TABLE audit (id int)", "DROP TABLE audit")),
        ("a table of another name", sql(_AWAY, _BACK)),
        *("postgres", "schema_drift", 1, "table status_history"),
    ),
    Pair(
        ("an extra index", sql("CREATE INDEX more ON tasks (shots)", "DROP INDEX more")),
        ("a missing index", without_index("idx_task_status", "current_status, submitted_at")),
        *("postgres", "schema_drift", 1, "idx_task_status"),
    ),
    Pair(
        (
            "another name of a constraint",
            alter(
                "TABLE tasks",
                "RENAME CONSTRAINT ck_tasks_shots TO shots_in_range",
                "RENAME CONSTRAINT shots_in_range TO ck_tasks_shots",
            ),
        ),
        (
            "a missing constraint",
            alter(
                "TABLE tasks", f"DROP {_SHOTS}", f"ADD {_SHOTS} CHECK (shots BETWEEN 1 AND 100000)"
            ),
        ),
        *("postgres", "schema_drift", 1, "shots"),
    ),
    Pair(
        (
            "an extra column that may be empty",
            alter("TABLE tasks", "ADD COLUMN note text", "DROP COLUMN note"),
        ),
        (
            "an extra column that must be given",
            alter("TABLE tasks", "ADD COLUMN must int NOT NULL", "DROP COLUMN must"),
        ),
        *("postgres", "schema_drift", 1, "must"),
    ),
    Pair(
        (
            "an extra column with a default",
            alter("TABLE tasks", "ADD COLUMN weight int NOT NULL DEFAULT 0", "DROP COLUMN weight"),
        ),
        (
            "a column that has lost its default",
            alter(
                "TABLE tasks",
                "ALTER COLUMN attempts DROP DEFAULT",
                "ALTER COLUMN attempts SET DEFAULT 0",
            ),
        ),
        *("postgres", "schema_drift", 1, "attempts"),
    ),
    Pair(
        ("an extra view", sql("CREATE VIEW v AS SELECT task_id FROM tasks", "DROP VIEW v")),
        ("a view in a table's place", sql(_INSTEAD.format("VIEW"), _NO_LONGER.format("VIEW"))),
        *("postgres", "schema_drift", 1, "it is a view"),
    ),
    Pair(
        (
            "an extra materialised view",
            sql(
                "CREATE MATERIALIZED VIEW daily AS SELECT count(*) AS n FROM tasks",
                "DROP MATERIALIZED VIEW daily",
            ),
        ),
        (
            "a materialised view in a table's place",
            sql(_INSTEAD.format("MATERIALIZED VIEW"), _NO_LONGER.format("MATERIALIZED VIEW")),
        ),
        *("postgres", "schema_drift", 1, "it is a materialized view"),
    ),
    Pair(
        ("an extra enum", sql("CREATE TYPE mood AS ENUM ('calm')", "DROP TYPE mood")),
        (
            "an enum with another label",
            alter(
                "TYPE taskstatus",
                "RENAME VALUE 'failed' TO 'lost'",
                "RENAME VALUE 'lost' TO 'failed'",
            ),
        ),
        *("postgres", "schema_drift", 1, "lost"),
    ),
    Pair(
        (
            "an extra function",
            sql(
                "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'",
                "DROP FUNCTION one()",
            ),
        ),
        (
            "another function that fills a column",
            alter(
                "TABLE tasks",
                "ALTER COLUMN enqueued_at SET DEFAULT now()",
                "ALTER COLUMN enqueued_at SET DEFAULT clock_timestamp()",
            ),
        ),
        *("postgres", "schema_drift", 1, "now()"),
    ),
    Pair(
        ("an extra sequence", sql("CREATE SEQUENCE numbers", "DROP SEQUENCE numbers")),
        (
            "a column without its sequence",
            alter(
                "TABLE status_history",
                "ALTER COLUMN id DROP IDENTITY",
                "ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY",
            ),
        ),
        *("postgres", "schema_drift", 1, "column id of status_history"),
    ),
    Pair(
        (
            "a table of the same name elsewhere",
            sql("CREATE SCHEMA archive CREATE TABLE tasks (id int)", "DROP SCHEMA archive CASCADE"),
        ),
        (
            "a table that is elsewhere",
            sql(
                "CREATE SCHEMA archive; ALTER TABLE status_history SET SCHEMA archive",
                "ALTER TABLE archive.status_history SET SCHEMA public; DROP SCHEMA archive",
            ),
        ),
        *("postgres", "schema_drift", 1, "table status_history"),
    ),
    Pair(
        (
            "an extra grant",
            sql("GRANT SELECT ON tasks TO PUBLIC", "REVOKE SELECT ON tasks FROM PUBLIC"),
        ),
        (
            "a privilege taken away",
            sql(
                "REVOKE UPDATE ON tasks FROM quantum_user", "GRANT UPDATE ON tasks TO quantum_user"
            ),
        ),
        *("postgres", "not_authorised", 3, "update on tasks"),
    ),
    Pair(
        (
            "another comment",
            sql("COMMENT ON TABLE tasks IS 'ours'", "COMMENT ON TABLE tasks IS NULL"),
        ),
        (
            "another name of a column",
            alter(
                "TABLE status_history",
                "RENAME COLUMN notes TO remarks",
                "RENAME COLUMN remarks TO notes",
            ),
        ),
        *("postgres", "schema_drift", 1, "notes"),
    ),
    Pair(
        (
            "storage that is tuned",
            alter("TABLE tasks", "SET (fillfactor = 80)", "RESET (fillfactor)"),
        ),
        (
            "an index of other columns",
            sql(
                _SUBMITTED.format("idx_task_submitted_at", "shots"),
                _SUBMITTED.format("idx_task_submitted_at", "submitted_at"),
            ),
        ),
        *("postgres", "schema_drift", 1, "idx_task_submitted_at"),
    ),
    Pair(
        (
            "a revision of others elsewhere",
            sql(
                "CREATE SCHEMA others; CREATE TABLE others.alembic_version AS SELECT '9999' AS n",
                "DROP SCHEMA others CASCADE",
            ),
        ),
        (
            "a revision nobody knows",
            sql(
                "UPDATE alembic_version SET version_num = '9999'",
                "UPDATE alembic_version SET version_num = '0002'",
            ),
        ),
        *("postgres", "schema_ahead", 1, "9999"),
    ),
    Pair(
        (
            "a second table of revisions that is empty",
            sql(
                "CREATE TABLE alembic_version_of_others (n text)",
                "DROP TABLE alembic_version_of_others",
            ),
        ),
        (
            "no revision",
            sql("DELETE FROM alembic_version", "INSERT INTO alembic_version VALUES ('0002')"),
        ),
        *("postgres", "schema_behind", 1, "0002"),
    ),
    Pair(
        (
            "other settings of the database",
            alter("DATABASE quantum_db", "SET work_mem = '8MB'", "RESET work_mem"),
        ),
        (
            "a read-only database",
            sql(
                "ALTER DATABASE quantum_db SET default_transaction_read_only = on",
                "SET default_transaction_read_only = off; "
                "ALTER DATABASE quantum_db RESET default_transaction_read_only",
            ),
        ),
        *("postgres", "read_only", 3, "default_transaction_read_only"),
    ),
    Pair(
        ("connections of another application", connections),
        (
            "no room for a connection",
            alter("DATABASE quantum_db", "CONNECTION LIMIT 1", "CONNECTION LIMIT -1"),
        ),
        *("postgres", "exhausted", 3, "connection"),
    ),
    Pair(
        ("an extra queue", put("queues/%2F/other", {"durable": True})),
        ("no queue of dead letters", without("queues", "quantum_tasks.dead")),
        *("rabbitmq", "unroutable", 1, "quantum_tasks"),
    ),
    Pair(
        ("an extra exchange", put("exchanges/%2F/events", {"type": "topic", "durable": True})),
        ("no exchange of dead letters", without("exchanges", "quantum_tasks.dlx", "type")),
        *("rabbitmq", "unroutable", 1, "quantum_tasks.dlx"),
    ),
    Pair(
        ("an extra binding", bound_twice),
        ("a queue of dead letters that nothing reaches", unbound),
        *("rabbitmq", "unroutable", 1, "quantum_tasks"),
    ),
    Pair(
        ("a policy that loses nothing", policy("^quantum", **{"queue-mode": "lazy"})),
        ("a policy that drops messages", policy("^quantum_tasks$", **{"max-length": 10})),
        *("rabbitmq", "lossy_queue", 1, "x-max-length=10"),
    ),
    Pair(
        (
            "somebody else's queue that drops messages",
            put(
                "queues/%2F/recent",
                {"durable": False, "arguments": {"x-max-length": 5, "x-message-ttl": 1000}},
            ),
        ),
        ("a policy that lets messages expire", policy("^quantum_tasks$", **{"message-ttl": 60000})),
        *("rabbitmq", "lossy_queue", 1, "x-message-ttl=60000"),
    ),
    Pair(
        ("a policy that drops somebody else's messages", policy("^other", **{"max-length": 10})),
        ("a policy that drops everybody's messages", policy("", **{"max-length": 10})),
        *("rabbitmq", "lossy_queue", 1, "x-max-length=10"),
    ),
    Pair(
        (
            "an operator's policy that drops somebody else's messages",
            policy("^other", "operator-policies", **{"max-length": 10}),
        ),
        (
            "an operator's policy that drops messages",
            policy("^quantum_tasks$", "operator-policies", **{"max-length": 10}),
        ),
        *("rabbitmq", "lossy_queue", 1, "operator policy"),
    ),
    Pair(
        (
            "room for more connections than there are",
            put("vhost-limits/%2F/max-connections", {"value": 500}),
        ),
        (
            "room for fewer connections than there are",
            put("vhost-limits/%2F/max-connections", {"value": 1}),
        ),
        *("rabbitmq", "exhausted", 3, "connection limit (1)"),
    ),
    Pair(
        (
            "an extra user",
            put("users/somebody", {"password": "a-made-up-password", "tags": "monitoring"}),
        ),
        ("a user who may do nothing", without_rights),
        *("rabbitmq", "not_authorised", 3, "quantum_user"),
    ),
    Pair(
        ("an extra virtual host", put("vhosts/elsewhere", {})),
        ("another virtual host", deployed("TEST_RABBITMQ_URL", "/%2F$", "/elsewhere")),
        *("rabbitmq", "wrong_vhost", 3, "elsewhere"),
    ),
    Pair(
        ("seen from far away", deployed()),
        ("another password", deployed("TEST_RABBITMQ_URL", ":[^:@]+@", ":a-made-up-password@")),
        *("rabbitmq", "auth", 3, "login"),
    ),
    Pair(
        ("more replicas", declared(replicas)),
        ("one of two workers that somebody froze", frozen),
        *("worker", "stopped", 3, "worker"),
    ),
    Pair(
        ("no proxies between", declared(without_proxies)),
        ("a port where nothing listens", deployed("TEST_API_URL", ":[0-9]+$", ":1")),
        *("api", "refused", 3, "127.0.0.1:1"),
    ),
    Pair(
        ("other names of all there is", declared(other_names)),
        ("another name of the database", deployed("TEST_DATABASE_URL", "/[a-z_]+$", "/tasks_db")),
        *("postgres", "wrong_database", 3, "tasks_db"),
    ),
)


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_a_healthy_variant_raises_nothing_and_its_neighbour_is_found(
    running: Running, pair: Pair
) -> None:
    with pair.healthy[1](running) as check:
        called = check()
    assert (called.document["findings"], called.code) == ([], 0)
    with pair.broken[1](running) as check:
        called = check()
    eventually(lambda: httpx.get(running.health).status_code, lambda code: code == 200, timeout=20)
    findings = called.document["findings"]
    assert {(one["component"], one["cause"]) for one in findings} == {(pair.component, pair.cause)}
    assert any(pair.named in one["expected"] + one["found"] for one in findings)
    assert all(one["fix"] for one in findings)
    assert called.code == pair.code


def test_all_is_as_it_was(running: Running) -> None:
    called = running.check()
    assert (called.document["findings"], called.code) == ([], 0)
