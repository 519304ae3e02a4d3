"""Attempts at a task in the database: claimed, finished, given back.

Every attempt has a token. Only the attempt whose token is in the row may write an outcome, so two
workers with the same message, or one that was frozen for an hour, can never give a task two
results. Each change of status is one statement with its history entry.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from enum import Enum, auto

import asyncpg

from quantum_queue.contracts.database import Connection, Database
from quantum_queue.contracts.words import FINAL, MAX_ATTEMPTS, TaskStatus

DATABASE_SECONDS = 5.0
_LEASE_MARGIN_SECONDS = 10.0
_LONGEST_ERROR = 4000

_TAKEN_OVER = "; the worker of the last attempt stopped in the middle"

_CLAIM = """
WITH claimed AS (
    UPDATE tasks SET current_status = 'processing', attempts = attempts + 1, claim_token = $2,
        claimed_until = clock_timestamp() + make_interval(secs => $3)
    WHERE task_id = $1 AND current_status = $4::taskstatus
      AND claim_token IS NOT DISTINCT FROM $5
    RETURNING task_id, circuit, shots, attempts, extract(epoch FROM clock_timestamp()
        - CASE WHEN attempts = 1 THEN submitted_at ELSE enqueued_at END)::float8 AS waited
), noted AS (
    INSERT INTO status_history (task_id, status, notes)
    SELECT task_id, 'processing', format($6, attempts) FROM claimed
)
SELECT * FROM claimed
"""

_LOOK = """
SELECT current_status, attempts, claim_token, claimed_until, dead_lettered,
    coalesce(claimed_until > clock_timestamp(), false) AS is_held
