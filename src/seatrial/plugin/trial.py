"""One attempt at one trial: what happened to it, and what that is called.

| what happened                                                   | outcome   |
|-----------------------------------------------------------------|-----------|
| a component that it needs was down before it began              | blocked   |
| skipped by pytest, a marker or a missing capability             | skipped   |
| a component that was up when it began went down during it,      | failed,   |
| and no fault of its own was active then                         | a finding |
| its steady state was not watched without a gap                  | not       |
|                                                                 | measured  |
| an exception in set-up                                          | errored   |
| an exception in the call (a strict xpass is one)                | failed    |
| an exception in tear-down alone                                 | errored   |
| an expected failure (xfail): it shows that its expectation does | skipped   |
| not hold yet, so it never counts as passed                      |           |
| an unexpected pass (xpass, not strict)                          | passed    |

These are words of the evidence; pytest's own outcomes and exit status are not touched.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

import pytest

from seatrial.keeper.protocol import Event
from seatrial.outcome import Outcome, State
from seatrial.plugin.marks import Marks
from seatrial.plugin.states import Down


class Blocked(pytest.fail.Exception):  # type: ignore[name-defined,misc]  # mypy sees an instance
    """A component that the trial needs was down before it began."""

    __module__ = "builtins"  # as pytest's own do, to be shown without a module

    def __init__(self, message: str, down: Down, finding: str) -> None:
        super().__init__(message, pytrace=False)
        self.down = down
        self.finding = finding


@dataclass(frozen=True)
class Phase:
    """What pytest reported of set-up, call or tear-down."""

    outcome: str  # passed, failed, skipped
    text: str  # the failure as pytest shows it, or the reason of a skip
    seconds: float
    xfail: str | None = None  # the reason, where pytest expected a failure


@dataclass(frozen=True)
class Result:
    outcome: Outcome
    reason: str = ""
    error: str = ""
    finding: str | None = None


@dataclass
class Trial:
    node: str
    marks: Marks
    attempt: int
    needs: set[str]  # grows as fixtures and the trial itself ask for components
    down_at_begin: dict[str, Down] = field(default_factory=dict)
    phases: dict[str, Phase] = field(default_factory=dict)
    blocked: Blocked | None = None
    lost: Down | None = None  # up when it began, and went down during it
    lost_finding: str | None = None
    faults: int = 0  # of its own that are active now
    not_measured: str = ""  # why a steady state of its own is not known
    keeper_gone: str = ""  # why its states could not be read
    passed_assertions: int = 0
    failed_assertions: int = 0

    @property
    def seconds(self) -> float:
        return sum(phase.seconds for phase in self.phases.values())

    def note(self, events: Iterable[Event], needed: Iterable[str]) -> None:
        """Take note of state changes; those under a fault of its own are no surprise."""
        watched = set(needed) - set(self.down_at_begin)
        for event in events:
            excused = self.faults > 0 or event.by_fault
            if event.component in watched and not event.state.up and not excused:
                self.lost = self.lost or Down.of(event)

    def forgive(self, down_now: Collection[str]) -> None:
        """A component that was out of an observer's reach for a moment, which nobody but the
        observer noticed, is no loss: one slow answer is not an outage."""
        noticed = any(phase.outcome == "failed" for phase in self.phases.values())
        lost = self.lost
        if lost is not None and lost.state is State.UNREACHABLE and not noticed:
            self.lost = lost if lost.component in down_now else None

    def add(self, report: pytest.TestReport) -> None:
        self.phases[report.when or ""] = Phase(
            outcome=report.outcome,
            text=_reason(report) if report.skipped else report.longreprtext,
            seconds=report.duration,
            xfail=getattr(report, "wasxfail", None),
        )

    def result(self) -> Result:
        phases = self.phases
        failures = [p.text for p in phases.values() if p.outcome == "failed"]
        error = "\n\n".join(failures)
        if self.blocked is not None:
            why = str(self.blocked.down)
            return Result(Outcome.BLOCKED, why, self.blocked.msg or why, self.blocked.finding)
        if (skipped := self._skipped()) is not None:
            return Result(Outcome.SKIPPED, skipped)
        if self.lost is not None:
            reason = f"during the trial, {self.lost}"
            return Result(Outcome.FAILED, reason, error or reason, self.lost_finding)
        if self.not_measured:
            return Result(Outcome.NOT_MEASURED, self.not_measured, error)
        if self._failed("call"):
            return Result(Outcome.FAILED, error=error)
        if failures or self.keeper_gone or "call" not in phases:
            return Result(Outcome.ERRORED, error=error or self.keeper_gone or "it did not run")
        unexpected = phases["call"].xfail
        return Result(Outcome.PASSED, "" if unexpected is None else f"xpassed: {unexpected}")

    def _failed(self, phase: str) -> bool:
        return phase in self.phases and self.phases[phase].outcome == "failed"

    def _skipped(self) -> str | None:
        for phase in self.phases.values():
            if phase.outcome == "skipped":
                return phase.text if phase.xfail is None else f"xfailed: {phase.xfail}"
        return None


def _reason(report: pytest.TestReport) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
    return text.removeprefix("Skipped: ")
