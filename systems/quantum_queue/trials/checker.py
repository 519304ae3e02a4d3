"""Reads all stores of the queue, and says what is wrong with the tasks in them.

`read` only looks: rows, histories, outbox, and the messages in both queues. `wrong` judges what was
read against what callers were told, and knows no server. A task that still runs is wrong, too: ask
when everything should be over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any
from urllib.parse import quote

import httpx
from seatrial.kinds.rabbitmq.place import Place

FINAL = ("completed", "failed")
MOST_ATTEMPTS = 3

#: What may follow what; a history begins with the first.
FOLLOWS = {
    None: {"pending"},
    "pending": {"processing"},
    "processing": {"pending", "processing", "completed", "failed"},
    "completed": set(),
    "failed": set(),
}

_TASKS = "SELECT *, task_id::text AS id FROM tasks WHERE correlation_id = %(key)s"
_HISTORY = """
SELECT status_history.task_id::text AS id, status, transitioned_at
FROM status_history JOIN tasks USING (task_id) WHERE correlation_id = %(key)s
ORDER BY status_history.id
"""
_OUTBOX = "SELECT task_id::text AS id FROM outbox WHERE correlation_id = %(key)s"
_MOST = 20_000  # messages of one queue
_SECONDS = 30.0


#: Runs a statement with its parameters, and returns the rows by the names of their columns.
Query = Callable[[str, Mapping[str, object]], Sequence[Mapping[str, Any]]]


@dataclass(frozen=True)
class Entry:
    status: str
    at: datetime


@dataclass(frozen=True)
class Task:
    """A row of `tasks` with its history, in the order in which that was written."""

    status: str
    shots: int
    attempts: int
    submitted_at: datetime
    history: tuple[Entry, ...]
    completed_at: datetime | None = None
    result: Mapping[str, int] | None = None
    error: str | None = None
    dead_lettered: bool = False


@dataclass(frozen=True)
class Stores:
    """All that is stored of the tasks that share a correlation id."""

    tasks: Mapping[str, Task]
    outbox: Sequence[str]  # a task's id for each row
    queued: Sequence[str]  # for each message that waits
    dead: Sequence[str]  # for each dead letter
    unacknowledged: int = 0  # messages in the hands of workers, whosever they are


def read(query: Query, broker: Place, key: str, queue: str = "quantum_tasks") -> Stores:
    """All of the tasks with this correlation id."""
    histories: dict[str, list[Entry]] = {}
    for row in query(_HISTORY, {"key": key}):
        histories.setdefault(row["id"], []).append(Entry(row["status"], row["transitioned_at"]))
    rows = query(_TASKS, {"key": key})
    tasks = {row["id"]: _task(row, histories.get(row["id"], ())) for row in rows}
    outbox = [row["id"] for row in query(_OUTBOX, {"key": key})]
    waiting, unacknowledged = _messages(broker, queue, key)
    dead, _ = _messages(broker, f"{queue}.dead", key)
    return Stores(tasks, outbox, waiting, dead, unacknowledged)


def _task(row: Mapping[str, Any], history: Sequence[Entry]) -> Task:
    return Task(
        row["current_status"],
        row["shots"],
        row["attempts"],
        row["submitted_at"],
        tuple(history),
        row["completed_at"],
        row["result"],
        row["error_message"],
        row["dead_lettered"],
    )


def _messages(broker: Place, queue: str, key: str) -> tuple[list[str], int]:
    """The ids of those with this correlation id, and how many are not acknowledged.

    Those that wait are put back, marked as redelivered: nothing that still runs may depend on it.
    """
    at = broker.management
    assert at is not None, "the messages can only be read through the management API"
    path = f"/api/queues/{quote(broker.vhost, safe='')}/{quote(queue, safe='')}"
    login = (at.user or "", at.password or "")
    base = at.without_login.url.rstrip("/")
    how = {"count": _MOST, "ackmode": "ack_requeue_true", "encoding": "auto", "truncate": 100}
    with httpx.Client(base_url=base, auth=login, timeout=_SECONDS, trust_env=False) as api:
        about = api.get(path).raise_for_status().json()
        found = api.post(f"{path}/get", json=how).raise_for_status().json()
    properties = [message["properties"] for message in found]
    ids = [one.get("message_id", "") for one in properties if one.get("correlation_id") == key]
    return ids, about.get("messages_unacknowledged", 0)


def wrong(accepted: Mapping[str, int], stores: Stores) -> list[str]:
    """What is wrong, a line for each. `accepted`: the shots of every task that a caller was told
    of; each must be there, and no other."""
    lost = [f"{one}: accepted, and there is no such task" for one in accepted.keys() - stores.tasks]
    more = [f"{one}: nobody was told of it" for one in stores.tasks.keys() - accepted]
    found = [
        f"{one}: {what}"
        for one in accepted.keys() & stores.tasks.keys()
        for what in (
            *_of_shots(accepted[one], stores.tasks[one]),
            *_of_history(stores.tasks[one]),
            *_of_row(stores.tasks[one]),
        )
    ]
    return sorted([*lost, *more, *found, *_left(stores)])


def _of_shots(shots: int, task: Task) -> Iterator[str]:
    if task.shots != shots:
        yield f"{shots} shots were accepted, and {task.shots} are stored"
    if task.result is not None and (total := sum(task.result.values())) != task.shots:
        yield f"its counts add up to {total}, not to {task.shots} shots"


def _of_history(task: Task) -> Iterator[str]:
    path = [entry.status for entry in task.history]
    for before, after in pairwise([None, *path]):
        if after not in FOLLOWS[before]:
            yield f"{after} must not follow {before or 'nothing'}: {' '.join(path)}"
    times = [task.submitted_at, *(entry.at for entry in task.history)]
    if any(later < earlier for earlier, later in pairwise(times)):
        yield f"the times of its history decrease: {', '.join(map(str, times))}"
    if not path or path[-1] != task.status:
        yield f"it is {task.status}, and its history ends with {path[-1] if path else 'nothing'}"
    endings = sum(status in FINAL for status in path)
    if task.status in FINAL and endings != 1:
        yield f"it has {endings} endings: {' '.join(path)}"
    if not 0 <= task.attempts <= MOST_ATTEMPTS or task.attempts > path.count("processing"):
        yield f"{task.attempts} attempts: {' '.join(path)}"


def _of_row(task: Task) -> Iterator[str]:
    if task.status not in FINAL:
        yield f"stuck: it is {task.status}"
    if (task.completed_at is not None) != (task.status in FINAL):
        yield f"it is {task.status}, and completed_at is {task.completed_at}"
    if (task.result is not None) != (task.status == "completed"):
        yield f"it is {task.status}, and its result is {task.result}"
    if (task.error is not None) != (task.status == "failed"):
        yield f"it is {task.status}, and its error is {task.error!r}"
    ends = [entry.at for entry in task.history if entry.status in FINAL]
    if task.completed_at is not None and ends and task.completed_at != ends[0]:
        yield f"completed_at is {task.completed_at}, and its history ends at {ends[0]}"
    if task.dead_lettered and task.status != "failed":
        yield f"it is {task.status}, and its message is said to be a dead letter"


def _left(stores: Stores) -> Iterator[str]:
    for one, count in Counter(stores.outbox).items():
        yield f"{one}: {count} messages of it are in the outbox"
    for one, count in Counter(stores.queued).items():
        yield f"{one}: {count} messages of it are in the queue"
    if stores.unacknowledged:
        yield f"{stores.unacknowledged} messages are in the hands of workers"
    gave_up = {one for one, task in stores.tasks.items() if task.dead_lettered}
    for one in set(stores.dead) - gave_up:
        yield f"{one}: its message is a dead letter, and nobody gave up on it"
    for one in gave_up - set(stores.dead):
        yield f"{one}: workers gave up on it, and its message is no dead letter"
