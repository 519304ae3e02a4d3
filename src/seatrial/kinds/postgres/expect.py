"""The expectations of a database, checked read-only, with a user who may do no more than read."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import psycopg

from seatrial.declaration.models import Model
from seatrial.kinds.base import CheckResult, Context, Target
from seatrial.kinds.postgres.address import config_of, place_of
from seatrial.kinds.postgres.compare import Difference, differences
from seatrial.kinds.postgres.config import MigrationsExpect, PostgresExpect
from seatrial.kinds.postgres.declared import enum_results, table_results
from seatrial.kinds.postgres.links import bounded_async, connect_async
from seatrial.kinds.postgres.privileges import Privileges, privilege_results, read_privileges
from seatrial.kinds.postgres.probe import refuse_too_costly
from seatrial.kinds.postgres.reference import Reference, Schema, read_schema, reference
from seatrial.kinds.postgres.scram import ScramTooCostly
from seatrial.outcome import Cause, Outcome, Priority
from seatrial.waiting import Deadline


@dataclass(frozen=True)
class _Live:
    schema: Schema
    privileges: Privileges


@dataclass(frozen=True)
class _Unread:
    """The live database could not be read."""

    why: str
    fix: str


async def check(
    target: Target, expect: Model | None, context: Context, deadline: Deadline
) -> Sequence[CheckResult]:
    """Hold the live schema against its migrations and against what is declared."""
    if not isinstance(expect, PostgresExpect):
        return ()
    live, made = await asyncio.gather(
        _read(target, expect, deadline),
        _reference(target, expect.migrations, context, deadline),
    )
    if isinstance(live, _Unread):
        return [_unread(result, live) for result in _planned(target, expect, made)]
    schema = live.schema
    declared = [*table_results(target, expect, schema), *enum_results(target, expect, schema)]
    privileges = list(privilege_results(target, expect, live.privileges))
    if expect.migrations is None or made is None:
        return [*declared, *privileges]
    revision = _revision(target, expect.migrations, made, schema)
    drift = list(_drift(target, expect.migrations, made, schema, revision))
    folded = [_within(one, drift) for one in _folded(declared, target, expect, made, revision)]
    return [revision, *drift, *folded, *privileges]


async def _reference(
    target: Target, how: MigrationsExpect | None, context: Context, deadline: Deadline
) -> Reference | None:
    return await reference(target, how, context, deadline) if how is not None else None


async def _read(target: Target, expect: PostgresExpect, deadline: Deadline) -> _Live | _Unread:
    name, how = target.name, expect.migrations
    try:
        place = place_of(target)
        async with asyncio.timeout(deadline.remaining()):
            await refuse_too_costly(place)
        link = await connect_async(place, deadline.remaining())
        try:
            reading = read_schema(link, how.table if how is not None else None)
            schema = await bounded_async(link, reading, deadline.remaining())
            asking = read_privileges(link, expect)
            return _Live(schema, await bounded_async(link, asking, deadline.remaining()))
        finally:
            link.pgconn.finish()
    except psycopg.errors.InsufficientPrivilege as error:
        user = target.endpoint().user
        grant = f'GRANT SELECT ON {how.table if how else "..."} TO "{user}"'
        return _Unread(str(error).strip(), f"as the owner of {name}'s database: {grant}")
    except (psycopg.Error, OSError, ValueError, ScramTooCostly) as error:
        why = str(error).strip() or "no answer in time"
        there = target.endpoint()
        psql = f"psql -h {there.host} -p {there.port} -U {config_of(target).user}"
        return _Unread(why, f"try it by hand: {psql}; look into its log: {target.logs}")


def _planned(
    target: Target, expect: PostgresExpect, made: Reference | None
) -> Iterator[CheckResult]:
    """What would have been checked, without an outcome."""
    none = Schema.model_validate(
        {
            "revisions": None,
            "snapshot": {
                "tables": {},
                "enums": {},
                "sequences": (),
                "functions": {},
                "extensions": (),
            },
        }
    )
    if expect.migrations is not None and made is not None:
        priority = expect.migrations.priority
        yield CheckResult(
            f"{target.name}.revision",
            target.name,
            "the database is at the revision of its migrations",
            priority,
            Outcome.NOT_MEASURED,
            expected=_shown(made.heads),
        )
        yield _schema_result(target, priority, Outcome.NOT_MEASURED)
    yield from table_results(target, expect, none)
    yield from enum_results(target, expect, none)
    yield from privilege_results(target, expect, {})


def _unread(result: CheckResult, live: _Unread) -> CheckResult:
    return replace(
        result,
        outcome=Outcome.NOT_MEASURED,
        cause=Cause.NOT_MEASURED,
        expected=result.expected or "as the migrations make it",
        found=f"the database could not be read: {live.why}",
        fix=live.fix,
    )


def _schema_result(target: Target, priority: Priority, outcome: Outcome) -> CheckResult:
    title = "the schema is what the migrations make"
    return CheckResult(f"{target.name}.schema", target.name, title, priority, outcome)


def _shown(revisions: Sequence[str] | None) -> str:
    return "revision " + ", ".join(revisions) if revisions else "no revision"


def _revision(target: Target, how: MigrationsExpect, made: Reference, live: Schema) -> CheckResult:
    """Compare what the database says that it is at with the head of the migrations."""
    name, heads = target.name, made.heads
    at = live.revisions or ()
    result = CheckResult(
        f"{name}.revision",
        name,
        "the database is at the revision of its migrations",
        how.priority,
        Outcome.PASSED,
        expected=_shown(heads),
        found=_shown(at),
    )
    if not heads:
        return replace(
            result,
            outcome=Outcome.NOT_MEASURED,
            cause=Cause.NOT_MEASURED,
            expected="migrations with a revision",
            found=made.problem or f"{how.folder} holds no revision, and {how.table} none either",
            fix=made.fix or f"correct expect.{name}.migrations",
        )
    if set(at) == set(heads):
        return result
    if unknown := made.known.unknown(at):
        return replace(
            result,
            outcome=Outcome.FAILED,
            cause=Cause.SCHEMA_AHEAD,
            found=f"{_shown(at)}; {', '.join(unknown)} is not in {how.folder}",
            fix=f"deploy the release that brings {', '.join(unknown)}, or take {name} back to "
            f"{', '.join(heads)} with the release that knows it",
        )
    missing = made.known.missing(at, heads)
    if not missing:  # beyond what the declared command applies, yet known
        return replace(
            result,
            outcome=Outcome.FAILED,
            cause=Cause.SCHEMA_AHEAD,
            fix=f"let expect.{name}.migrations.run apply all of {how.folder}, or take {name} back",
        )
    there = f"{_shown(at)}" if live.revisions is not None else f"no table {how.table}"
    return replace(
        result,
        outcome=Outcome.FAILED,
        cause=Cause.SCHEMA_BEHIND,
        found=f"{there}; missing: {', '.join(missing)}",
        fix=f"apply them to {name}: {' '.join(how.command)} (with {how.url} set to its URL)",
    )


def _drift(
    target: Target,
    how: MigrationsExpect,
    made: Reference,
    live: Schema,
    revision: CheckResult,
) -> Iterator[CheckResult]:
    whole = _schema_result(target, how.priority, Outcome.PASSED)
    if made.schema is None:
        yield replace(
            whole,
            priority=made.priority or how.priority,
            outcome=Outcome.NOT_MEASURED,
            cause=Cause.NOT_MEASURED,
            expected="a reference made by running the migrations on a scratch PostgreSQL",
            found=made.problem,
            fix=made.fix,
        )
    elif revision.outcome is not Outcome.PASSED:
        found = f"not compared: the database is at another revision ({revision.id})"
        yield replace(whole, outcome=Outcome.SKIPPED, found=found)
    else:
        found_any = False
        for one in differences(made.schema.snapshot, live.snapshot):
            found_any = True
            yield _difference(target, how, one)
        if not found_any:
            yield whole


def _difference(target: Target, how: MigrationsExpect, one: Difference) -> CheckResult:
    return CheckResult(
        id=f"{target.name}.schema.{one.place}",
        component=target.name,
        title=f"{one.what} is what the migrations make",
        priority=how.priority,
        outcome=Outcome.FAILED,
        cause=Cause.SCHEMA_DRIFT,
        expected=f"{one.what}: {one.expected}",
        found=one.found,
        fix=f"on {target.name}: {one.repair}",
    )


def _within(declared: CheckResult, drift: Sequence[CheckResult]) -> CheckResult:
    """The drift in the same place says all of it, and how the migrations would have it."""
    if declared.outcome is not Outcome.FAILED:
        return declared
    place = declared.id.removeprefix(f"{declared.component}.").removeprefix("table.")
    whole = f"{declared.component}.schema.{place.removeprefix('public.')}"
    same = (one.id for one in drift if one.id == whole or one.id.startswith(f"{whole}."))
    return replace(declared, within=next(same, declared.within))


_LACKING = (Outcome.FAILED, Outcome.NOT_MEASURED)


def _folded(
    declared: Sequence[CheckResult],
    target: Target,
    expect: PostgresExpect,
    made: Reference,
    revision: CheckResult,
) -> Iterator[CheckResult]:
    """What is declared and missing only because migrations are, is no finding of its own."""
    brought: set[str] = set()
    if revision.outcome is Outcome.FAILED and made.schema is not None:
        there = [
            *table_results(target, expect, made.schema),
            *enum_results(target, expect, made.schema),
        ]
        brought = {result.id for result in there if result.outcome is Outcome.PASSED}
    for result in declared:
        if result.outcome in _LACKING and result.id in brought:
            found = f"{result.found}; the migrations bring it ({revision.id})"
            yield replace(result, outcome=Outcome.SKIPPED, cause=None, found=found, fix="")
        else:
            yield result
