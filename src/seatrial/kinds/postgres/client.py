"""What a trial talks to PostgreSQL with: a few calls, sync, and their async twin at `.aio`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import TypeAlias

from seatrial.kinds.base import Target
from seatrial.kinds.postgres.address import place_of
from seatrial.kinds.postgres.links import (
    AsyncLink,
    Link,
    alive,
    bounded,
    bounded_async,
    connect,
    connect_async,
)

Row: TypeAlias = Mapping[str, object]
Params: TypeAlias = Sequence[object] | Mapping[str, object] | None

_TABLE = """
SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relname = %(name)s
  AND CASE WHEN %(schema)s::text IS NULL THEN pg_catalog.pg_table_is_visible(c.oid)
           ELSE n.nspname = %(schema)s END
"""
_COLUMNS = f"""
SELECT attname AS name, pg_catalog.format_type(atttypid, atttypmod) AS type
FROM pg_catalog.pg_attribute
WHERE attrelid = ({_TABLE}) AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""  # noqa: S608


def _named(table: str) -> dict[str, object]:
    schema, _, name = table.rpartition(".")
    return {"schema": schema or None, "name": name}


def _single(rows: Sequence[Row], sql: str) -> Row:
    if len(rows) != 1:
        raise LookupError(f"expected one row and got {len(rows)}: {' '.join(sql.split())}")
    return rows[0]


def _only_value(row: Row, sql: str) -> object:
    if len(row) != 1:
        raise LookupError(f"expected one column and got {len(row)}: {' '.join(sql.split())}")
    return next(iter(row.values()))


