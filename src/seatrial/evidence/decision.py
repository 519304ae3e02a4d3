"""What the gate concludes from evidence, and the reports show: verdict, exit code and reasons.

It stands here because gate and report do not know each other; both know evidence.
"""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.outcome import ExitCode, Priority, Verdict


@dataclass(frozen=True)
class Reason:
    """One thing that speaks for or against letting traffic in.

    `exit_code` is what it leads to at p1. `subject` names the trial, component, expectation,
    budget or session that it is about, `code` the rule that it comes from.
    """

    code: str
    exit_code: ExitCode
    text: str
    subject: str = ""
    priority: Priority = Priority.P1
    finding: str | None = None

    @property
    def gates(self) -> bool:
        """Whether it keeps the verdict from being `go`; otherwise it is a warning at most."""
        return self.exit_code is not ExitCode.GO and self.priority is Priority.P1

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Decision:
    """`reasons` are those that decide first; `warnings` never change the verdict."""

    verdict: Verdict
    exit_code: ExitCode
    reasons: tuple[Reason, ...]
    warnings: tuple[Reason, ...] = ()
