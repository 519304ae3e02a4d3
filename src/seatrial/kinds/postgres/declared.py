"""Tables and enums as the declaration wants them, held against a schema."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from seatrial.declaration.problems import nearest
from seatrial.kinds.base import CheckResult, Target
from seatrial.kinds.postgres.compare import Difference, enum_difference, identifier
from seatrial.kinds.postgres.config import PostgresExpect, TableExpect
from seatrial.kinds.postgres.reference import Schema
from seatrial.kinds.postgres.schema import Table, plain
from seatrial.outcome import Cause, Outcome, Priority

#: What people write -> what PostgreSQL calls it.
_ALIASES = {
    "int": "integer",
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "serial": "integer",
    "bigserial": "bigint",
    "smallserial": "smallint",
    "bool": "boolean",
    "float": "double precision",
    "float4": "real",
    "float8": "double precision",
    "decimal": "numeric",
    "char": "character",
    "varchar": "character varying",
    "varbit": "bit varying",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
    "time": "time without time zone",
    "timetz": "time with time zone",
    "string": "text",
}
_TYPE = re.compile(
    r"^(?P<name>[^(\[]*?)\s*(?P<size>\([^)]*\))?(?P<rest>[^\[(]*)(?P<array>(\[\])*)$"
)


def same_type(wanted: str, found: str) -> bool:
    """Whether a declared type means the one found. Without a size, any size will do."""
    one, other = _type(wanted), _type(found)
    if one is None or other is None:
        return wanted == found
    return one[0] == other[0] and one[2] == other[2] and (not one[1] or one[1] == other[1])


def _type(text: str) -> tuple[str, str, str] | None:
    """Name, size and array brackets: "timestamp(3) with time zone" -> its name, "(3)", ""."""
    text, _, _collation = plain(" ".join(text.split())).partition(" COLLATE ")
    if text.startswith('"'):
        return text, "", ""
    match = _TYPE.match(text.lower())
    if match is None:
        return None
    name = " ".join((match["name"] + " " + match["rest"].strip()).split())
    size = (match["size"] or "").replace(" ", "")
    return _ALIASES.get(name, name), size, match["array"]


def _result(
    target: Target, place: str, title: str, priority: Priority, wrong: Difference | None
) -> CheckResult:
    passed = CheckResult(f"{target.name}.{place}", target.name, title, priority, Outcome.PASSED)
    if wrong is None:
        return passed
    return CheckResult(
        id=passed.id,
        component=passed.component,
        title=title,
        priority=priority,
        outcome=Outcome.FAILED,
        cause=Cause.SCHEMA_DRIFT,
        expected=f"{wrong.what}: {wrong.expected}",
        found=wrong.found,
        fix=f"on {target.name}: {wrong.repair}",
    )


def table_results(target: Target, expect: PostgresExpect, live: Schema) -> Iterator[CheckResult]:
    for name, wanted in expect.tables.items():
        found = live.snapshot.tables.get(_plain_name(name))
        missing = None
        if found is None:
            near = _or_nearest(_plain_name(name), live.snapshot.tables)
            repair = f"run the migrations that create it, or correct the name in expect{near}"
            missing = Difference("", f"table {name}", "a table", "it is missing", repair)
        title = f"table {name} exists"
        table = _result(target, f"table.{name}", title, wanted.priority, missing)
        yield table
        for part in _parts(target, name, wanted, found):
            yield part if found is not None else _unseen(part, table)


def _unseen(part: CheckResult, table: CheckResult) -> CheckResult:
    """The table's absence is one fault, however many columns are wanted of it."""
    return replace(
        part,
        outcome=Outcome.NOT_MEASURED,
        cause=Cause.NOT_MEASURED,
        found="there is no such table",
        fix=table.fix,
        within=table.id,
    )


def _or_nearest(name: str, there: Iterable[str]) -> str:
    """A word on the name that was probably meant."""
    hint = nearest(name, there, whole_list=False)
    return f"; or {hint}" if hint else ""


def _plain_name(name: str) -> str:
    return name.removeprefix("public.")


def _parts(
    target: Target, table: str, wanted: TableExpect, found: Table | None
) -> Iterator[CheckResult]:
    for column, kind in wanted.columns.items():
        wrong = _column(table, column, kind, found)
        title = f"column {column} of {table} is {kind}"
        yield _result(target, f"table.{table}.column.{column}", title, wanted.priority, wrong)
    for index in wanted.indexes:
        wrong = _index(table, index, found)
        title = f"index {index} of {table} exists"
        yield _result(target, f"table.{table}.index.{index}", title, wanted.priority, wrong)
    for number, definition in enumerate(wanted.constraints, 1):
        wrong = _constraint(table, definition, found)
        title = f"constraint {definition} of {table} exists"
        place = f"table.{table}.constraint.{number}"
        yield _result(target, place, title, wanted.priority, wrong)


def _column(table: str, name: str, kind: str, found: Table | None) -> Difference | None:
    what = f"column {name} of {table}"
    column = found.columns.get(name) if found is not None else None
    if column is None:
        add = f"ALTER TABLE {identifier(table)} ADD COLUMN {identifier(name)} {kind}"
        add += _or_nearest(name, found.columns if found is not None else ())
        return Difference("", what, kind, "it is missing", add)
    if same_type(kind, column.type):
        return None
    alter = f"ALTER TABLE {identifier(table)} ALTER COLUMN {identifier(name)} TYPE {kind}"
    return Difference("", what, kind, column.type, alter)


def _index(table: str, name: str, found: Table | None) -> Difference | None:
    indexes = found.indexes if found is not None else ()
    index = next((one for one in indexes if one.name == name), None)
    if index is not None and index.sound:
        return None
    there = "it is missing" if index is None else "it is there but not valid"
    repair = f"CREATE INDEX {identifier(name)} ON {identifier(table)} (...)"
    repair += _or_nearest(name, (one.name for one in indexes))
    if index is not None:
        repair = f"REINDEX INDEX {identifier(name)}"
    return Difference("", f"index {name} of {table}", "a valid index", there, repair)


def _constraint(table: str, definition: str, found: Table | None) -> Difference | None:
    constraints = found.constraints if found is not None else ()
    if any(_bare(one.definition) == _bare(definition) for one in constraints):
        return None
    there = "; ".join(one.definition for one in constraints) or "no constraint at all"
    repair = f"ALTER TABLE {identifier(table)} ADD {definition}"
    return Difference("", f"a constraint of {table}", definition, there, repair)


def _bare(definition: str) -> str:
    """A definition without what PostgreSQL adds on its own: blanks, brackets, letter case."""
    return re.sub(r"[\s()]+", "", definition).lower()


def enum_results(target: Target, expect: PostgresExpect, live: Schema) -> Iterator[CheckResult]:
    for name, wanted in expect.enums.items():
        found = live.snapshot.enums.get(_plain_name(name))
        wrong = next(enum_difference(name, wanted.labels, found), None)
        if wrong is not None and found is None:
            near = _or_nearest(_plain_name(name), live.snapshot.enums)
            wrong = replace(wrong, repair=wrong.repair + near)
        title = f"enum {name} is {', '.join(wanted.labels)}"
        yield _result(target, f"enum.{name}", title, wanted.priority, wrong)