FROM tasks WHERE task_id = $1
"""

_OURS = "SELECT circuit, shots, attempts FROM tasks WHERE task_id = $1 AND claim_token = $2"

_DEFER = """
INSERT INTO outbox (task_id, correlation_id, not_before)
SELECT task_id, correlation_id, $2 FROM tasks WHERE task_id = $1
"""

_COMPLETE = """
WITH finished AS (
    UPDATE tasks
    SET current_status = 'completed', completed_at = clock_timestamp(), result = $3::jsonb
    WHERE task_id = $1 AND claim_token = $2 AND current_status = 'processing'
    RETURNING task_id, completed_at
), noted AS (
    INSERT INTO status_history (task_id, status, transitioned_at, notes)
    SELECT task_id, 'completed', completed_at, $4 FROM finished
)
SELECT count(*) FROM finished
"""

_FAIL = """
WITH finished AS (
    UPDATE tasks
    SET current_status = 'failed', completed_at = clock_timestamp(), error_message = $3,
        dead_lettered = $5
    WHERE task_id = $1 AND claim_token = $2 AND current_status = 'processing'
    RETURNING task_id, completed_at
), noted AS (
    INSERT INTO status_history (task_id, status, transitioned_at, notes)
    SELECT task_id, 'failed', completed_at, $4 FROM finished
)
SELECT count(*) FROM finished
"""

# The message of the next attempt is committed together with the reason for it.
_RETRY = """
WITH due AS (
    SELECT clock_timestamp() + make_interval(secs => $3) AS at
), waiting AS (
    UPDATE tasks SET current_status = 'pending', claim_token = NULL, claimed_until = NULL,
        enqueued_at = due.at
    FROM due WHERE task_id = $1 AND claim_token = $2 AND current_status = 'processing'
    RETURNING task_id, correlation_id, due.at
), noted AS (
    INSERT INTO status_history (task_id, status, notes) SELECT task_id, 'pending', $4 FROM waiting
), message AS (
    INSERT INTO outbox (task_id, correlation_id, not_before)
    SELECT task_id, correlation_id, at FROM waiting
)
SELECT count(*) FROM waiting
"""

_HAND_BACK = """
WITH waiting AS (
    UPDATE tasks SET current_status = 'pending', attempts = attempts - 1, claim_token = NULL,
        claimed_until = NULL
    WHERE task_id = $1 AND claim_token = $2 AND current_status = 'processing'
    RETURNING task_id
), noted AS (
    INSERT INTO status_history (task_id, status, notes) SELECT task_id, 'pending', $3 FROM waiting
)
SELECT count(*) FROM waiting
"""


class NoClaim(Enum):
    """Why there is nothing to do for a message."""

    UNKNOWN = auto()
    """No such task: the message belongs to another database, or the task was removed."""
    FINISHED = auto()
    """The task has its outcome."""
    DEAD = auto()
    """The task has failed for good, and this message should be among the dead letters."""
    GAVE_UP = auto()
    """As before, and it was this message that made it so."""
    HELD = auto()
    """Another attempt is believed to be running; a message for later was written."""


@dataclass(frozen=True)
class Claim:
    """The right to run a task once and to write the outcome."""

    task_id: uuid.UUID
    token: uuid.UUID
    circuit: str
    shots: int
    attempt: int
    waited_seconds: float | None = None
    """In the queue; None where the task was taken over, or the answer that told was lost."""

    @property
    def is_last(self) -> bool:
        """Tell whether transient trouble would now make the task fail."""
        return self.attempt >= MAX_ATTEMPTS


class Attempts:
    """Claims tasks and writes what became of them."""

    def __init__(self, database: Database, worker: str, deadline_seconds: float) -> None:
        self._database = database
        # A format of PostgreSQL: the number of the attempt is known there first.
        self._note = f"attempt %s of {MAX_ATTEMPTS} (worker {worker.replace('%', '%%')})"
        self._lease_seconds = deadline_seconds + _LEASE_MARGIN_SECONDS

    async def check(self) -> None:
        """Raise DatabaseAway unless the database answers and has the tables."""
        async with self._database.session(DATABASE_SECONDS) as connection:
            await connection.fetch(_LOOK, uuid.UUID(int=0))

    async def claim(
        self, task_id: uuid.UUID, token: uuid.UUID, redelivered: bool
    ) -> Claim | NoClaim:
        """Claim the task, or say why there is nothing to do.

        The token is one for each delivery. Who asks again because no answer came asks with the
        same one, and so finds a claim that was committed before.

        A redelivered message means that its last holder lost its connection: the task is taken
        over at once. Any other message for a task that is being run is a duplicate; it must not
        be dropped, because the running attempt may depend on it after a crash of the broker, so
        it is written down for the time when that attempt is over.
        """
        async with self._database.session(DATABASE_SECONDS) as connection:
            while True:
                claim = await self._take(connection, task_id, token, TaskStatus.PENDING, None)
                if claim is not None:
                    return claim
                row = await connection.fetchrow(_LOOK, task_id)
                if row is None:
                    return NoClaim.UNKNOWN
                if _is_ours(row, token):
                    ours = await connection.fetchrow(_OURS, task_id, token)
                    if ours is None:
                        continue  # taken over in this moment
                    return Claim(task_id, token, ours["circuit"], ours["shots"], ours["attempts"])
                if (reason := _nothing_to_do(row, redelivered)) is not None:
                    if reason is NoClaim.HELD:
                        await connection.execute(_DEFER, task_id, row["claimed_until"])
                    return reason
                # Otherwise the last attempt is dead, or the row has changed since: look again.
                if row["current_status"] == TaskStatus.PROCESSING:
                    outcome = await self._take_over(connection, task_id, token, row)
                    if outcome is not None:
                        return outcome

    async def complete(self, claim: Claim, counts: str, note: str) -> bool:
        """Store the counts; return False when another attempt has taken over."""
        return await self._settle(claim, _COMPLETE, counts, note)

    async def fail(self, claim: Claim, reason: str, note: str, *, dead_letter: bool) -> bool:
        """Store why the task failed; return False when another attempt has taken over."""
        return await self._settle(claim, _FAIL, _storable(reason), _storable(note), dead_letter)

    async def retry(self, claim: Claim, seconds: float, note: str) -> bool:
        """Let the task wait for its next attempt, whose message is due in `seconds`."""
        return await self._settle(claim, _RETRY, seconds, _storable(note))

    async def hand_back(self, claim: Claim, note: str) -> bool:
        """Give the task back as if it had not been claimed."""
        return await self._settle(claim, _HAND_BACK, note)

    async def _take(
        self,
        connection: Connection,
        task_id: uuid.UUID,
        token: uuid.UUID,
        status: TaskStatus,
        held_by: uuid.UUID | None,
    ) -> Claim | None:
        note = self._note if held_by is None else self._note + _TAKEN_OVER
        row = await connection.fetchrow(
            _CLAIM, task_id, token, self._lease_seconds, status.value, held_by, note
        )
        if row is None:
            return None
        waited = row["waited"] if held_by is None else None
        return Claim(task_id, token, row["circuit"], row["shots"], row["attempts"], waited)

    async def _take_over(
        self,
        connection: Connection,
        task_id: uuid.UUID,
        token: uuid.UUID,
        row: asyncpg.Record,
    ) -> Claim | NoClaim | None:
        if row["attempts"] < MAX_ATTEMPTS:
            held_by = row["claim_token"]
            return await self._take(connection, task_id, token, TaskStatus.PROCESSING, held_by)
        reason = f"gave up after {MAX_ATTEMPTS} attempts: no worker came to the end of the last one"
        arguments = (row["claim_token"], reason, reason, True)
        failed = await connection.fetchval(_FAIL, task_id, *arguments)
        return NoClaim.GAVE_UP if failed else None

    async def _settle(self, claim: Claim, statement: str, *arguments: object) -> bool:
        async with self._database.session(DATABASE_SECONDS) as connection:
            if await connection.fetchval(statement, claim.task_id, claim.token, *arguments):
                return True
            # Perhaps this very outcome was committed before, and only the answer was lost.
            row = await connection.fetchrow(_LOOK, claim.task_id)
        return row is not None and row["claim_token"] == claim.token


def _is_ours(row: asyncpg.Record, token: uuid.UUID) -> bool:
    """Tell whether this very claim was committed before, and only the answer was lost."""
    return bool(row["current_status"] == TaskStatus.PROCESSING and row["claim_token"] == token)


def _nothing_to_do(row: asyncpg.Record, redelivered: bool) -> NoClaim | None:
    """Judge a task that is not waiting."""
    if row["current_status"] in FINAL:
        # A crash after the failure was stored must not keep the message from the dead letters.
        is_dead = row["dead_lettered"] and redelivered
        return NoClaim.DEAD if is_dead else NoClaim.FINISHED
    if row["current_status"] == TaskStatus.PROCESSING and row["is_held"] and not redelivered:
        return NoClaim.HELD
    return None


def _storable(text: str) -> str:
    """Return the text as PostgreSQL can hold it, and not longer than anybody would read."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()[:_LONGEST_ERROR]
