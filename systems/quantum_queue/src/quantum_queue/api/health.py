"""What `/health` says, always in time: each part has a deadline of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import asyncpg

from quantum_queue import __version__
from quantum_queue.api.publisher import Publisher
from quantum_queue.contracts.database import Database, DatabaseAway
from quantum_queue.contracts.queue import BrokerAway
from quantum_queue.contracts.schema import EXPECTED_REVISION

ANSWER_SECONDS = 1.2
_PROBE_SECONDS = 5.0
T = TypeVar("T")

#: Whether the database takes writes, and what this user lacks of what the services do with it.
_PERMITTED = """
SELECT current_setting('transaction_read_only') = 'on' AS read_only,
       array(
           SELECT upper(privilege) || ' on ' || name
           FROM (VALUES ('tasks', 'select'), ('tasks', 'insert'), ('tasks', 'update'),
                        ('status_history', 'select'), ('status_history', 'insert'))
                AS needed(name, privilege)
           WHERE NOT has_table_privilege(to_regclass(name), privilege)
       ) AS lacks
"""


class Shared(Generic[T]):
    """One probe at a time, whose answer goes to everyone who asks meanwhile.

    A probe that hangs is left to hang until its own end instead of being started once more for
    each question: a dead server must not collect our connections.
    """

    def __init__(self, probe: Callable[[], Awaitable[T]]) -> None:
        self._probe = probe
        self._running: asyncio.Task[T] | None = None

    async def ask(self, seconds: float) -> T:
        """Return the answer, or raise TimeoutError."""
        if self._running is None or self._running.done():
            self._running = asyncio.ensure_future(self._bounded())
            self._running.add_done_callback(_retrieve)
        async with asyncio.timeout(seconds):
            return await asyncio.shield(self._running)

    async def _bounded(self) -> T:
        async with asyncio.timeout(_PROBE_SECONDS):
            return await self._probe()


def _retrieve(task: asyncio.Task[T]) -> None:
    """Read the error of a probe whose askers have all left."""
    if not task.cancelled():
        task.exception()


@dataclass(frozen=True)
class Report:
    """The state of this service and of what it needs."""

    status: str
    database_status: str
    queue_status: str
    version: str
    schema_version: dict[str, str | None]
    detail: str

    @property
    def is_healthy(self) -> bool:
        """Tell whether traffic may be sent here."""
        return self.status == "healthy"


@dataclass(frozen=True)
class DatabaseSeen:
    """What a database that answers says of itself."""

    revision: str | None
    read_only: bool = False
    lacks: tuple[str, ...] = ()
    """Privileges that this service's user needs and does not have."""

    def flaws(self) -> Iterator[str]:
        """Say why the services cannot work with it."""
        if self.revision != EXPECTED_REVISION:
            yield (
                f"the schema is at revision {self.revision or 'none'}, expected "
                f"{EXPECTED_REVISION}: run `alembic upgrade head`"
            )
        if self.read_only:
            yield "the database takes no writes: transaction_read_only is on"
        if self.lacks:
            yield f"the database user lacks {', '.join(self.lacks)}: GRANT it"


class Health:
    """Asks the database and the broker, at the same time."""

    def __init__(self, database: Database, publisher: Publisher) -> None:
        self._database = database
        self._seen = Shared(self._look)
        self._queue = Shared(publisher.look)

    async def report(self) -> Report:
        """Return the state of everything, within ANSWER_SECONDS."""
        database, queue_connected = await asyncio.gather(self._ask_database(), self._ask_queue())
        return judge(database, queue_connected)

    async def _ask_database(self) -> DatabaseSeen | None:
        try:
            return await self._seen.ask(ANSWER_SECONDS)
        except (DatabaseAway, TimeoutError):
            return None

    async def _ask_queue(self) -> bool:
        try:
            await self._queue.ask(ANSWER_SECONDS)
        except (BrokerAway, TimeoutError):
            return False
        return True

    async def _look(self) -> DatabaseSeen:
        async with self._database.session(_PROBE_SECONDS) as connection:
            try:
                revisions = await connection.fetch("SELECT version_num FROM alembic_version")
            except asyncpg.UndefinedTableError:
                return DatabaseSeen(None)
            permitted = await connection.fetchrow(_PERMITTED)
        assert permitted is not None
        revision = ",".join(sorted(row["version_num"] for row in revisions)) or None
        return DatabaseSeen(revision, permitted["read_only"], tuple(permitted["lacks"]))


def judge(database: DatabaseSeen | None, queue: bool) -> Report:
    """Conclude one status from the parts; `database` is None when it does not answer."""
    flaws = []
    status = "healthy"
    if not queue:
        status = "degraded"
        flaws.append("the queue is out of reach; tasks are accepted and published later")
    more = ("the database is out of reach",) if database is None else tuple(database.flaws())
    if more:
        status = "unhealthy"
        flaws += more
    return Report(
        status=status,
        database_status="connected" if database is not None else "disconnected",
        queue_status="connected" if queue else "disconnected",
        version=__version__,
        schema_version={
            "found": database.revision if database is not None else None,
            "expected": EXPECTED_REVISION,
        },
        detail="; ".join(flaws) or "everything is in order",
    )
