"""A steady state: a condition that must hold for as long as a block lasts.

A value is looked at again and again beside the block, at an even pace and never twice at once.
Looks that show the condition broken are put together to moments. What was not looked at is not
known: a gap between two looks that is too long makes the whole not measured.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Generic, TypeVar

from seatrial import units
from seatrial.errors import UsageError
from seatrial.outcome import Outcome
from seatrial.waiting import show

T = TypeVar("T")

EVERY = 0.1  # s from one look to the next
LONGEST_GAP = 2.0  # s without a look
_FASTEST = 0.01  # s: whatever is asked for, it must not become a flood
_LISTED = 20  # moments, in messages and evidence


class NotSteady(AssertionError):
    """The condition did not hold; `steadiness` says when."""

    def __init__(self, steadiness: Steadiness) -> None:
        self.steadiness = steadiness
        super().__init__(str(steadiness))


class NotMeasured(Exception):
    """For some of the time nobody knows whether the condition held."""

    def __init__(self, steadiness: Steadiness) -> None:
        self.steadiness = steadiness
        super().__init__(str(steadiness))


@dataclass(frozen=True)
class Allowance:
    """For how long, or at what part of the looks, the condition may be broken."""

    seconds: float | None = None
    share: float | None = None

    @classmethod
    def of(cls, at_most: float | str | None) -> Allowance:
        """`"2s"` or 2.0 is a time in all, `"1%"` a part of the looks. Raises UsageError."""
        if at_most is None:
            return cls()
        try:
            if isinstance(at_most, str) and at_most.strip().endswith("%"):
                return cls(share=units.share(at_most))
            return cls(seconds=units.seconds(at_most))
        except ValueError as error:
            raise UsageError(f"at_most: {error}", hint='write "2s", or "1%" of the looks') from None

    def __str__(self) -> str:
        if self.share is not None:
            return f"at most {self.share * 100:g}%"
        return "" if self.seconds is None else f"at most {units.in_seconds(self.seconds)}"

    def covers(self, seconds: float, share: float) -> bool:
        if self.share is not None:
            return share <= self.share
        return seconds <= (self.seconds or 0.0) and (share == 0 or self.seconds is not None)


@dataclass(frozen=True)
class Moment:
    """The condition was broken from the first look that showed it to the next that did not."""

    at: datetime  # UTC
    offset: float  # s after the watch began
    duration: float  # s
    found: str

    def __str__(self) -> str:
        return f"{self.offset:8.3f} s  for {self.duration:.3f} s  {self.found}"


@dataclass(frozen=True)
class Steadiness:
    """What became of one watch."""

    what: str
    outcome: Outcome  # passed, failed or not_measured
    reason: str  # "" when it passed
    allowed: str  # "" is never
    seconds: float
    samples: int
    failing: int  # of the samples
    longest_gap: float  # s
    moments: tuple[Moment, ...]  # the first of them
    more_moments: int  # that are not listed

    def __str__(self) -> str:
        lines = [f"{self.what}: {self.reason or 'held'}"]
        lines += [f"  {moment}" for moment in self.moments]
        if self.more_moments:
            lines.append(f"  ... and {self.more_moments} more such moments")
        return "\n".join(lines)


@dataclass
class Watch(Generic[T]):
    """Takes looks as they come, and concludes. Times are of the monotonic clock, in seconds."""

    until: Callable[[T], object]
    every: float
    gap: float
    allowed: Allowance
    what: str
    began: float = field(default_factory=time.monotonic)
    _at: datetime = field(default_factory=lambda: datetime.now(UTC))
    _last: float = field(default_factory=time.monotonic)  # when the last look was over
    _longest_gap: float = 0.0
    _samples: int = 0
    _failing: int = 0
    _broken: tuple[float, str] | None = None  # since when, and what was found
    _broken_for: float = 0.0
    _moments: list[Moment] = field(default_factory=list)
    _more: int = 0

    def __post_init__(self) -> None:
        if not _FASTEST <= self.every <= 60 or not self.every <= self.gap <= 3600:
            raise UsageError(
                f"always: every={self.every:g} and gap={self.gap:g} do not go together",
                hint=f"seconds: every from {_FASTEST:g} to 60, and gap no less than every",
            )

    def pause(self, began: float) -> float:
        """Seconds from the end of the look that began then to the next."""
        return max(_FASTEST, began + self.every - time.monotonic())

    def saw(self, began: float, value: T) -> bool:
        """A look that began then showed this; whether the condition holds."""
        try:
            holds = bool(self.until(value))
        except Exception as error:
            return self.failed(began, error)
        self._take(began, None if holds else show(value))
        return holds

    def failed(self, began: float, error: BaseException) -> bool:
        """A look that began then raised."""
        self._take(began, show(error))
        return False

    def _take(self, began: float, broken: str | None) -> None:
        self._note_gap()
        self._samples += 1
        if broken is None:
            self._mend(began)
            return
        self._failing += 1
        self._broken = self._broken or (began, broken)

    def _note_gap(self) -> None:
        now = time.monotonic()
        self._longest_gap = max(self._longest_gap, now - self._last)
        self._last = now

    def _mend(self, now: float) -> None:
        if self._broken is None:
            return
        (since, found), self._broken = self._broken, None
        self._broken_for += now - since
        if len(self._moments) < _LISTED:
            at = self._at.timestamp() + since - self.began
            moment = Moment(datetime.fromtimestamp(at, UTC), since - self.began, now - since, found)
            self._moments.append(moment)
        else:
            self._more += 1

    def conclude(self) -> Steadiness:
        """The block is over, and no look is under way any more, or it takes too long."""
        self._note_gap()
        self._mend(self._last)
        outcome, reason = self._judge()
        return Steadiness(
            self.what,
            outcome,
            reason,
            str(self.allowed),
            self._last - self.began,
            self._samples,
            self._failing,
            self._longest_gap,
            tuple(self._moments),
            self._more,
        )

    def _judge(self) -> tuple[Outcome, str]:
        share = self._failing / self._samples if self._samples else 0.0
        if not self.allowed.covers(self._broken_for, share):
            allowed = f"; allowed: {self.allowed}" if str(self.allowed) else ""
            return Outcome.FAILED, (
                f"did not hold for {self._broken_for:.3f} s of {self._last - self.began:.3f} s "
                f"({self._failing} of {self._samples} looks){allowed}"
            )
        if not self._samples or self._longest_gap > self.gap:
            return Outcome.NOT_MEASURED, (
                f"not measured: nobody looked for {self._longest_gap:.3f} s; "
                f"{self.gap:g} s are allowed (gap=)"
            )
        return Outcome.PASSED, ""


def raise_unless_steady(steadiness: Steadiness) -> None:
    """Raises NotSteady or NotMeasured."""
    if steadiness.outcome is Outcome.FAILED:
        raise NotSteady(steadiness)
    if steadiness.outcome is Outcome.NOT_MEASURED:
        raise NotMeasured(steadiness)
