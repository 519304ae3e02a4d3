"""What holds for any evidence: a failure never helps, and `go` is never a gift."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.evidence import records as r
from seatrial.evidence.reader import RunEvidence
from seatrial.evidence.trials import WORST_FIRST
from seatrial.gate.decide import decide
from seatrial.gate.table import rank
from seatrial.outcome import Cause, Health, Outcome, Priority, State, Verdict
from tests.unit.evidence import builder as b

outcomes = st.sampled_from(Outcome)
priorities = st.sampled_from(Priority)
nodes = st.sampled_from([b.FLOW_TRIAL, b.HEALTH_TRIAL, "t::a", "t::b"])
names = st.sampled_from([b.API, b.WORKER, b.DB, "mailhog", "ghost"])

any_record: st.SearchStrategy[r.AnyRecord] = st.one_of(
    st.builds(b.trial, nodes, outcomes, priorities, st.just("p1"), attempt=st.integers(1, 3)),
    st.builds(b.health, names, st.sampled_from(Health)),
    st.builds(b.expectation, nodes, outcomes, priorities),
    st.builds(b.finding, st.sampled_from(Cause), priorities, names),
    st.builds(b.budget, st.sampled_from([None, 0.1, 0.5, 0.6]), priorities),
    st.builds(b.ledger, st.integers(0, 2)),
    st.builds(b.session_finished, pytest_exit=st.integers(0, 5)),
    st.builds(
        r.StateChanged,
        seq=st.integers(1, 99),
        component=names,
        replica=st.none(),
        state=st.sampled_from(State),
    ),
)
bad = st.sampled_from([Outcome.FAILED, Outcome.ERRORED, Outcome.BLOCKED, Outcome.SKIPPED])
failure: st.SearchStrategy[r.AnyRecord] = st.one_of(
    st.builds(b.trial, st.just("t::new"), bad),
    st.builds(b.expectation, nodes, bad),
    st.builds(b.finding, st.sampled_from(Cause)),
    st.builds(b.health, names, st.just(Health.UNHEALTHY)),
    st.builds(b.budget, st.sampled_from([None, 0.6])),
    st.builds(b.ledger, st.integers(1, 2)),
    st.just(r.Interrupted(signal="SIGINT")),
    st.just(r.Crashed(where="x", error="y")),
    st.just(r.EnvironmentFailed(component=None, cause=None, error="x")),
    st.just(b.collected(("t::never", Priority.P1))),
)


@st.composite
def runs(draw: st.DrawFn) -> list[r.AnyRecord]:
    """The good run with records left out and others put in, anywhere."""
    good = b.good_run()
    out = draw(st.sets(st.integers(0, len(good) - 1), max_size=3))
    records = [record for n, record in enumerate(good) if n not in out]
    for record in draw(st.lists(any_record, max_size=4)):
        records.insert(draw(st.integers(0, len(records))), record)
    return records


@given(records=runs(), more=failure, place=st.integers(0, 20))
@settings(max_examples=200, deadline=None)
def test_a_p1_failure_never_makes_the_verdict_better(
    records: list[r.AnyRecord], more: r.AnyRecord, place: int
) -> None:
    before = decide(b.evidence(records))
    # Another name for the mailhog: it is p2, and its failure no p1 failure.
    spoilt = decide(b.evidence([*records[:place], more, *records[place:]]))
    assert rank(spoilt.exit_code) <= rank(before.exit_code)
    if getattr(more, "component", "") != "mailhog":
        assert spoilt.verdict is not Verdict.GO


@given(records=runs(), node=nodes, outcome=bad)
@settings(max_examples=100, deadline=None)
def test_a_further_attempt_that_fails_never_gives_a_go(
    records: list[r.AnyRecord], node: str, outcome: Outcome
) -> None:
    assert decide(b.evidence([*records, b.trial(node, outcome, attempt=9)])).verdict is not (
        Verdict.GO
    )


def everything_at_p1_passed(evidence: RunEvidence) -> bool:
    """The same question, asked in another way than the gate does."""
    last: dict[str, r.TrialFinished] = {}
    wanted: set[str] = set()
    for collected in evidence.all(r.Collected):
        wanted |= {node for node, priority in collected.trials if priority is Priority.P1}
    for trial in evidence.all(r.TrialFinished):
        known = last.get(trial.node)
        if known is None or trial.attempt > known.attempt:
            last[trial.node] = trial
        elif trial.attempt == known.attempt:
            last[trial.node] = min(trial, known, key=lambda t: WORST_FIRST.index(t.outcome))
        if trial.priority is Priority.P1:
            wanted.add(trial.node)
    health = {record.component: record.health for record in evidence.all(r.ComponentHealth)}
    return (
        bool(wanted)
        and all(node in last and last[node].outcome is Outcome.PASSED for node in wanted)
        and all(
            e.outcome is Outcome.PASSED
            for e in evidence.all(r.Expectation)
            if e.priority is Priority.P1
        )
        and all(health.get(name) is Health.HEALTHY for name in (b.API, b.WORKER, b.DB))
        and not any(f.finding.priority is Priority.P1 for f in evidence.all(r.Finding))
        and all(
            one.measured_s is not None and one.measured_s <= one.limit_s
            for one in evidence.all(r.BudgetMeasured)
            if one.priority is Priority.P1
        )
        and all(ledger.left == 0 for ledger in evidence.all(r.LedgerClosed))
        and {one.session for one in evidence.all(r.SessionStarted)} >= {"p1", "p2-p3"}
        and all(evidence.all(kind) for kind in (r.RunStarted, r.ChecksDone, r.RunFinished))
    )


@given(records=runs())
@settings(max_examples=300, deadline=None)
def test_go_implies_that_everything_at_p1_passed(records: list[r.AnyRecord]) -> None:
    evidence = b.evidence(records)
    if decide(evidence).verdict is Verdict.GO:
        assert everything_at_p1_passed(evidence)


@given(records=runs())
@settings(max_examples=50, deadline=None)
def test_the_verdict_comes_from_the_evidence_alone(records: list[r.AnyRecord]) -> None:
    evidence = b.evidence(records)
    assert decide(evidence) == decide(evidence)
