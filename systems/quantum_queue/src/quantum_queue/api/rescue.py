"""Publish again what the broker lost: a purged queue, or a broker that came back empty.

A task that waits while no message waits and the outbox has none either will never be run. When
the queue has been empty and the task has been silent for a while, its message is written again.
Should the message exist after all (a worker holds it in advance), the duplicate does no harm.
"""

from __future__ import annotations

import asyncio
import logging

from quantum_queue.api.publisher import Publisher
from quantum_queue.api.relay import Relay
from quantum_queue.contracts.database import Database, DatabaseAway
from quantum_queue.contracts.queue import BrokerAway

SILENT_SECONDS = 60.0
_INTERVAL_SECONDS = 20.0
_SESSION_SECONDS = 5.0
_PROBE_SECONDS = 2.0
_log = logging.getLogger(__name__)

_ENQUEUE_AGAIN = """
WITH silent AS (
    SELECT task_id FROM tasks
    WHERE current_status IN ('pending', 'processing')
      AND enqueued_at < now() - make_interval(secs => $1)
      AND (claimed_until IS NULL OR claimed_until < now() - make_interval(secs => $1))
      AND NOT EXISTS (SELECT FROM outbox WHERE outbox.task_id = tasks.task_id)
    ORDER BY submitted_at LIMIT 1000 FOR UPDATE SKIP LOCKED
), marked AS (
    UPDATE tasks SET enqueued_at = clock_timestamp() FROM silent
    WHERE tasks.task_id = silent.task_id
    RETURNING tasks.task_id, tasks.correlation_id
), messages AS (
    INSERT INTO outbox (task_id, correlation_id) SELECT task_id, correlation_id FROM marked
)
SELECT count(*) FROM marked
"""


class Rescue:
    """Looks for silent tasks from time to time."""

    def __init__(self, database: Database, publisher: Publisher, relay: Relay) -> None:
        self._database = database
        self._publisher = publisher
        self._relay = relay

    async def run(self) -> None:
        """Look, wait, look again, for ever."""
        while True:
            await asyncio.sleep(_INTERVAL_SECONDS)
            try:
                await self._look()
            except (DatabaseAway, BrokerAway, TimeoutError):
                # Both are reported elsewhere, and the tasks stay where they are.
                continue
            except Exception:
                _log.exception("looking for silent tasks failed: a defect")

    async def _look(self) -> None:
        async with asyncio.timeout(_PROBE_SECONDS):
            if await self._publisher.look() > 0:
                return
        async with self._database.session(_SESSION_SECONDS) as connection:
            count = await connection.fetchval(_ENQUEUE_AGAIN, SILENT_SECONDS)
        if count:
            _log.warning("silent tasks published again", extra={"count": count})
            self._relay.wake()
