"""Drills of a database: its server, its schema, its privileges.

What is changed is read from the catalogue first, so that it can be put back as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial

import psycopg
from psycopg import sql

from seatrial.declaration.models import Component
from seatrial.errors import CapabilityMissing
from seatrial.kinds.drill import Drill, Stage
from seatrial.kinds.postgres.address import place_of
from seatrial.kinds.postgres.config import MigrationsExpect, PostgresExpect
from seatrial.kinds.postgres.links import Link, connect
from seatrial.outcome import Cause

_SECONDS = 5.0
_MOST = 2000  # connections that are opened to use all of them up

_INDEX = """
SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
  AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid)
ORDER BY c.relname = ANY(%s) DESC, c.relname
"""
_CONSTRAINT = """
SELECT conrelid::regclass::text AS of, conname AS name, pg_get_constraintdef(oid) AS definition
FROM pg_constraint WHERE conrelid <> 0 AND contype IN ('c', 'f') AND conparentid = 0
  AND connamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')
ORDER BY contype, conname
"""
_TEXT_COLUMN = """
SELECT a.attrelid::regclass::text AS of, a.attname AS name
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid = 'text'::regtype
  AND NOT a.atthasdef AND c.relname = ANY(%s) ORDER BY c.relname, a.attnum
"""
_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
"""

Statement = sql.SQL | sql.Composed
Breaks = Callable[[Link], AbstractContextManager[None]]


def drills(component: Component) -> Sequence[Drill]:
    return tuple(_drills(component.name, component.expect))


def _drills(name: str, expect: object) -> Iterator[Drill]:
    def drill(what: str, title: str, cause: Cause, breaks: Breaks) -> Drill:
        broken = partial(_on, name, breaks)
        return Drill(f"{name}.{what}", f"{name}: {title}", {name: frozenset({cause})}, broken)

    yield drill("read-only", "the database takes no writes", Cause.READ_ONLY, _read_only)
    yield Drill(
        f"{name}.exhausted",
        f"{name}: all connections are in use",
        {name: frozenset({Cause.EXHAUSTED})},
        partial(_exhausted, name),
    )
    if not isinstance(expect, PostgresExpect):
        return
    drift = Cause.SCHEMA_DRIFT
    tables = tuple(table.rpartition(".")[2] for table in expect.tables)
    indexes = tuple(index for table in expect.tables.values() for index in table.indexes)
    if expect.migrations is not None:
        behind, ahead = (partial(_revision, expect.migrations, found) for found in (None, "ahead"))
        yield drill("behind", "its schema lacks migrations", Cause.SCHEMA_BEHIND, behind)
        yield drill("ahead", "its revision is unknown here", Cause.SCHEMA_AHEAD, ahead)
        yield drill("missing-constraint", "a constraint is gone", drift, _missing_constraint)
    if expect.migrations is not None or indexes:
        missing = partial(_missing_index, indexes)
        yield drill("missing-index", "an index is gone", drift, missing)
    if tables:
        column = partial(_column_type, tables)
        yield drill("column-type", "a column has another type", drift, column)
    for enum, wanted in tuple(expect.enums.items())[:1]:
        renamed = partial(_renamed, enum, wanted.labels[-1])
        yield drill("changed-enum", f"a label of {enum} is another", drift, renamed)
    for role, rights in tuple(expect.privileges.items())[:1]:
        table, privileges = next(iter(rights.tables.items()))
        revoked = partial(_revoked, role, table, privileges[-1])
        title = f"{role} may no longer {privileges[-1]} on {table}"
        yield drill("permissions", title, Cause.NOT_AUTHORISED, revoked)


@contextmanager
def _on(name: str, breaks: Breaks, stage: Stage) -> Iterator[None]:
    """A connection for the whole of it, so that what breaks new ones cannot keep us out."""
    with connect(place_of(stage.target(name)), _SECONDS) as link:
        link.execute("SELECT set_config('lock_timeout', '5s', false)")
        with breaks(link):
            yield


