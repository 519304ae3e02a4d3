"""What the gate says: a verdict, an exit code, and the reasons for both."""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.outcome import ExitCode, Priority, Verdict

#: The exit table, from the top: the first row for which there is a reason applies. ExitCode.USAGE
#: has its row between CRASHED and DOWN, but ends a command before there is a run to judge.
ROWS: tuple[tuple[ExitCode, Verdict], ...] = (
    (ExitCode.INTERRUPTED, Verdict.INVALID),
    (ExitCode.CRASHED, Verdict.INVALID),
    (ExitCode.DOWN, Verdict.NO_GO),
    (ExitCode.FAILED, Verdict.NO_GO),
    (ExitCode.INCONCLUSIVE, Verdict.INCONCLUSIVE),
    (ExitCode.GO, Verdict.GO),
)
VERDICTS: dict[ExitCode, Verdict] = dict(ROWS)


def rank(code: ExitCode) -> int:
    """The place in the exit table; the lower, the worse."""
    return [row for row, _ in ROWS].index(code)


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
