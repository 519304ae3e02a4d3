"""A small pool of PostgreSQL connections that never outlives a deadline.

asyncpg's own pool waits for a timed-out statement to be cancelled before it takes a connection
back; when the server hangs (a black hole, a frozen machine) that wait never ends and the pool
stays exhausted after the server is back. Here whatever went wrong is cut off instead.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection  # Generic for the type checker only.

_STATEMENT_MILLISECONDS = 10_000
_IDLE_IN_TRANSACTION_MILLISECONDS = 20_000


class DatabaseAway(Exception):
    """The database cannot be reached, does not answer in time, or cannot serve us now."""


AWAY_ERRORS = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.InternalClientError,
)
"""Trouble of the server, not of what it was asked. A missing table is a missing migration."""


class Database:
    """Lends connections, opens them when needed, and throws away those that misbehaved."""

    def __init__(self, url: str, size: int, name: str) -> None:
        self._url = url
        self._name = name
        self._free = asyncio.Semaphore(size)
        self._idle: list[Connection] = []

    @asynccontextmanager
    async def session(self, seconds: float) -> AsyncIterator[Connection]:
        """Lend a connection; waiting, connecting and the whole body share one deadline.

        Raises DatabaseAway for trouble of the server; other errors of PostgreSQL pass through.
        """
        connection: Connection | None = None
        try:
            async with asyncio.timeout(seconds), self._free:
                try:
                    connection = self._take() or await self._open(seconds)
                    yield connection
                    self._give_back(connection)
                    connection = None
                finally:
                    if connection is not None:
                        # Not closed politely: the server may never answer.
                        connection.terminate()
        except AWAY_ERRORS as error:
            raise DatabaseAway(describe(error)) from error

    async def close(self) -> None:
        """Close the idle connections."""
        idle, self._idle = self._idle, []
        for connection in idle:
            try:
                async with asyncio.timeout(1.0):
                    await connection.close()
            except AWAY_ERRORS:
                connection.terminate()

    def _take(self) -> Connection | None:
        # The last one returned is the warmest; those that the server closed are dropped.
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        return None

    def _give_back(self, connection: Connection) -> None:
        if connection.is_closed() or connection.is_in_transaction():
            connection.terminate()
        else:
            self._idle.append(connection)

    async def _open(self, seconds: float) -> Connection:
        settings = {
            "application_name": self._name,
            "timezone": "UTC",
            "statement_timeout": str(_STATEMENT_MILLISECONDS),
            "idle_in_transaction_session_timeout": str(_IDLE_IN_TRANSACTION_MILLISECONDS),
        }
        return await asyncpg.connect(self._url, timeout=seconds, server_settings=settings)


def describe(error: BaseException) -> str:
    """Return a short reason for humans: many network errors have no text of their own."""
    text = " ".join(str(error).split())
    if isinstance(error, TimeoutError) and not text:
        return "no answer in time"
    return text or type(error).__name__