def _first(link: Link, query: str, what: str, *names: object) -> dict[str, str]:
    found = link.execute(query.encode(), names or None).fetchone()
    if found is None:
        raise CapabilityMissing(f"there is no {what} in this database", hint="nothing to do")
    return {key: str(value) for key, value in found.items()}


@contextmanager
def _changed(link: Link, do: Statement, undo: Statement) -> Iterator[None]:
    link.execute(do)
    try:
        yield
    finally:
        link.execute(undo)


@contextmanager
def _read_only(link: Link) -> Iterator[None]:
    """For every new connection; the old ones of this user end, so that services have new ones."""
    database = sql.Identifier(link.info.dbname)
    setting = sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(database)
    back = sql.SQL("ALTER DATABASE {} RESET default_transaction_read_only").format(database)
    try:
        with _changed(link, setting, back):
            link.execute(_OTHERS)
            yield
    finally:
        link.execute(_OTHERS)


@contextmanager
def _exhausted(name: str, stage: Stage) -> Iterator[None]:
    place = place_of(stage.target(name))
    with ExitStack() as held:
        try:
            for _ in range(_MOST):
                held.enter_context(connect(place, _SECONDS))
        except psycopg.OperationalError:
            yield
            return
        raise CapabilityMissing(f"{name} took {_MOST} connections and had more", hint="lower it")


@contextmanager
def _revision(migrations: MigrationsExpect, found: str | None, link: Link) -> Iterator[None]:
    table = sql.Identifier(*migrations.table.split("."))
    rows = link.execute(sql.SQL("SELECT version_num FROM {}").format(table)).fetchall()
    insert = sql.SQL("INSERT INTO {} (version_num) VALUES ({})")
    clear = sql.SQL("DELETE FROM {}").format(table)
    with link.transaction():
        link.execute(clear)
        if found is not None:
            link.execute(insert.format(table, sql.Literal(found)))
    try:
        yield
    finally:
        with link.transaction():
            link.execute(clear)
            for row in rows:
                link.execute(insert.format(table, sql.Literal(row["version_num"])))


def _missing_index(declared: Sequence[str], link: Link) -> AbstractContextManager[None]:
    index = _first(link, _INDEX, "index", list(declared))
    drop = sql.SQL("DROP INDEX " + index["name"])  # as regclass quotes it
    return _changed(link, drop, sql.SQL(_literally(index["definition"])))


def _missing_constraint(link: Link) -> AbstractContextManager[None]:
    found = _first(link, _CONSTRAINT, "check or foreign key")
    table, name = sql.SQL(_literally(found["of"])), sql.Identifier(found["name"])
    drop = sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(table, name)
    add = sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}")
    return _changed(link, drop, add.format(table, name, sql.SQL(_literally(found["definition"]))))


def _column_type(tables: Sequence[str], link: Link) -> AbstractContextManager[None]:
    found = _first(link, _TEXT_COLUMN, "column of type text in a declared table", list(tables))
    table, name = sql.SQL(_literally(found["of"])), sql.Identifier(found["name"])
    change = sql.SQL("ALTER TABLE {} ALTER COLUMN {} TYPE {}")
    other, own = sql.SQL("character varying"), sql.SQL("text")
    return _changed(link, change.format(table, name, other), change.format(table, name, own))


def _renamed(enum: str, label: str, link: Link) -> AbstractContextManager[None]:
    change = sql.SQL("ALTER TYPE {} RENAME VALUE {} TO {}")
    name, own, other = _qualified(enum), sql.Literal(label), sql.Literal(f"{label[:50]}_other")
    return _changed(link, change.format(name, own, other), change.format(name, other, own))


def _revoked(role: str, table: str, privilege: str, link: Link) -> AbstractContextManager[None]:
    parts = (sql.SQL(privilege), _qualified(table), sql.Identifier(role))
    take = sql.SQL("REVOKE {} ON {} FROM {}").format(*parts)
    return _changed(link, take, sql.SQL("GRANT {} ON {} TO {}").format(*parts))


def _qualified(name: str) -> sql.Identifier:
    return sql.Identifier(*name.split("."))


def _literally(text: str) -> str:
    """What the catalogue wrote, as a template of `format` that means just that."""
    return text.replace("{", "{{").replace("}", "}}")
