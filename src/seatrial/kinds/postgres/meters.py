"""What only the server knows of its load."""

from __future__ import annotations

from collections.abc import Mapping

from seatrial.kinds.base import Target
from seatrial.kinds.postgres.address import place_of
from seatrial.kinds.postgres.links import AsyncLink, bounded_async, connect_async
from seatrial.waiting import Deadline

#: Sessions of others are counted for every user; how long they run is shown to members of
#: pg_monitor, and to everybody for their own.
_QUERY = """
SELECT
  (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')
    - 1 AS connections,
  current_setting('max_connections')::int
    - current_setting('superuser_reserved_connections')::int AS max_connections,
  (SELECT count(*) FROM pg_stat_activity
   WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()) AS active,
  (SELECT count(*) FROM pg_stat_activity
   WHERE datname = current_database() AND wait_event_type = 'Lock') AS waiting_for_locks,
  (SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)
   FROM pg_stat_activity
   WHERE datname = current_database() AND pid <> pg_backend_pid()) AS oldest_transaction_s,
  (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()) AS commits,
  (SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()) AS rollbacks,
  (SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()) AS deadlocks,
  pg_database_size(current_database()) AS database_bytes
"""


async def read(target: Target, deadline: Deadline) -> Mapping[str, float]:
    """The meters of this moment; `commits`, `rollbacks` and `deadlocks` only ever rise.

    Raises psycopg.Error or TimeoutError: a gap, which the caller records as not measured.
    """
    link = await connect_async(place_of(target), deadline.remaining())

    async def run(link: AsyncLink) -> Mapping[str, float]:
        row = await (await link.execute(_QUERY)).fetchone()
        assert row is not None
        return {name: float(value) for name, value in row.items()}

    try:
        return await bounded_async(link, run(link), deadline.remaining())
    finally:
        link.pgconn.finish()
