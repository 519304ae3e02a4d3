"""Tasks in the database, as the API stores and reads them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

import asyncpg
import msgspec

from quantum_queue.api.listing import Position, Query
from quantum_queue.api.problems import Problem
from quantum_queue.api.submission import Submission
from quantum_queue.contracts import tracing
from quantum_queue.contracts.database import Database
from quantum_queue.contracts.words import TaskStatus

DATABASE_SECONDS = 2.0

# One statement: the task, its history and its message are stored together or not at all, and the
# response waits for a single round trip and a single commit.
_INSERT = """
WITH task AS (
    INSERT INTO tasks (task_id, circuit, shots, correlation_id, idempotency_key, trace_context)
    VALUES ($1, $2, $3, $4, $5, $6::jsonb)
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

# Without the status where none is asked for: a condition that holds for all would hide the index.
_PAGE = """
SELECT task_id, current_status, submitted_at, completed_at FROM tasks
WHERE (submitted_at, task_id) < ($1, $2) {and_status}
ORDER BY submitted_at DESC, task_id DESC LIMIT $3
"""
_SELECT_PAGE = _PAGE.format(and_status="")
_SELECT_PAGE_BY_STATUS = _PAGE.format(and_status="AND current_status = $4::taskstatus")

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


class Summary(msgspec.Struct, frozen=True):
    """A task as a list shows it: without what may be long."""

    task_id: uuid.UUID
    status: TaskStatus
    message: str
    submitted_at: datetime
    completed_at: datetime | None


class Page(msgspec.Struct, frozen=True):
    """Some tasks, newest first, and where the next ones are, if there are any."""

    tasks: list[Summary]
    next_cursor: str | None


class Tasks:
    """Stores and finds tasks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def submit(self, submission: Submission, correlation_id: str, key: str | None) -> Receipt:
        """Store a task and its message, or find the one that `key` already stands for."""
        task = (submission.circuit, submission.shots)
        trace = tracing.carrier()
        origin = (correlation_id, key, msgspec.json.encode(trace).decode() if trace else None)
        async with self._database.session(DATABASE_SECONDS) as connection:
            row: asyncpg.Record | None = None
            while row is None:
                row = await connection.fetchrow(_INSERT, uuid.uuid4(), *task, *origin)
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

    async def page(self, query: Query) -> Page:
        """Return the tasks of one page."""
        statement = _SELECT_PAGE
        arguments: tuple[str, ...] = ()
        if query.status is not None:
            statement, arguments = _SELECT_PAGE_BY_STATUS, (query.status.value,)
        place = (query.after.submitted_at, query.after.task_id)
        async with self._database.session(DATABASE_SECONDS) as connection:
            # One more than is shown tells whether there is another page.
            rows = await connection.fetch(statement, *place, query.limit + 1, *arguments)
        shown = [_summary(row) for row in rows[: query.limit]]
        if len(rows) <= query.limit:
            return Page(shown, None)
        return Page(shown, Position(shown[-1].submitted_at, shown[-1].task_id).cursor())


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


def _summary(row: asyncpg.Record) -> Summary:
    status = TaskStatus(row["current_status"])
    return Summary(
        row["task_id"], status, _MESSAGES[status], row["submitted_at"], row["completed_at"]
    )


def _raw(text: str | None) -> msgspec.Raw:
    return msgspec.Raw(b"null" if text is None else text.encode())
