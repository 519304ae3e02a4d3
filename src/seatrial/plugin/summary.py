"""What the terminal says at the end: one line a root cause, and nothing when all is well."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pytest

OUTCOME = "seatrial_outcome"  # user_properties, so that JUnit and xdist's controller see them
FINDING = "seatrial_finding"
REASON = "seatrial_reason"
OURS = (OUTCOME, FINDING, REASON)


@dataclass
class Summary:
    """Filled from the reports, which reach the controller from xdist's workers too."""

    _blocked: Counter[str] = field(default_factory=Counter)
    _lost: Counter[str] = field(default_factory=Counter)
    _left: list[tuple[int, str]] = field(default_factory=list)

    def add(self, report: pytest.TestReport) -> None:
        if report.when != "teardown":
            return
        told = {str(key): str(value) for key, value in report.user_properties}
        line = f"{told.get(REASON)} [{told.get(FINDING)}]"
        if told.get(OUTCOME) == "blocked":
            self._blocked[line] += 1
        elif FINDING in told:
            self._lost[line] += 1

    def add_left(self, left: list[tuple[int, str]]) -> None:
        """Things that could not be removed, and why."""
        self._left += [(count, error) for count, error in left if count or error]

    @property
    def dirty(self) -> bool:
        """Something that trials created is still there."""
        return bool(self._left)

    @property
    def left(self) -> list[tuple[int, str]]:
        return self._left

    def lines(self) -> list[str]:
        return [
            *(f"{_trials(n)} blocked: {line}" for line, n in self._blocked.items()),
            *(f"{_trials(n)} failed: {line}" for line, n in self._lost.items()),
            *(
                f"ERROR: {left} things that trials created are still there: {error}"
                for left, error in self._left
            ),
        ]


def _trials(count: int) -> str:
    return "1 trial" if count == 1 else f"{count} trials"
