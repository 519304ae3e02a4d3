"""Privileges of roles on tables, held against a real server."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from pydantic import ValidationError

from seatrial.kinds.base import CheckResult, Context, Target
from seatrial.kinds.postgres.config import PostgresExpect
from seatrial.kinds.postgres.expect import check
from seatrial.outcome import Cause, Outcome, Priority
from seatrial.waiting import Deadline
from tests.kinds.harness import Running, at
from tests.kinds.postgres.conftest import as_superuser

Sql = Callable[..., list[object]]
Hold = Callable[..., Mapping[str, CheckResult]]


@pytest.fixture
def hold(tmp_path: Path) -> Hold:
    """Check declared privileges; results by id without their common beginning."""

    def once(target: Target, privileges: object) -> Mapping[str, CheckResult]:
        expect = PostgresExpect.model_validate({"privileges": privileges})
        context = Context(tmp_path, {target.name: target}, tmp_path, sys.executable)
        results = asyncio.run(check(target, expect, context, Deadline.after(20)))
        return {one.id.removeprefix("postgres.privilege."): one for one in results}

    return once


@pytest.fixture
def clerk(server: Running, role: Callable[..., str], database: Target, sql: Sql) -> Iterator[str]:
    """A role that may read and add to two tables of somebody else."""
    name = role()
    sql(
        "CREATE TABLE orders (id int)",
        'CREATE SCHEMA "Audit"',
        'CREATE TABLE "Audit"."Log" (id int)',
        f"GRANT SELECT, INSERT ON orders TO {name}",
        f'GRANT SELECT ON "Audit"."Log" TO {name}',
    )
    yield name
    as_superuser(server, f"DROP OWNED BY {name}", database=database.endpoint().path[1:])


def test_granted_and_lacking(database: Target, clerk: str, hold: Hold) -> None:
    results = hold(
        database, {clerk: {"orders": ["select", "insert", "update"], "Audit.Log": ["select"]}}
    )
    outcomes = {id: one.outcome for id, one in results.items()}
    assert outcomes == {
        f"{clerk}.orders.select": Outcome.PASSED,
        f"{clerk}.orders.insert": Outcome.PASSED,
        f"{clerk}.orders.update": Outcome.FAILED,
        f"{clerk}.Audit.Log.select": Outcome.PASSED,
    }
    lacking = results[f"{clerk}.orders.update"]
    assert lacking.cause is Cause.NOT_AUTHORISED
    assert lacking.priority is Priority.P1
    assert f"GRANT UPDATE ON orders TO {clerk}" in lacking.fix.replace('"', "")


def test_the_fix_mends_it(database: Target, clerk: str, sql: Sql, hold: Hold) -> None:
    declared = {clerk: {"Audit.Log": ["insert"]}}
    (lacking,) = hold(database, declared).values()
    sql(lacking.fix.removeprefix("on postgres: "))
    (mended,) = hold(database, declared).values()
    assert (lacking.outcome, mended.outcome) == (Outcome.FAILED, Outcome.PASSED)


def test_the_owner_can_lose_them_too(database: Target, sql: Sql, hold: Hold) -> None:
    sql("CREATE TABLE orders (id int)")
    declared = {"quantum_user": {"tables": {"orders": ["update"]}, "priority": "p2"}}
    (before,) = hold(database, declared).values()
    sql("REVOKE UPDATE ON orders FROM quantum_user")
    (after,) = hold(database, declared).values()
    assert (before.outcome, after.outcome) == (Outcome.PASSED, Outcome.FAILED)
    assert after.priority is Priority.P2


def test_a_missing_role_and_a_missing_table(database: Target, clerk: str, hold: Hold) -> None:
    results = hold(database, {"nobody": {"orders": ["select"]}, clerk: {"nothing": ["select"]}})
    nobody, nothing = results["nobody.orders.select"], results[f"{clerk}.nothing.select"]
    assert (nobody.outcome, nobody.found) == (Outcome.FAILED, "there is no role nobody")
    assert (nothing.outcome, nothing.found) == (Outcome.SKIPPED, "table nothing is not there")


def test_a_user_who_may_do_nothing_can_ask(
    database: Target, clerk: str, role: Callable[..., str], hold: Hold
) -> None:
    (result,) = hold(at(database, user=role()), {clerk: {"orders": ["insert"]}}).values()
    assert result.outcome is Outcome.PASSED


def test_a_database_that_is_not_there_is_not_measured(server: Running, hold: Hold) -> None:
    (result,) = hold(at(server.target, path="/nothing"), {"a": {"b": ["select"]}}).values()
    assert (result.outcome, result.priority) == (Outcome.NOT_MEASURED, Priority.P1)


@pytest.mark.parametrize("wrong", [{"a": {}}, {"a": {"t": ["grant"]}}, {"a": {"tables": {}}}, {}])
def test_wrong_declarations(wrong: object) -> None:
    with pytest.raises(ValidationError):
        PostgresExpect.model_validate({"privileges": wrong})


def test_names_are_data(database: Target, server: Running, hold: Hold) -> None:
    """Neither a role nor a table becomes SQL."""
    evil = "x'; DROP TABLE orders; --"
    as_superuser(server, "CREATE TABLE orders (id int)", database=database.endpoint().path[1:])
    results = hold(database, {evil: {"orders": ["select"]}, "quantum_user": {evil: ["select"]}})
    assert [one.outcome for one in results.values()] == [Outcome.FAILED, Outcome.SKIPPED]
    (still,) = hold(database, {"quantum_user": {"orders": ["select"]}}).values()
    assert still.found != "table orders is not there"
