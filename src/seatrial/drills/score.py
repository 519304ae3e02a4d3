"""What was noticed of a drill: pure, from the reports before and during it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from seatrial.checks.report import CheckReport
from seatrial.evidence.records import FindingBody, TrialFinished
from seatrial.evidence.trials import gist
from seatrial.kinds.drill import Drill
from seatrial.outcome import Outcome, Priority

_BAD = (Outcome.FAILED, Outcome.BLOCKED)


@dataclass(frozen=True)
class Noticed:
    """`cause` is "postgres.schema_drift", or the name of the trial that failed; `said` is what its
    finding or its error says."""

    detected: bool = False
    named: bool = False
    cause: str | None = None
    by: Literal["check", "trial"] | None = None
    said: str = ""


def of_check(drill: Drill, before: CheckReport, during: CheckReport) -> Noticed:
    """Detected: any new finding at p1 or p2. Named: a new root one, of right component and cause.

    A fault that is only in `blocks` of others is not named by it: who reads would mend the wrong
    thing first.
    """
    old = {finding.id for finding in before.findings}
    new = [f for f in during.findings if f.id not in old and f.priority is not Priority.P3]
    if not new:
        return Noticed()
    right = next((f for f in new if f.cause in drill.answers.get(f.component, ())), None)
    shown = right or new[0]
    return Noticed(True, right is not None, _cause(shown), "check", shown.found)


def _cause(finding: FindingBody) -> str:
    return f"{finding.component}.{finding.cause}"


def of_trials(drill: Drill, finished: Iterable[TrialFinished]) -> Noticed:
    """Named: one of the drill's own trials failed, and its error says what the drill expects."""
    failed = [trial for trial in finished if trial.outcome in _BAD]
    right = [
        trial
        for trial in failed
        if trial.name.partition("[")[0] in drill.trials
        and re.search(drill.says, trial.error, re.DOTALL)
    ]
    if not failed:
        return Noticed()
    shown = (right or failed)[0]
    return Noticed(True, bool(right), shown.name, "trial", gist(shown.error))


@dataclass(frozen=True)
class Scored:
    """One drill that was carried out, or was skipped for a reason."""

    name: str
    title: str
    noticed: Noticed
    seconds: float | None  # from when breaking began until it was named; None: not in time
    skipped: str = ""
    not_mended: tuple[str, ...] = ()  # what was still wrong after it was undone
