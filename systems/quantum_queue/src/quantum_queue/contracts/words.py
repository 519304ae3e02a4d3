"""The words that both services and the database agree on."""

from __future__ import annotations

from enum import StrEnum

MAX_ATTEMPTS = 3
"""How often a task is tried before transient trouble makes it fail."""

DEFAULT_SHOTS = 1024
MIN_SHOTS = 1
MAX_SHOTS = 100_000


class TaskStatus(StrEnum):
    """The states of a task, in the order of the enum `taskstatus` in the database."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


FINAL = frozenset({TaskStatus.COMPLETED, TaskStatus.FAILED})
"""A task in one of these states never changes again."""
