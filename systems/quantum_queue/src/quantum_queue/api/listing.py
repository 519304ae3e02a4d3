"""Read what a list of tasks is asked for, and the cursors that lead from page to page.

A cursor is the place of the last task on a page in the order of the list, not a number of tasks to
skip: what is submitted meanwhile neither repeats nor hides a task on the pages that follow.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from starlette.datastructures import QueryParams

from quantum_queue.api.problems import invalid
from quantum_queue.contracts.words import (
    CURSOR_PATTERN,
    DEFAULT_PAGE,
    MAX_PAGE,
    TaskStatus,
)

_PARAMETERS = ("status", "limit", "cursor")
_CURSOR = re.compile(CURSOR_PATTERN)
_TIME_DIGITS = 14
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Position:
    """A place in the list, which is ordered by both, newest first."""

    submitted_at: datetime
    task_id: uuid.UUID

    def cursor(self) -> str:
        """Return the place as text for the caller, who need not know what is in it."""
        microseconds = (self.submitted_at - _EPOCH) // _MICROSECOND
        return f"{microseconds:0{_TIME_DIGITS}x}{self.task_id.hex}"


START = Position(datetime.max.replace(tzinfo=UTC), uuid.UUID(int=2**128 - 1))
"""Before the newest task there can be."""


@dataclass(frozen=True)
class Query:
    """A page that somebody asks for."""

    status: TaskStatus | None = None
    limit: int = DEFAULT_PAGE
    after: Position = START


def parse(parameters: QueryParams) -> Query:
    """Return the page that the parameters ask for, or raise the problem with them."""
    given: dict[str, str] = {}
    for name, value in parameters.multi_items():
        if name not in _PARAMETERS:
            known = ", ".join(_PARAMETERS)
            raise invalid(f"There is no parameter {name[:40]!r}; there are {known}.")
        if name in given:
            raise invalid(f"`{name}` is given more than once.")
        given[name] = value
    return Query(
        status=_status(given["status"]) if "status" in given else None,
        limit=_limit(given["limit"]) if "limit" in given else DEFAULT_PAGE,
        after=_position(given["cursor"]) if "cursor" in given else START,
    )


def _status(text: str) -> TaskStatus:
    try:
        return TaskStatus(text)
    except ValueError:
        raise invalid(f"`status` must be one of {', '.join(TaskStatus)}.") from None


def _limit(text: str) -> int:
    if re.fullmatch("[0-9]{1,9}", text) and 1 <= int(text) <= MAX_PAGE:
        return int(text)
    raise invalid(f"`limit` must be a whole number from 1 to {MAX_PAGE}.")


def _position(text: str) -> Position:
    if not _CURSOR.fullmatch(text):
        raise invalid("`cursor` is none that a list of tasks has given; begin again without it.")
    # 14 hexadecimal digits of microseconds end in the year 4253: all of them are dates.
    microseconds = int(text[:_TIME_DIGITS], 16)
    submitted_at = _EPOCH + microseconds * _MICROSECOND
    return Position(submitted_at, uuid.UUID(text[_TIME_DIGITS:]))
