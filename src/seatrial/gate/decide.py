"""`decide`: the verdict on a run, from its evidence alone."""

from __future__ import annotations

from collections.abc import Iterator

from seatrial.evidence.decision import Decision, Reason
from seatrial.evidence.reader import RunEvidence
from seatrial.evidence.records import (
    BudgetMeasured,
    ComponentHealth,
    DrillFinished,
    Expectation,
)
from seatrial.gate.rules import RULES
from seatrial.gate.table import ROWS, VERDICTS, rank
from seatrial.outcome import ExitCode, Health, Outcome, Priority

__all__ = ["Decision", "Reason", "decide"]


#: Where a run ended early for one of these, the rest is missing for no reason of its own.
_CUT_SHORT = ("interrupted", "crashed", "environment")
#: What says it better than another reason can; few, while there may be thousands of trials.
_BETTER = ("finding", "environment")
_MISSING = ("component", "expectation", "session", "finish", "checks", "trials", "drills")


def decide(evidence: RunEvidence) -> Decision:
    """Conclude the verdict; the same evidence always gives the same one.

    Every rule says all that it has to say; the first row of the exit table that has a reason
    applies. Reasons of the rows below are kept behind, as they will be next.
    """
    said = list(_folded([*dict.fromkeys(reason for rule in RULES for reason in rule(evidence))]))
    against = sorted((r for r in said if r.gates), key=lambda reason: rank(reason.exit_code))
    warnings = tuple(
        sorted((r for r in said if not r.gates), key=lambda r: (r.priority, rank(r.exit_code)))
    )
    code = next((row for row, _ in ROWS if any(r.exit_code is row for r in against)), ExitCode.GO)
    reasons = tuple(against) if against else tuple(_why_go(evidence))
    return Decision(VERDICTS[code], code, reasons, warnings)


def _folded(reasons: list[Reason]) -> Iterator[Reason]:
    """Leave out what only repeats another reason, which says it better and as severely."""
    cut_short = any(r.code in _CUT_SHORT for r in reasons)
    better = [r for r in reasons if r.code in _BETTER]
    for reason in reasons:
        missing = reason.code in _MISSING and reason.exit_code is ExitCode.INCONCLUSIVE
        if not (cut_short and missing) and not any(_repeats(reason, other) for other in better):
            yield reason


def _repeats(reason: Reason, other: Reason) -> bool:
    """Whether it is about the same as the other one, which stands above it."""
    if other.priority > reason.priority or rank(other.exit_code) > rank(reason.exit_code):
        return False
    same_component = reason.subject == other.subject != ""
    match reason.code, other.code:
        case ("expectation", "finding") | ("finding", "environment"):
            return reason.finding == other.finding is not None
        case "component", "finding":
            return same_component and reason.exit_code is other.exit_code
        case "state", "environment":
            return same_component
    return False


def _why_go(evidence: RunEvidence) -> Iterator[Reason]:
    p1 = Priority.P1
    trials = [t for t in evidence.trials if t.priority is p1 and t.outcome is Outcome.PASSED]
    passed = [e for e in evidence.all(Expectation) if e.outcome is Outcome.PASSED]
    held = {e.id for e in passed if e.priority is p1}
    budgets = {(b.node, b.name) for b in evidence.all(BudgetMeasured) if b.priority is p1}
    declared = evidence.started.components if evidence.started else ()
    well = {h.component for h in evidence.all(ComponentHealth) if h.health is Health.HEALTHY}
    healthy = [c for c in declared if c.priority is p1 and c.name in well]
    drills = [one for one in evidence.all(DrillFinished) if one.good]
    texts = {
        "trials": (len(trials), "p1 trial passed", "p1 trials passed"),
        "expectations": (len(held), "p1 expectation holds", "p1 expectations hold"),
        "components": (len(healthy), "p1 component is healthy", "p1 components are healthy"),
        "budgets": (len(budgets), "p1 time budget was kept", "p1 time budgets were kept"),
        "drills": (len(drills), "drill was named", "drills were named"),
    }
    for code, (number, one, several) in texts.items():
        if number:
            yield Reason(code, ExitCode.GO, f"{number} {one if number == 1 else several}")
