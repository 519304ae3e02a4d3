"""Records that `exercise` writes: what became of each drill."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from seatrial.evidence.records.base import Record


class DrillFinished(Record):
    """One deliberate fault, and what was said about it while it was there."""

    type: Literal["drill_finished"] = "drill_finished"
    name: str
    title: str
    detected: bool
    named: bool
    cause: str | None = None  # a component and its cause, or the trial that failed
    said: str = ""  # what was found, in the words of the finding or of the trial
    by: Literal["check", "trial"] | None = None
    seconds: float | None = None  # from when breaking began until it was named
    skipped: str = ""  # why it was not carried out
    left_behind: tuple[str, ...] = ()  # what a check found after it was undone

    @property
    def good(self) -> bool:
        return self.detected and self.named


def score(drills: Sequence[DrillFinished]) -> float | None:
    """The share of those that were carried out that were detected and named; None of none."""
    done = [one for one in drills if not one.skipped]
    return sum(one.good for one in done) / len(done) if done else None
