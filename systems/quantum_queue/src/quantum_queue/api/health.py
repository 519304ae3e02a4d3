"""What `/health` says, always in time: each part has a deadline of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
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


class Health:
    """Asks the database and the broker, at the same time."""

    def __init__(self, database: Database, publisher: Publisher) -> None:
        self._database = database
        self._revision = Shared(self._read_revision)
        self._queue = Shared(publisher.count_ready)

    async def report(self) -> Report:
        """Return the state of everything, within ANSWER_SECONDS."""
        (database, revision), queue_connected = await asyncio.gather(
            self._ask_database(), self._ask_queue()
        )
        return judge(database, revision, queue_connected)

    async def _ask_database(self) -> tuple[bool, str | None]:
        try:
            return True, await self._revision.ask(ANSWER_SECONDS)
        except (DatabaseAway, TimeoutError):
            return False, None

    async def _ask_queue(self) -> bool:
        try:
            await self._queue.ask(ANSWER_SECONDS)
        except (BrokerAway, TimeoutError):
            return False
        return True

    async def _read_revision(self) -> str | None:
        async with self._database.session(_PROBE_SECONDS) as connection:
            try:
                revisions = await connection.fetch("SELECT version_num FROM alembic_version")
            except asyncpg.UndefinedTableError:
                return None
        return ",".join(sorted(row["version_num"] for row in revisions)) or None


def judge(database: bool, revision: str | None, queue: bool) -> Report:
    """Conclude one status from the parts."""
    flaws = []
    status = "healthy"
    if not queue:
        status = "degraded"
        flaws.append("the queue is out of reach; tasks are accepted and published later")
    if not database:
        status = "unhealthy"
        flaws.append("the database is out of reach")
    elif revision != EXPECTED_REVISION:
        status = "unhealthy"
        found = revision or "none"
        flaws.append(
            f"the schema is at revision {found}, expected {EXPECTED_REVISION}: "
            "run `alembic upgrade head`"
        )
    return Report(
        status=status,
        database_status="connected" if database else "disconnected",
        queue_status="connected" if queue else "disconnected",
        version=__version__,
        schema_version={"found": revision, "expected": EXPECTED_REVISION},
        detail="; ".join(flaws) or "everything is in order",
    )
