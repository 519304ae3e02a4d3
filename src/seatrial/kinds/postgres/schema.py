"""A snapshot of a database's schema, read from the catalogs, which every user may read.

Names in PostgreSQL's own schema are left out, as is what belongs to an extension and the single
partitions of a table. Definitions are as PostgreSQL writes them with an empty search path, and
"public." taken away, so that those of two databases can be compared.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from seatrial.kinds.postgres.links import AsyncLink

_USER_SCHEMA = r"n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"


def _not_of_extension(catalog: str, oid: str) -> str:
    return (
        f"NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = '{catalog}'::regclass "
        f"AND e.objid = {oid} AND e.deptype = 'e')"
    )


_TABLE = f"""c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
  AND {_USER_SCHEMA} AND {_not_of_extension("pg_class", "c.oid")}"""

_COLUMNS = f"""
SELECT n.nspname AS schema, c.relname AS table, c.relkind AS kind, a.attname AS name,
  pg_catalog.format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS not_null,
  a.attidentity AS identity, a.attgenerated AS generated,
  pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS default,
  CASE WHEN a.attcollation <> t.typcollation THEN l.collname END AS collation
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_collation l ON l.oid = a.attcollation
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE {_TABLE} ORDER BY 1, 2, a.attnum
"""  # noqa: S608

#: Since version 18 NOT NULL is a constraint too ('n'); it is read from the column instead.
_CONSTRAINTS = f"""
SELECT n.nspname AS schema, c.relname AS table, k.conname AS name,
  pg_catalog.pg_get_constraintdef(k.oid) AS definition
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {_TABLE} AND k.contype IN ('p', 'u', 'f', 'c', 'x') ORDER BY 1, 2, 3
"""  # noqa: S608

_INDEXES = f"""
SELECT n.nspname AS schema, c.relname AS table, x.relname AS name,
  pg_catalog.pg_get_indexdef(i.indexrelid) AS definition,
  i.indisvalid AND i.indisready AS valid,
  EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid
          AND k.conrelid = c.oid AND k.contype IN ('p', 'u', 'x')) AS of_constraint
FROM pg_index i
JOIN pg_class x ON x.oid = i.indexrelid
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {_TABLE} ORDER BY 1, 2, 3
"""  # noqa: S608

_TRIGGERS = f"""
SELECT n.nspname AS schema, c.relname AS table, g.tgname AS name,
  pg_catalog.pg_get_triggerdef(g.oid) AS definition, g.tgenabled <> 'D' AS enabled
FROM pg_trigger g
JOIN pg_class c ON c.oid = g.tgrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {_TABLE} AND NOT g.tgisinternal ORDER BY 1, 2, 3
"""  # noqa: S608

_ENUMS = f"""
SELECT n.nspname AS schema, t.typname AS name,
  array_agg(e.enumlabel::text ORDER BY e.enumsortorder) AS labels
FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE {_USER_SCHEMA} AND {_not_of_extension("pg_type", "t.oid")} GROUP BY 1, 2 ORDER BY 1, 2
"""  # noqa: S608

#: Sequences of a serial or identity column are part of the column.
_SEQUENCES = f"""
SELECT n.nspname AS schema, c.relname AS name
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'S' AND {_USER_SCHEMA} AND NOT EXISTS (
  SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
  AND d.deptype IN ('a', 'i', 'e')) ORDER BY 1, 2
