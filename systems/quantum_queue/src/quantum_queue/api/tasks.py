"""Tasks in the database, as the API stores and reads them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

import asyncpg
import msgspec

from quantum_queue.api.problems import Problem
from quantum_queue.api.submission import Submission
from quantum_queue.contracts.database import Database
from quantum_queue.contracts.words import TaskStatus

DATABASE_SECONDS = 2.0

# One statement: the task, its history and its message are stored together or not at all, and the
# response waits for a single round trip and a single commit.
_INSERT = """
WITH task AS (
    INSERT INTO tasks (task_id, circuit, shots, correlation_id, idempotency_key)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (idempotency_key) DO NOTHING
    RETURNING task_id, submitted_at, correlation_id
), history AS (
    INSERT INTO status_history (task_id, status, transitioned_at, notes)
    SELECT task_id, 'pending', submitted_at, 'accepted' FROM task
), message AS (
    INSERT INTO outbox (task_id, correlation_id) SELECT task_id, correlation_id FROM task
)
SELECT task_id, submitted_at FROM task
"""

_SELECT_BY_KEY = """
SELECT task_id, submitted_at, circuit = $2 AND shots = $3 AS same
FROM tasks WHERE idempotency_key = $1
"""

# One statement again: status and history come from the same snapshot.
_SELECT = """
SELECT task_id, current_status, submitted_at, completed_at, result, error_message, (
    SELECT json_agg(json_build_object(
        'status', status,
        'transitioned_at',
        to_char(transitioned_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'notes', notes
    ) ORDER BY id)
    FROM status_history WHERE status_history.task_id = tasks.task_id
) AS status_history
FROM tasks WHERE task_id = $1
"""

_MESSAGES = {
    TaskStatus.PENDING: "The task waits for a worker.",
    TaskStatus.PROCESSING: "A worker runs the circuit.",
    TaskStatus.COMPLETED: "The task is done; see result.",
    TaskStatus.FAILED: "The task failed; see error_message.",
}


@dataclass(frozen=True)
class Receipt:
    """What the caller gets for a task that was accepted."""

    task_id: uuid.UUID
    submitted_at: datetime
    is_new: bool


class TaskView(msgspec.Struct, frozen=True):
    """A task as the API shows it."""

    task_id: uuid.UUID
    status: TaskStatus
    message: str
    submitted_at: datetime
    completed_at: datetime | None
    result: msgspec.Raw
    error_message: str | None
    status_history: msgspec.Raw


class Tasks:
    """Stores and finds tasks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def submit(self, submission: Submission, correlation_id: str, key: str | None) -> Receipt:
        """Store a task and its message, or find the one that `key` already stands for."""
        task = (submission.circuit, submission.shots)
        async with self._database.session(DATABASE_SECONDS) as connection:
            row: asyncpg.Record | None = None
            while row is None:
                row = await connection.fetchrow(_INSERT, uuid.uuid4(), *task, correlation_id, key)
                if row is not None:
                    return Receipt(row["task_id"], row["submitted_at"], is_new=True)
                # None again: it was removed in between, and the key is free.
                row = await connection.fetchrow(_SELECT_BY_KEY, key, *task)
        return _replay(row)

    async def find(self, task_id: uuid.UUID) -> TaskView | None:
        """Return the task as it is now, with all of its history."""
        async with self._database.session(DATABASE_SECONDS) as connection:
            row = await connection.fetchrow(_SELECT, task_id)
        return None if row is None else _view(row)


def _replay(row: asyncpg.Record) -> Receipt:
    if not row["same"]:
        reason = "This Idempotency-Key was used for a different task. Use a new key for a new task."
        raise Problem(HTTPStatus.CONFLICT, reason)
    return Receipt(row["task_id"], row["submitted_at"], is_new=False)


def _view(row: asyncpg.Record) -> TaskView:
    status = TaskStatus(row["current_status"])
    return TaskView(
        task_id=row["task_id"],
        status=status,
        message=_MESSAGES[status],
        submitted_at=row["submitted_at"],
        completed_at=row["completed_at"],
        # JSON from the database goes into the answer as it is: no decoding, nothing lost.
        result=_raw(row["result"]),
        error_message=row["error_message"],
        status_history=_raw(row["status_history"]),
    )


def _raw(text: str | None) -> msgspec.Raw:
    return msgspec.Raw(b"null" if text is None else text.encode())
