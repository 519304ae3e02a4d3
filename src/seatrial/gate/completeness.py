"""The rules about what is not there: sessions cut short, records missing or not understood."""

from __future__ import annotations

from collections.abc import Iterator

from seatrial.evidence import records as r
from seatrial.evidence.decision import Reason
from seatrial.evidence.reader import RunEvidence
from seatrial.outcome import ExitCode, Outcome, Priority

_BAD = (Outcome.ERRORED, Outcome.BLOCKED, Outcome.FAILED)
_P1 = Priority.P1

# pytest's own exit codes, which mean other things than ours.
_PYTEST_FAILED, _PYTEST_INTERRUPTED, _PYTEST_NOTHING = 1, 2, 5


def sessions(evidence: RunEvidence) -> Iterator[Reason]:
    """Planned sessions took place, and each ended as its trials did."""
    for skipped in evidence.all(r.SessionSkipped):
        names = ", ".join(skipped.priorities)
        text = f"the {names} trials did not take place: {skipped.reason}"
        priority = min(skipped.priorities, default=_P1)
        yield Reason("session", ExitCode.INCONCLUSIVE, text, names, priority)
    yield from _without_a_trace(evidence)
    ended = {(end.session, end.worker) for end in evidence.all(r.SessionFinished)}
    for start in evidence.all(r.SessionStarted):
        if (start.session, start.worker) not in ended:
            text = f"pytest session {start.session} ({start.worker}) was cut off"
            priority = _priority(evidence, start.session)
            yield Reason("session", ExitCode.INCONCLUSIVE, text, start.session, priority)
    for end in evidence.all(r.SessionFinished):
        yield from _ended(evidence, end)


def _without_a_trace(evidence: RunEvidence) -> Iterator[Reason]:
    """Whatever its priority: where evidence was lost, or never written, what else is missing?"""
    skipped = [set(one.priorities) for one in evidence.all(r.SessionSkipped)]
    began = [set(_named(one.session)) for one in evidence.all(r.SessionStarted)]
    for planned in evidence.started.sessions if evidence.started else ():
        if not any(set(planned) <= one for one in (*skipped, *began)):
            names = ", ".join(planned)
            text = f"the {names} trials were planned, and their pytest session left no trace"
            yield Reason("session", ExitCode.INCONCLUSIVE, text, names)


def _ended(evidence: RunEvidence, end: r.SessionFinished) -> Iterator[Reason]:
    priority, code, text = _priority(evidence, end.session), end.pytest_exit, ""
    exit_code = ExitCode.INCONCLUSIVE
    if code == _PYTEST_FAILED and not _shows_failure(evidence, end.session):
        text = "pytest failed, but no trial is recorded as failed"
    elif code == _PYTEST_INTERRUPTED and not evidence.all(r.CollectionFailed):
        text = "pytest stopped before its end"
    elif code not in (0, _PYTEST_FAILED, _PYTEST_INTERRUPTED, _PYTEST_NOTHING):
        exit_code, text = ExitCode.CRASHED, f"pytest ended with exit code {code}"
    if text:
        yield Reason("session", exit_code, f"session {end.session}: {text}", end.session, priority)


def _shows_failure(evidence: RunEvidence, session: str) -> bool:
    return (
        any(t.session == session and t.outcome in _BAD for t in evidence.trials)
        or bool(evidence.all(r.CollectionFailed))  # a file of another session fails in each
        or any(b.measured_s is None or b.measured_s > b.limit_s for b in _budgets(evidence))
        or any(ledger.left or ledger.error for ledger in evidence.all(r.LedgerClosed))
    )


def _budgets(evidence: RunEvidence) -> tuple[r.BudgetMeasured, ...]:
    return evidence.all(r.BudgetMeasured)


def _priority(evidence: RunEvidence, session: str) -> Priority:
    """The highest priority of a session's trials: by its name ("p2-p3"), else by what it held."""
    held = _named(session) or [t.priority for t in evidence.trials if t.session == session]
    return min(held, default=_P1)


def _named(session: str) -> list[Priority]:
    words = set(Priority)
    return [Priority(part) for part in session.split("-") if part in words]


def complete(evidence: RunEvidence) -> Iterator[Reason]:
    """Everything that a verdict needs is there."""
    started = evidence.started
    planned = started.drills if started else None
    trials = any(t.priority is _P1 for t in evidence.trials)
    missing = {
        "run": (started is not None, "the evidence has no beginning"),
        "finish": (evidence.finished is not None, "the run was cut off before its end"),
        "checks": (bool(evidence.all(r.ChecksDone)), "the checks were not completed"),
        "components": (started is None or bool(started.components), "no component is declared"),
        "trials": (trials or planned is not None, "no p1 trial was collected"),
        "drills": (planned != (), "no drill was chosen"),
    }
    for code, (there, text) in missing.items():
        if not there:
            yield Reason(code, ExitCode.INCONCLUSIVE, text)


def readable(evidence: RunEvidence) -> Iterator[Reason]:
    """What could not be read may be what speaks against traffic."""
    for problem in evidence.problems:
        text = f"evidence could not be read: {problem}"
        yield Reason("evidence", ExitCode.INCONCLUSIVE, text, problem.file)
    for file in evidence.torn:
        text = f"the last line of {file} was cut off: its process was killed while it wrote"
        yield Reason("torn", ExitCode.GO, text, file)
