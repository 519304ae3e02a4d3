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

DEFAULT_PAGE = 20
MAX_PAGE = 100
"""How many tasks a page of the list has, unless told, and at most."""

CURSOR_PATTERN = "^[0-9a-f]{46}$"
"""What a cursor looks like; everything that looks like one is a place in the list."""
