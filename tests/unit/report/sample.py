"""Reports to look at: one of a good run, one of a run with everything in it."""

from __future__ import annotations

from seatrial.evidence import records as r
from seatrial.evidence.reader import RunEvidence
from seatrial.gate.decide import decide
from seatrial.outcome import Cause, Health, Outcome, State
from seatrial.report.build import build_report
from seatrial.report.model import Report
from tests.unit.evidence import builder as b
from tests.unit.evidence.builder import P1, P2, P3

#: Text as hostile as it comes: markup, table breaks, mentions, colours, control characters.
HOSTILE = (
    "<script>alert(1)</script> | x | \n\n# no head\n- *b* `c` [l](javascript:x) ![i](//h/p) @you "
    "& &lt; ]]> --> \"'\x1b[31mred\x1b[0m \x00\x07\u202e\ufffe end"
)


def report_of(evidence: RunEvidence) -> Report:
    return build_report(evidence, decide(evidence))


def everything(text: str = "connection refused") -> RunEvidence:
    """A run in which every sort of record stands, with `text` wherever text can come from."""
    path = "trials/test_p1_flow.py"
    return b.run_with(
        b.finding(found=text, fix=text, expected=text),
        b.health(b.DB, Health.UNHEALTHY, cause=Cause.REFUSED, error=text, version=text),
        b.health("migrate", Health.UNKNOWN, skipped="it leaves no trace"),
        b.expectation("postgres.enum", Outcome.FAILED, P2, found=text, title=text, fix=text),
        b.expectation("postgres.index", Outcome.SKIPPED, P3, found=text),
        r.StateChanged(seq=1, component=b.WORKER, replica=1, state=State.PAUSED, by_fault=True),
        r.StateChanged(seq=2, component=b.WORKER, replica=1, state=State.READY, detail=text),
        b.collected((f"{path}::test_lost", P1)),
        b.trial(f"{path}::TestFlow::test_failed", Outcome.FAILED, error=f"def t():\nE   {text}"),
        b.trial(f"{path}::test_errored", Outcome.ERRORED, error=text),
        b.trial(f"{path}::test_blocked", Outcome.BLOCKED, finding="postgres.refused", reason=text),
        b.trial(f"{path}::test_skipped", Outcome.SKIPPED, reason=text),
        b.trial(f"{path}::test_flaky", Outcome.FAILED),
        b.trial(
            f"{path}::test_flaky",
            attempt=2,
            needs=(b.API, b.WORKER),
            criteria=("C-7",),
            properties=(("exercises", "status tracking"), ("note", text)),
            assertions_checked=5,
            assertions_passed=5,
        ),
        r.SessionStarted(session="p2-p3"),
        b.trial("trials/test_p2_x.py::test_x", Outcome.FAILED, P2, "p2-p3", error=text),
        b.session_finished("p2-p3", 1),
        b.budget(0.7, P2, name=text),
        r.FaultChanged(node="n", fault=text, began=True),
        b.steady(what="always well"),
        b.steady(Outcome.FAILED, what=text, reason=text, found=text),
        b.drill("db.away", cause="db.stopped", said=text, by="check", seconds=0.25),
        b.drill("db.lies", named=False, cause="api.unhealthy", said=text, by="check"),
        b.drill("db.unseen", detected=False, named=False),
        b.drill("db.none", detected=False, named=False, skipped=text),
        b.drill("db.stays", left_behind=(text,)),
        b.budget(None, P3, name="never"),
        *(
            r.RequestMade(node="n", component=b.API, request=request, status=200, duration_ms=2)
            for request in (
                "POST /tasks",
                "GET /tasks/7d9f1c9e-6f0a-4c55-9f8e-2d3f9f1f8a11?full=1",
                "GET /tasks/00000000-6f0a-4c55-9f8e-2d3f9f1f8a11",
            )
        ),
        r.LogKept(component=b.API, file="logs/api.log", bytes=10, truncated=False),
        b.ledger(left=1, session="p2-p3", error=text),
        r.SessionSkipped(priorities=(P3,), reason=text),
        r.Crashed(where="checks", error=text),
    )
