"""Remove tasks that were finished long ago: `python -m quantum_queue.retention --older-than 30d`.

Without `--delete` it only counts. Deleting goes in batches, each a short transaction of its own
that skips what others hold, so that it can run beside the services at any time; interrupted or
out of time, it has removed whole tasks with their history and nothing else, and the next call
goes on. A task that is not finished, or that has a message to be published, is never touched.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from quantum_queue.contracts.database import Database, DatabaseAway
from quantum_queue.contracts.environment import SettingsError
from quantum_queue.contracts.settings import exit_with, read_database_url

INCOMPLETE = 3
"""Exit status when the time was over before the work."""

_BATCH = 500
_SECONDS = 300
_SESSION_SECONDS = 15.0
_UNITS = {"h": 3600, "d": 86400, "w": 7 * 86400}
_AGE = re.compile(r"(?P<count>[1-9][0-9]{0,3})(?P<unit>[hdw])")

# `submitted_at` is never after `completed_at`: it is asked for as well because it is indexed.
_OLD = """
FROM tasks
WHERE submitted_at < $1 AND completed_at < $1 AND current_status IN ('completed', 'failed')
  AND NOT EXISTS (SELECT FROM outbox WHERE outbox.task_id = tasks.task_id)
"""
_CUTOFF = "SELECT now() - $1::interval"
_COUNT = f"SELECT count(*) {_OLD}"
_DELETE = f"""
WITH batch AS (SELECT task_id {_OLD} ORDER BY submitted_at LIMIT $2 FOR UPDATE SKIP LOCKED),
removed AS (DELETE FROM tasks USING batch WHERE tasks.task_id = batch.task_id RETURNING 1)
SELECT count(*) FROM removed
"""  # noqa: S608, the parts are constants; the history goes with its task (ON DELETE CASCADE)


@dataclass(frozen=True)
class Removed:
    """What a call has done. Times are those of the database."""

    cutoff: datetime
    count: int
    is_complete: bool


class Retention:
    """Counts and removes the tasks that were finished before so long ago."""

    def __init__(self, database: Database, older_than: timedelta) -> None:
        self._database = database
        self._older_than = older_than

    async def count(self) -> Removed:
        """Count what `remove` would remove; nothing is changed. Raises DatabaseAway."""
        cutoff = await self._cutoff()
        async with self._database.session(_SESSION_SECONDS) as connection:
            return Removed(cutoff, int(await connection.fetchval(_COUNT, cutoff)), True)

    async def remove(self, batch: int = _BATCH, seconds: int = _SECONDS) -> Removed:
        """Remove them, `batch` at a time, for at most `seconds`. Raises DatabaseAway."""
        cutoff, until, total = await self._cutoff(), time.monotonic() + seconds, 0
        while True:
            async with self._database.session(_SESSION_SECONDS) as connection:
                count = int(await connection.fetchval(_DELETE, cutoff, batch))
            total += count
            if count < batch:
                return Removed(cutoff, total, True)
            if time.monotonic() >= until:
                return Removed(cutoff, total, False)

    async def _cutoff(self) -> datetime:
        async with self._database.session(_SESSION_SECONDS) as connection:
            cutoff: datetime = await connection.fetchval(_CUTOFF, self._older_than)
        return cutoff


def age(text: str) -> timedelta:
    """Read an age such as 30d. Raises argparse.ArgumentTypeError for anything else."""
    found = _AGE.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no age such as 36h, 30d or 8w")
    return timedelta(seconds=int(found["count"]) * _UNITS[found["unit"]])


def _within(low: int, high: int) -> Callable[[str], int]:
    """Return a reader of whole numbers within these bounds."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not low <= int(text) <= high:
            reason = f"{text!r} is not a whole number from {low} to {high}"
            raise argparse.ArgumentTypeError(reason)
        return int(text)

    return read


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m quantum_queue.retention",
        description="Remove tasks that were finished long ago, from the database in DATABASE_URL.",
    )
    parser.add_argument(
        "--older-than", type=age, required=True, metavar="AGE", help="finished before: 36h, 30d, 8w"
    )
    parser.add_argument("--delete", action="store_true", help="do it; otherwise only count")
    parser.add_argument(
        "--batch", type=_within(1, 10_000), default=_BATCH, metavar="N", help="tasks at a time"
    )
    parser.add_argument(
        "--seconds",
        type=_within(0, 86_400),
        default=_SECONDS,
        metavar="S",
        help=f"begin no further batch after so long, and exit with {INCOMPLETE}",
    )
    return parser


async def _run(url: str, options: argparse.Namespace) -> Removed:
    database = Database(url, 1, "quantum_queue.retention")
    try:
        retention = Retention(database, options.older_than)
        if options.delete:
            return await retention.remove(options.batch, options.seconds)
        return await retention.count()
    finally:
        await database.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say, and return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        url = read_database_url(os.environ)
    except SettingsError as error:
        exit_with("retention", error.problems)
    try:
        done = asyncio.run(_run(url, options))
    except DatabaseAway as error:
        print(f"retention: the database is out of reach: {error}", file=sys.stderr)
        return 1
    before = f"finished before {done.cutoff:%Y-%m-%d %H:%M:%S} UTC"
    if not options.delete:
        print(f"retention: {done.count} tasks {before}; nothing removed, --delete would")
        return 0
    print(f"retention: removed {done.count} tasks {before}")
    if not done.is_complete:
        print("retention: out of time, there are more; call it again", file=sys.stderr)
        return INCOMPLETE
    return 0


if __name__ == "__main__":
    sys.exit(main())
