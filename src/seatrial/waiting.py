"""Deadlines, back-off, and `eventually`: waiting on a condition, never on a guess.

`eventually` looks at a value again and again, with growing pauses from 20 ms, until it satisfies a
condition, the deadline passes, or waiting has become pointless; when it gives up, it shows the
history of the values it saw.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

FIRST_PAUSE = 0.02  # s
LONGEST_PAUSE = 0.5  # s
_SHOWN = 20  # values of a history that an error message shows


@dataclass(frozen=True)
class Deadline:
    """A moment on the monotonic clock, in seconds."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        return cls(time.monotonic() + seconds)

    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.at - time.monotonic())

    @property
    def passed(self) -> bool:
        return time.monotonic() >= self.at

    def within(self, seconds: float) -> Deadline:
        """The earlier of this deadline and one in so many seconds."""
        return Deadline(min(self.at, time.monotonic() + seconds))


def backoff(
    first: float = FIRST_PAUSE, longest: float = LONGEST_PAUSE, share: float = 0.0
) -> Iterator[float]:
    """Pauses in seconds: `first`, then each half as long again, up to `longest`, or to this share
    of all pauses before it, if that is more; endless."""
    pause, waited = min(first, longest), 0.0
    while True:
        yield pause
        waited += pause
        pause = min(pause * 1.5, max(longest, waited * share))


@dataclass
class History(Generic[T]):
    """The distinct values seen, each with the seconds after the start when it first appeared."""

    started: float = field(default_factory=time.monotonic)
    seen: list[tuple[float, T | BaseException]] = field(default_factory=list)

    def add(self, value: T | BaseException) -> None:
        if not self.seen or not _same(self.seen[-1][1], value):
            self.seen.append((time.monotonic() - self.started, value))

    def __str__(self) -> str:
        lines = [f"  {at:8.3f} s  {show(value)}" for at, value in self.seen[-_SHOWN:]]
        if len(self.seen) > _SHOWN:
            lines.insert(0, f"  ... {len(self.seen) - _SHOWN} earlier values")
        return "\n".join(lines) or "  (nothing was seen)"


def _same(one: object, other: object) -> bool:
    if isinstance(one, BaseException) or isinstance(other, BaseException):
        return type(one) is type(other) and str(one) == str(other)
    return bool(one == other)


def show(value: object) -> str:
    """A value, or an exception, in a line of a history."""
    text = f"{type(value).__name__}: {value}" if isinstance(value, BaseException) else repr(value)
    return text if len(text) <= 300 else text[:297] + "..."


class NotReached(AssertionError):
    """The condition of `eventually` did not come true; `history` holds the values seen."""

    def __init__(self, reason: str, history: History[object]) -> None:
        self.history = history
        super().__init__(f"{reason}; the values seen:\n{history}")


@dataclass(frozen=True)
class _Wait(Generic[T]):
    """What sync and async waiting share: judging one value, and giving up."""

    until: Callable[[T], object]
    terminal: Callable[[T], object] | None
    watch: Callable[[], str | None] | None
    timeout: float
    what: str
    history: History[T]

    def accept(self, value: T) -> bool:
        self.history.add(value)
        if self.until(value):
            return True
        if self.terminal is not None and self.terminal(value):
            raise self.failure("reached a final state that does not satisfy it")
        return False

    def keep_going(self, deadline: Deadline) -> None:
        if deadline.passed:
            raise self.failure(f"not within {self.timeout:g} s")
        if self.watch is not None and (reason := self.watch()) is not None:
            raise self.failure(f"stopped waiting: {reason}")

    def failure(self, reason: str) -> NotReached:
        return NotReached(f"{self.what}: {reason}", self.history)  # type: ignore[arg-type]


def eventually(
    look: Callable[[], T],
    until: Callable[[T], object] = bool,
    *,
    timeout: float = 30.0,
    longest_pause: float = LONGEST_PAUSE,
    terminal: Callable[[T], object] | None = None,
    watch: Callable[[], str | None] | None = None,
    retry_on: tuple[type[Exception], ...] = (),
    what: str = "condition",
) -> T:
    """Return the first value of `look()` that satisfies `until`.

    `timeout` and `longest_pause` are seconds. `terminal` says that a value can no longer change;
    `watch` returns a reason to stop early, such as a dead component. Exceptions in `retry_on`
    count as values that do not satisfy. Raises NotReached.
    """
    wait = _Wait(until, terminal, watch, timeout, what, History[T]())
    deadline = Deadline.after(timeout)
    for pause in backoff(longest=longest_pause):
        try:
            if wait.accept(value := look()):
                return value
        except retry_on as error:
            wait.history.add(error)
        wait.keep_going(deadline)
        time.sleep(min(pause, deadline.remaining()))
    raise AssertionError("unreachable")


async def eventually_async(
    look: Callable[[], Awaitable[T]],
    until: Callable[[T], object] = bool,
    *,
    timeout: float = 30.0,
    longest_pause: float = LONGEST_PAUSE,
    terminal: Callable[[T], object] | None = None,
    watch: Callable[[], str | None] | None = None,
    retry_on: tuple[type[Exception], ...] = (),
    what: str = "condition",
) -> T:
    """`eventually` for an asynchronous `look`."""
    wait = _Wait(until, terminal, watch, timeout, what, History[T]())
    deadline = Deadline.after(timeout)
    for pause in backoff(longest=longest_pause):
        try:
            if wait.accept(value := await look()):
                return value
        except retry_on as error:
            wait.history.add(error)
        wait.keep_going(deadline)
        await asyncio.sleep(min(pause, deadline.remaining()))
    raise AssertionError("unreachable")
