"""The differences of a live schema from its reference that can break something.

Healthy, and passed over: more tables, columns that fill themselves, indexes, constraints, defaults,
functions and extensions than the reference has, and other names for constraints and indexes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from seatrial.kinds.postgres.schema import Column, Named, Snapshot, Table


@dataclass(frozen=True)
class Difference:
    place: str  # "tasks.column.circuit", within the whole schema
    what: str  # "column circuit of tasks"
    expected: str
    found: str
    repair: str  # SQL, or words


def differences(reference: Snapshot, live: Snapshot) -> Iterator[Difference]:
    for name, table in reference.tables.items():
        yield from _table(name, table, live.tables.get(name))
    for name, labels in reference.enums.items():
        yield from enum_difference(name, labels, live.enums.get(name))
    yield from _members(reference, live)


def identifier(name: str) -> str:
    """A name, perhaps with its schema, as SQL wants it written."""
    parts = name.split(".", 1)
    return ".".join(
        part if re.fullmatch(r"[a-z_][a-z0-9_$]*", part) else '"' + part.replace('"', '""') + '"'
        for part in parts
    )


def _table(name: str, wanted: Table, found: Table | None) -> Iterator[Difference]:
    if found is None or found.kind != wanted.kind:
        there = "it is missing" if found is None else f"it is a {found.kind}"
        repair = f"create the {wanted.kind} as the migrations do"
        yield Difference(name, f"{wanted.kind} {name}", f"a {wanted.kind}", there, repair)
        return
    for column, what in wanted.columns.items():
        yield from _column(name, column, what, found.columns.get(column))
    for column, extra in found.columns.items():
        if column not in wanted.columns and wanted.kind == "table":
            yield from _extra_column(name, column, extra)
    yield from _constraints(name, wanted, found)
    yield from _indexes(name, wanted, found)
    yield from _triggers(name, wanted, found)


def _column(table: str, name: str, wanted: Column, found: Column | None) -> Iterator[Difference]:
    place, what = f"{table}.column.{name}", f"column {name} of {table}"
    alter = f"ALTER TABLE {identifier(table)} ALTER COLUMN {identifier(name)}"
    if found is None:
        add = f"ALTER TABLE {identifier(table)} ADD COLUMN {identifier(name)} {wanted.type}"
        yield Difference(place, what, wanted.type, "it is missing", add)
        return
    if found.type != wanted.type:
        repair = f"{alter} TYPE {wanted.type}"
        yield Difference(f"{place}.type", what, wanted.type, found.type, repair)
    if found.not_null != wanted.not_null:
        words = {True: "NOT NULL", False: "nullable"}
        yield Difference(
            f"{place}.null",
            what,
            words[wanted.not_null],
            words[found.not_null],
            f"{alter} {'SET' if wanted.not_null else 'DROP'} NOT NULL",
        )
    if _fills(wanted) != _fills(found) and _fills(wanted) != _NOTHING:
        repair = f"recreate {what} as the migrations do: {_fills(wanted)}"
        if wanted.default:
            repair = f"{alter} SET DEFAULT {wanted.default}"
        yield Difference(f"{place}.default", what, _fills(wanted), _fills(found), repair)


_NOTHING = "no default"


def _fills(column: Column) -> str:
    """What an INSERT that leaves the column out puts there."""
    if column.filled:
        return f"filled by {column.filled}"
    return f"default {column.default}" if column.default is not None else _NOTHING


def _extra_column(table: str, name: str, extra: Column) -> Iterator[Difference]:
    if extra.not_null and _fills(extra) == _NOTHING:
        yield Difference(
            f"{table}.column.{name}",
            f"column {name} of {table}",
            "no such column, or one that an INSERT may leave out",
            f"an additional column {extra.type} NOT NULL without a default: inserts fail",
            f"ALTER TABLE {identifier(table)} ALTER COLUMN {identifier(name)} DROP NOT NULL",
        )


def _constraints(table: str, wanted: Table, found: Table) -> Iterator[Difference]:
    there = [one.definition for one in found.constraints]
    for one in wanted.constraints:
        # Validated since is better than what the migrations asked for.
        for definition in (one.definition, one.definition.removesuffix(" NOT VALID")):
            if definition in there:
                there.remove(definition)
                break
        else:
            namesake = _namesake(one, found.constraints)
            change = f"ALTER TABLE {identifier(table)}"
            drop = f" DROP CONSTRAINT {identifier(one.name)}," if namesake else ""
            yield Difference(
                f"{table}.constraint.{one.name}",
                f"constraint {one.name} of {table}",
                one.definition,
                namesake.definition if namesake else "it is missing",
                f"{change}{drop} ADD CONSTRAINT {identifier(one.name)} {one.definition}",
            )


def _namesake(one: Named, among: tuple[Named, ...]) -> Named | None:
    return next((other for other in among if other.name == one.name), None)


_INDEX_NAME = re.compile(r'^(CREATE (?:UNIQUE )?INDEX) (?:"(?:[^"]|"")*"|\S+) (ON )')


def unnamed(definition: str) -> str:
    """The definition of an index without its name."""
    return _INDEX_NAME.sub(r"\1 \2", definition)


def _indexes(table: str, wanted: Table, found: Table) -> Iterator[Difference]:
    sound = {unnamed(one.definition) for one in found.indexes if one.sound}
    unsound = {unnamed(one.definition) for one in found.indexes if not one.sound}
    for one in wanted.indexes:
        definition = unnamed(one.definition)
        # An index of a constraint is missed with its constraint.
        if one.of_constraint or definition in sound:
            continue
        namesake = _namesake(one, found.indexes)
        there, repair = "it is missing", one.definition
        if definition in unsound:
            there, repair = "it is there but not valid", f"REINDEX INDEX {identifier(one.name)}"
        elif namesake:
            there = namesake.definition
            repair = f"DROP INDEX {identifier(one.name)}; {one.definition}"
        what = f"index {one.name} of {table}"
        yield Difference(f"{table}.index.{one.name}", what, one.definition, there, repair)


def _triggers(table: str, wanted: Table, found: Table) -> Iterator[Difference]:
    for one in wanted.triggers:
        namesake = _namesake(one, found.triggers)
        if namesake == one:
            continue
        there = "it is missing" if namesake is None else namesake.definition
        repair = one.definition
        if namesake and not namesake.sound and one.sound:
            there = "it is disabled"
            repair = f"ALTER TABLE {identifier(table)} ENABLE TRIGGER {identifier(one.name)}"
        what = f"trigger {one.name} of {table}"
        yield Difference(f"{table}.trigger.{one.name}", what, one.definition, there, repair)


def enum_difference(
    name: str, wanted: tuple[str, ...], found: tuple[str, ...] | None
) -> Iterator[Difference]:
    if found == wanted:
        return
    repair = f"recreate the type {name} with these labels in this order"
    if found is not None and found == wanted[: len(found)]:
        adding = wanted[len(found) :]
        repair = "; ".join(f"ALTER TYPE {identifier(name)} ADD VALUE '{one}'" for one in adding)
    yield Difference(
        f"enum.{name}",
        f"enum {name}",
        ", ".join(wanted),
        "it is missing" if found is None else ", ".join(found),
        repair,
    )


def _members(reference: Snapshot, live: Snapshot) -> Iterator[Difference]:
    for name in reference.sequences:
        if name not in live.sequences:
            repair = f"CREATE SEQUENCE {identifier(name)}"
            yield Difference(
                f"sequence.{name}", f"sequence {name}", "a sequence", "it is missing", repair
            )
    for name in reference.extensions:
        if name not in live.extensions:
            repair = f"CREATE EXTENSION {identifier(name)}"
            yield Difference(
                f"extension.{name}", f"extension {name}", "installed", "it is missing", repair
            )
    for name, body in reference.functions.items():
        if live.functions.get(name) != body:
            there = "another body" if name in live.functions else "it is missing"
            yield Difference(
                f"function.{name.partition('(')[0]}",
                f"function {name}",
                "as the migrations make it",
                there,
                "create or replace it as the migrations do",
            )