class PostgresClient:
    """Statements on one database; each is a transaction of its own.

    `connect_timeout` and `statement_timeout` are seconds. A call that takes longer raises
    TimeoutError; other failures are psycopg's own errors. Connections open on first use, are
    renewed when the server was restarted, and end with `close`. Usable from several threads.
    """

    def __init__(
        self, target: Target, *, connect_timeout: float = 3.0, statement_timeout: float = 10.0
    ) -> None:
        self.target = target
        self.statement_timeout = statement_timeout
        self.connect_timeout = connect_timeout
        self._place = place_of(target)
        self._link: Link | None = None
        self._lock = threading.Lock()
        self.aio = AsyncPostgresClient(
            target, connect_timeout=connect_timeout, statement_timeout=statement_timeout
        )

    def query(self, sql: str, params: Params = None) -> list[Row]:
        """All rows; parameters are `%s` or `%(name)s`."""
        with self._lock:
            link = self._ready()
            with bounded(link, self.statement_timeout):
                cursor = link.execute(sql.encode(), params)
                return list(cursor.fetchall()) if cursor.description else []

    def one(self, sql: str, params: Params = None) -> Row:
        """The only row. Raises LookupError when there is none, or more."""
        return _single(self.query(sql, params), sql)

    def value(self, sql: str, params: Params = None) -> object:
        """The only column of the only row. Raises LookupError."""
        return _only_value(self.one(sql, params), sql)

    def execute(self, sql: str, params: Params = None) -> int:
        """Run a statement and return how many rows it touched, -1 where that means nothing."""
        with self._lock:
            link = self._ready()
            with bounded(link, self.statement_timeout):
                return link.execute(sql.encode(), params).rowcount

    def table_exists(self, table: str) -> bool:
        """Whether there is a table or view of this name, or schema.name."""
        return bool(self.query(_TABLE, _named(table)))

    def columns(self, table: str) -> dict[str, str]:
        """Column names with their SQL types, in order; empty if there is no such table."""
        rows = self.query(_COLUMNS, _named(table))
        return {str(row["name"]): str(row["type"]) for row in rows}

    @contextmanager
    def transaction(self) -> Iterator[Link]:
        """A psycopg connection of its own in a transaction; an exception rolls it back."""
        with self.connect() as link, link.transaction():
            limit = str(round(self.statement_timeout * 1000))
            link.execute("SELECT set_config('statement_timeout', %s, true)", [limit])
            yield link

    def connect(self) -> Link:
        """A new psycopg connection in autocommit mode, for the caller to close."""
        return connect(self._place, self.connect_timeout)

    def close(self) -> None:
        """Close the connections, those of `.aio` too. A later call opens new ones."""
        with self._lock:
            if self._link is not None:
                self._link.close()
                self._link = None
        self.aio.close()

    def _ready(self) -> Link:
        if self._link is not None and not alive(self._link):
            self._link.close()
            self._link = None
        if self._link is None:
            self._link = self.connect()
        return self._link

    def __enter__(self) -> PostgresClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncPostgresClient:
    """PostgresClient for asyncio; usable from several event loops, one after the other or at once.

    Calls in one loop share a connection and so wait for each other.
    """

    def __init__(
        self, target: Target, *, connect_timeout: float = 3.0, statement_timeout: float = 10.0
    ) -> None:
        self.target = target
        self.connect_timeout = connect_timeout
        self.statement_timeout = statement_timeout
        self._place = place_of(target)
        self._links: dict[asyncio.AbstractEventLoop, tuple[asyncio.Lock, AsyncLink | None]] = {}

    async def query(self, sql: str, params: Params = None) -> list[Row]:
        """All rows; parameters are `%s` or `%(name)s`."""

        async def run(link: AsyncLink) -> list[Row]:
            cursor = await link.execute(sql.encode(), params)
            return list(await cursor.fetchall()) if cursor.description else []

        async with self._ready() as link:
            return await bounded_async(link, run(link), self.statement_timeout)

    async def one(self, sql: str, params: Params = None) -> Row:
        """The only row. Raises LookupError when there is none, or more."""
        return _single(await self.query(sql, params), sql)

    async def value(self, sql: str, params: Params = None) -> object:
        """The only column of the only row. Raises LookupError."""
        return _only_value(await self.one(sql, params), sql)

    async def execute(self, sql: str, params: Params = None) -> int:
        """Run a statement and return how many rows it touched, -1 where that means nothing."""

        async def run(link: AsyncLink) -> int:
            return (await link.execute(sql.encode(), params)).rowcount

        async with self._ready() as link:
            return await bounded_async(link, run(link), self.statement_timeout)

    async def table_exists(self, table: str) -> bool:
        """Whether there is a table or view of this name, or schema.name."""
        return bool(await self.query(_TABLE, _named(table)))

    async def columns(self, table: str) -> dict[str, str]:
        """Column names with their SQL types, in order; empty if there is no such table."""
        rows = await self.query(_COLUMNS, _named(table))
        return {str(row["name"]): str(row["type"]) for row in rows}

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncLink]:
        """A psycopg connection of its own in a transaction; an exception rolls it back."""
        async with await self.connect() as link, link.transaction():
            limit = str(round(self.statement_timeout * 1000))
            await link.execute("SELECT set_config('statement_timeout', %s, true)", [limit])
            yield link

    async def connect(self) -> AsyncLink:
        """A new psycopg connection in autocommit mode, for the caller to close."""
        return await connect_async(self._place, self.connect_timeout)

    def close(self) -> None:
        """Close the connections of every loop; callable from anywhere."""
        for _, link in self._links.values():
            if link is not None:
                link.pgconn.finish()
        self._links.clear()

    @asynccontextmanager
    async def _ready(self) -> AsyncIterator[AsyncLink]:
        loop = asyncio.get_running_loop()
        self._forget_closed_loops()
        lock, _ = self._links.setdefault(loop, (asyncio.Lock(), None))
        async with lock:
            _, link = self._links.get(loop, (lock, None))
            if link is None or not alive(link):
                if link is not None:
                    link.pgconn.finish()
                link = await self.connect()
                self._links[loop] = (lock, link)
            yield link

    def _forget_closed_loops(self) -> None:
        for loop in [loop for loop in self._links if loop.is_closed()]:
            _, link = self._links.pop(loop)
            if link is not None:
                link.pgconn.finish()