"""  # noqa: S608

_FUNCTIONS = f"""
SELECT n.nspname AS schema, p.proname AS name,
  pg_catalog.pg_get_function_identity_arguments(p.oid) AS arguments,
  p.prosrc || coalesce(p.probin, '') AS body
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE {_USER_SCHEMA} AND {_not_of_extension("pg_proc", "p.oid")} ORDER BY 1, 2, 3
"""  # noqa: S608

_EXTENSIONS = "SELECT extname AS name FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY 1"

_SERIAL = re.compile(r"^nextval\('.*'::regclass\)$")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Column(_Part):
    type: str
    not_null: bool
    default: str | None  # an expression; None without one, and for a generated column
    filled: str  # "", "sequence", "always identity" or "always (expression)": who else fills it


class Named(_Part):
    """A constraint, index or trigger. `sound`: it is valid (an index) or enabled (a trigger)."""

    name: str
    definition: str
    sound: bool = True
    of_constraint: bool = False  # an index that exists because of a constraint


class Table(_Part):
    kind: str  # table, view, materialized view or foreign table
    columns: Mapping[str, Column]
    constraints: tuple[Named, ...] = ()
    indexes: tuple[Named, ...] = ()
    triggers: tuple[Named, ...] = ()


class Snapshot(_Part):
    """Everything by name, "schema.name" outside of public."""

    tables: Mapping[str, Table]
    enums: Mapping[str, tuple[str, ...]]
    sequences: tuple[str, ...]
    functions: Mapping[str, str]  # name(arguments) -> digest of the body
    extensions: tuple[str, ...]


_KINDS = {"r": "table", "p": "table", "v": "view", "m": "materialized view", "f": "foreign table"}


def plain(text: str) -> str:
    """A definition without the schema that everybody means."""
    return re.sub(r'(?<![\w"$.])public\.', "", text)


def _name(row: Mapping[str, object], key: str = "name") -> str:
    schema = row["schema"]
    return str(row[key]) if schema == "public" else f"{schema}.{row[key]}"


async def read_snapshot(link: AsyncLink) -> Snapshot:
    """Read it inside the transaction that `link` is in, whose search path it empties."""
    await link.execute("SELECT set_config('search_path', '', true)")

    async def rows(sql: str) -> list[dict[str, object]]:
        return await (await link.execute(sql.encode())).fetchall()

    columns = await rows(_COLUMNS)
    parts = {
        "constraints": _by_table(await rows(_CONSTRAINTS)),
        "indexes": _by_table(await rows(_INDEXES)),
        "triggers": _by_table(await rows(_TRIGGERS)),
    }
    tables: dict[str, dict[str, Column]] = {}
    kinds: dict[str, str] = {}
    for row in columns:
        table = _name(row, "table")
        kinds[table] = _KINDS[_char(row["kind"])]
        held = tables.setdefault(table, {})
        if row["name"] is not None:
            held[str(row["name"])] = _column(row)
    return Snapshot(
        tables={
            name: Table(
                kind=kinds[name],
                columns=held,
                **{part: tuple(found.get(name, ())) for part, found in parts.items()},
            )
            for name, held in tables.items()
        },
        enums={_name(row): tuple(row["labels"]) for row in await rows(_ENUMS)},  # type: ignore[arg-type]
        sequences=tuple(_name(row) for row in await rows(_SEQUENCES)),
        functions={
            f"{_name(row)}({plain(str(row['arguments']))})": _digest(str(row["body"]))
            for row in await rows(_FUNCTIONS)
        },
        extensions=tuple(str(row["name"]) for row in await rows(_EXTENSIONS)),
    )


def _digest(body: str) -> str:
    return hashlib.sha256(body.strip().encode()).hexdigest()[:16]


def _char(value: object) -> str:
    """A value of the catalogs' one-byte type "char", which drivers give as text or bytes."""
    return value.decode() if isinstance(value, bytes) else str(value)


def _column(row: Mapping[str, object]) -> Column:
    default = plain(str(row["default"])) if row["default"] is not None else None
    filled = ""
    if _char(row["generated"]) not in ("", "\0"):
        default, filled = None, f"always ({default})"
    elif (identity := _char(row["identity"])) == "a":
        filled = "always identity"
    elif identity == "d" or (default is not None and _SERIAL.match(default)):
        default, filled = None, "sequence"
    collation = f' COLLATE "{row["collation"]}"' if row["collation"] else ""
    return Column(
        type=plain(str(row["type"])) + collation,
        not_null=bool(row["not_null"]),
        default=default,
        filled=filled,
    )


def _by_table(rows: list[dict[str, object]]) -> dict[str, list[Named]]:
    found: dict[str, list[Named]] = {}
    for row in rows:
        named = Named(
            name=str(row["name"]),
            definition=plain(str(row["definition"])),
            sound=bool(row.get("valid", True)) and bool(row.get("enabled", True)),
            of_constraint=bool(row.get("of_constraint", False)),
        )
        found.setdefault(_name(row, "table"), []).append(named)
    return found


_FIND = """
SELECT n.nspname AS schema, c.relname AS name
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND c.relname = %(name)s
  AND CASE WHEN %(schema)s::text IS NULL THEN pg_catalog.pg_table_is_visible(c.oid)
           ELSE n.nspname = %(schema)s END
"""


async def read_revisions(link: AsyncLink, table: str) -> tuple[str, ...] | None:
    """The revisions that Alembic's table holds; None without such a table.

    Must come before `read_snapshot` in a transaction, while the search path is the user's own.
    Raises psycopg.errors.InsufficientPrivilege where the user may not read the table.
    """
    schema, _, name = table.rpartition(".")
    cursor = await link.execute(_FIND.encode(), {"schema": schema or None, "name": name})
    if (found := await cursor.fetchone()) is None:
        return None
    place = ".".join('"' + str(found[key]).replace('"', '""') + '"' for key in ("schema", "name"))
    cursor = await link.execute(f"SELECT version_num FROM {place} ORDER BY 1".encode())  # noqa: S608
    return tuple(str(row["version_num"]) for row in await cursor.fetchall())
