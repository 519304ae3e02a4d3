"""Publishes what the outbox holds: at once when told, and by a slow poll in any case.

Any number of API processes may do this: a row is locked while its message is on the way, and the
others skip it. A crash between the confirm and the commit publishes a message twice; workers
bear that.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

import asyncpg
import msgspec

from quantum_queue.api.publisher import Publisher
from quantum_queue.contracts import tracing
from quantum_queue.contracts.database import Connection, Database, DatabaseAway
from quantum_queue.contracts.queue import BrokerAway

POLL_SECONDS = 0.5
BATCH = 64
_SESSION_SECONDS = 12.0
_FIRST_BACKOFF = 0.2
_LAST_BACKOFF = 5.0
_MESSAGING = {"messaging.system": "rabbitmq", "messaging.operation.type": "send"}
_log = logging.getLogger(__name__)

_TAKE = """
SELECT id, task_id, outbox.correlation_id, trace_context FROM outbox JOIN tasks USING (task_id)
WHERE not_before <= now() ORDER BY not_before, id LIMIT $1 FOR UPDATE OF outbox SKIP LOCKED
"""
_NEXT = "SELECT extract(epoch FROM min(not_before) - now())::float8 FROM outbox"
_REMOVE = "DELETE FROM outbox WHERE id = ANY($1::bigint[])"


@dataclass(frozen=True)
class Batch:
    """What one look at the outbox came to."""

    taken: int
    published: int
    seconds_to_next: float
    trouble: BaseException | None


class Relay:
    """Empties the outbox."""

    def __init__(self, database: Database, publisher: Publisher) -> None:
        self._database = database
        self._publisher = publisher
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Say that there is something new to publish, or a broker to publish it to."""
        self._news.set()

    async def run(self) -> None:
        """Publish for ever; trouble is logged and tried again, with growing pauses."""
        backoff = _FIRST_BACKOFF
        while True:
            self._news.clear()
            try:
                pause = await self._publish_due()
                backoff = _FIRST_BACKOFF
            except (DatabaseAway, BrokerAway) as error:
                _log.warning("outbox not published", extra={"reason": str(error)})
                pause, backoff = backoff, min(backoff * 2, _LAST_BACKOFF)
            except Exception:
                _log.exception("outbox not published: a defect")
                pause, backoff = backoff, min(backoff * 2, _LAST_BACKOFF)
            await self._wait_for_news(pause)

    async def _publish_due(self) -> float:
        """Publish until nothing more is due; return how long to wait for the next."""
        while True:
            batch = await self._publish_batch()
            if batch.trouble is not None:
                raise BrokerAway(str(batch.trouble)) from batch.trouble
            if batch.taken < BATCH:
                return batch.seconds_to_next

    async def _publish_batch(self) -> Batch:
        async with (
            self._database.session(_SESSION_SECONDS) as connection,
            connection.transaction(),
        ):
            rows = await connection.fetch(_TAKE, BATCH)
            outcomes = await asyncio.gather(
                *(self._publish(row) for row in rows), return_exceptions=True
            )
            done = [row["id"] for row, failed in zip(rows, outcomes, strict=True) if not failed]
            trouble = next((failed for failed in outcomes if failed), None)
            if done:
                await connection.execute(_REMOVE, done)
            seconds = await _seconds_to_next(connection) if len(rows) < BATCH else 0.0
        return Batch(len(rows), len(done), seconds, trouble)

    async def _publish(self, row: asyncpg.Record) -> None:
        ids = {"task_id": str(row["task_id"]), "correlation_id": row["correlation_id"]}
        stored = _carrier(row["trace_context"])
        with tracing.span("publish task", tracing.Kind.PRODUCER, stored, {**_MESSAGING, **ids}):
            # Whoever traces the request may not be who publishes: the trace goes on all the same.
            trace = tracing.carrier() or stored
            await self._publisher.publish(row["task_id"], row["correlation_id"], trace)
            _log.debug("published", extra=ids)

    async def _wait_for_news(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            pass


async def _seconds_to_next(connection: Connection) -> float:
    seconds = await connection.fetchval(_NEXT)
    if seconds is None or seconds < 0:
        # Nothing, or only rows that another process is publishing right now.
        return POLL_SECONDS
    return float(min(max(seconds, 0.01), POLL_SECONDS))


def _carrier(stored: str | None) -> dict[str, str]:
    return {} if stored is None else msgspec.json.decode(stored, type=dict[str, str])
