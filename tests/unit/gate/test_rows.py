"""Every row of the exit table, every way into it, and which row goes first."""

from __future__ import annotations

from itertools import combinations

import pytest

from seatrial.evidence import records as r
from seatrial.evidence.reader import RunEvidence, Unreadable
from seatrial.gate.decide import Decision, decide
from seatrial.outcome import Cause, ExitCode, Health, Outcome, Priority, State, Verdict
from tests.unit.evidence import builder as b
from tests.unit.evidence.builder import P1, P2, P3, run_of, run_with, run_without

GOOD = (b.API, b.WORKER, b.DB)


def all_health(**changed: r.ComponentHealth | None) -> list[r.AnyRecord]:
    healths = {name: b.health(name) for name in (*GOOD, "mailhog")} | changed
    return [record for record in healths.values() if record]


def state(component: str, state: State, seq: int = 1, **changes: object) -> r.StateChanged:
    fields = {"component": component, "replica": 0, "state": state, "seq": seq, **changes}
    return r.StateChanged.model_validate(fields)


def trials(*records: r.TrialFinished) -> RunEvidence:
    """The good run, its flow trial replaced by these attempts."""
    return run_of(b.trial(b.HEALTH_TRIAL), *records)


def without_session(name: str) -> RunEvidence:
    """The good run, with nothing of one pytest session but the trials."""
    kinds = (r.SessionStarted, r.SessionFinished)
    good = b.good_run()
    return b.evidence([one for one in good if not isinstance(one, kinds) or one.session != name])


#: name -> (evidence, exit code, what the first reason names)
CASES: dict[str, tuple[RunEvidence, ExitCode, str]] = {
    # 130
    "interrupted": (run_with(r.Interrupted(signal="SIGINT")), ExitCode.INTERRUPTED, "SIGINT"),
    # 4
    "crashed": (run_with(r.Crashed(where="checks", error="E: x")), ExitCode.CRASHED, "checks"),
    "p1 trial errored": (
        trials(b.trial(outcome=Outcome.ERRORED, error="E  no fixture 'x'")),
        ExitCode.CRASHED,
        f"{b.FLOW_TRIAL} errored: no fixture 'x'",
    ),
    "p1 file not collected": (
        run_with(
            r.CollectionFailed(
                session="p1", node="trials/test_p1_x.py", priority=P1, error="SyntaxError: x"
            )
        ),
        ExitCode.CRASHED,
        "trials/test_p1_x.py could not be collected: SyntaxError",
    ),
    "p1 expectation errored": (
        run_with(b.expectation("e", Outcome.ERRORED)),
        ExitCode.CRASHED,
        "expectation e errored",
    ),
    "pytest broke": (run_of(b.session_finished(pytest_exit=3)), ExitCode.CRASHED, "exit code 3"),
    "pytest was killed": (run_of(b.session_finished(pytest_exit=-9)), ExitCode.CRASHED, "-9"),
    # 3
    "environment failed": (
        run_with(
            r.EnvironmentFailed(component="api", cause=Cause.EXITED, error="exit 1", fix="look")
        ),
        ExitCode.DOWN,
        "api failed (exited): exit 1; to do: look",
    ),
    "finding that a component is down": (
        run_with(b.finding(Cause.REFUSED)),
        ExitCode.DOWN,
        "postgres: refused: expected an answer, found connection refused at 127.0.0.1:5432; "
        "it blocks api; to do: seatrial restart postgres",
    ),
    "unhealthy component": (
        run_of(*all_health(api=b.health(b.API, Health.UNHEALTHY, error="503"))),
        ExitCode.DOWN,
        "api is unhealthy: 503",
    ),
    "unhealthy once, healthy later": (
        run_of(b.health(b.API, Health.UNHEALTHY, error="503"), *all_health()),
        ExitCode.DOWN,
        "api is unhealthy",
    ),
    "unhealthy component that nobody declared": (
        run_with(b.health("ghost", Health.UNHEALTHY)),
        ExitCode.DOWN,
        "ghost",
    ),
    "p1 trial blocked": (
        trials(b.trial(outcome=Outcome.BLOCKED, reason="postgres is down")),
        ExitCode.DOWN,
        f"{b.FLOW_TRIAL} was blocked: postgres is down",
    ),
    "p1 expectation blocked": (
        run_with(b.expectation("e", Outcome.BLOCKED)),
        ExitCode.DOWN,
        "expectation e was blocked",
    ),
    "exited by itself": (
        run_with(state(b.WORKER, State.READY), state(b.WORKER, State.EXITED, 2, detail="exit 1")),
        ExitCode.DOWN,
        "worker (replica 0) was exited when the run ended: exit 1",
    ),
    "still starting when the run ended": (
        run_with(state(b.WORKER, State.READY), state(b.WORKER, State.STARTING, 2)),
        ExitCode.DOWN,
        "worker (replica 0) was starting when the run ended",
    ),
    "still waiting when the run ended": (
        run_with(state(b.WORKER, State.WAITING, replica=None)),
        ExitCode.DOWN,
        "worker was waiting when the run ended",
    ),
    "exited when the run attached, and since": (
        run_of(b.environment_up(api=State.EXITED)),
        ExitCode.DOWN,
        "api was exited when the run ended",
    ),
    "fault left behind": (
        run_with(state(b.WORKER, State.PAUSED, by_fault=True)),
        ExitCode.DOWN,
        "by a fault that was not reverted",
    ),
    "a drill left something behind": (
        b.exercise(b.drill(left_behind=("db.exited: gone",))),
        ExitCode.DOWN,
        "after the drill db.away something is wrong: db.exited: gone",
    ),
    # 1
    "p1 trial failed": (
        trials(b.trial(outcome=Outcome.FAILED, error="def t():\nE   assert 1 == 2\nt.py:1")),
        ExitCode.FAILED,
        f"{b.FLOW_TRIAL} failed: assert 1 == 2",
    ),
    "p1 trial failed on retry": (
        trials(b.trial(), b.trial(outcome=Outcome.FAILED, attempt=2)),
        ExitCode.FAILED,
        b.FLOW_TRIAL,
    ),
    "p1 expectation failed": (
        run_with(b.expectation("postgres.enum", Outcome.FAILED, found="nothing", fix="migrate")),
        ExitCode.FAILED,
        "expectation postgres.enum failed: expected a table, found nothing; to do: migrate",
    ),
    "finding that an expectation failed": (
        run_with(b.finding(Cause.QUEUE_MISSING)),
        ExitCode.FAILED,
        "queue_missing",
    ),
    "p1 budget missed": (
        run_of(b.budget(0.501)),
        ExitCode.FAILED,
        "budget “an id within 500 ms”",
    ),
    "p1 budget missed once of twice": (run_of(b.budget(0.501), b.budget()), ExitCode.FAILED, "id"),
    "something left": (
        run_of(b.ledger(left=2, error="permission denied")),
        ExitCode.FAILED,
        "2 things that trials created could not be removed: permission denied",
    ),
    "something left by p2 trials": (
        run_with(b.ledger(left=1, session="p2-p3")),
        ExitCode.FAILED,
        "1 thing that",
    ),
    "a process was left": (
        run_with(r.ProcessLeft(session="p2-p3", pid=4242, command="sleep")),
        ExitCode.FAILED,
        "a process that trials started was still there: sleep (4242)",
    ),
    "a drill was missed": (
        b.exercise(b.drill(detected=False, named=False)),
        ExitCode.FAILED,
        "the drill db.away was missed",
    ),
    "a drill was not named": (
        b.exercise(b.drill(named=False, cause="api.slow")),
        ExitCode.FAILED,
        "the drill db.away was noticed as api.slow, not named",
    ),
    # 5
    "p1 trial skipped": (
        trials(b.trial(outcome=Outcome.SKIPPED, reason="cannot pause")),
        ExitCode.INCONCLUSIVE,
        f"{b.FLOW_TRIAL} was skipped: cannot pause",
    ),
    "p1 trial not measured": (
        trials(b.trial(outcome=Outcome.NOT_MEASURED)),
        ExitCode.INCONCLUSIVE,
        b.FLOW_TRIAL,
    ),
    "p1 trial collected and never finished": (
        trials(),
        ExitCode.INCONCLUSIVE,
        f"{b.FLOW_TRIAL} was not measured: it was collected, but no outcome was recorded",
    ),
    "p1 session skipped": (
        run_with(r.SessionSkipped(priorities=(P1,), reason="refused")),
        ExitCode.INCONCLUSIVE,
        "the p1 trials did not take place: refused",
    ),
    "p1 session without a trace": (
        without_session("p1"),
        ExitCode.INCONCLUSIVE,
        "the p1 trials were planned, and their pytest session left no trace",
    ),
    "p2 and p3 session without a trace": (
        without_session("p2-p3"),
        ExitCode.INCONCLUSIVE,
        "the p2, p3 trials were planned, and their pytest session left no trace",
    ),
    "p1 session cut off": (
        run_without(r.SessionFinished),
        ExitCode.INCONCLUSIVE,
        "pytest session p1 (main) was cut off",
    ),
    "a worker's session cut off": (
        run_with(r.SessionStarted(session="p1", worker="gw1")),
        ExitCode.INCONCLUSIVE,
        "(gw1) was cut off",
    ),
    "pytest failed for a reason unknown": (
        run_of(b.session_finished(pytest_exit=1)),
        ExitCode.INCONCLUSIVE,
        "no trial is recorded as failed",
    ),
    "pytest stopped early": (
        run_of(b.session_finished(pytest_exit=2)),
        ExitCode.INCONCLUSIVE,
        "pytest stopped before its end",
    ),
    "a drill was skipped": (
        b.exercise(b.drill(detected=False, named=False, skipped="it has no queue")),
        ExitCode.INCONCLUSIVE,
        "the drill db.away was skipped: it has no queue",
    ),
    "a drill did not take place": (
        b.exercise(b.drill(), planned=("db.away", "db.hangs")),
        ExitCode.INCONCLUSIVE,
        "drills that did not take place: db.hangs",
    ),
    "no drill": (
        b.exercise(planned=()),
        ExitCode.INCONCLUSIVE,
        "no drill was chosen",
    ),
    "no p1 trial": (
        run_of(
            b.collected(("t::a", P2)),
            b.trial("t::a", priority=P2),
            b.budget(priority=P2),
        ),
        ExitCode.INCONCLUSIVE,
        "no p1 trial was collected",
    ),
    "nothing collected": (
        run_without(r.Collected, r.TrialFinished),
        ExitCode.INCONCLUSIVE,
        "no p1 trial was collected",
    ),
    "p1 expectation skipped": (
        run_with(b.expectation("e", Outcome.SKIPPED)),
        ExitCode.INCONCLUSIVE,
        "expectation e was skipped",
    ),
    "p1 expectation not measured": (
        run_with(b.expectation("e", Outcome.NOT_MEASURED)),
        ExitCode.INCONCLUSIVE,
        "expectation e was not measured",
    ),
    "p1 expectation failed for lack of a measurement": (
        run_with(b.expectation("e", Outcome.FAILED, cause=Cause.NOT_MEASURED)),
        ExitCode.INCONCLUSIVE,
        "expectation e",
    ),
    "p1 finding of something not measured": (
        run_with(b.finding(Cause.NOT_MEASURED)),
        ExitCode.INCONCLUSIVE,
        "not_measured",
    ),
    "p1 budget not measured": (
        run_of(b.budget(None)),
        ExitCode.INCONCLUSIVE,
        "was not measured",
    ),
    "health unknown": (
        run_of(*all_health(api=b.health(b.API, Health.UNKNOWN, error="no endpoint"))),
        ExitCode.INCONCLUSIVE,
        "the health of api is unknown: no endpoint",
    ),
    "health unknown in the end": (
        run_with(b.health(b.API, Health.UNKNOWN)),
        ExitCode.INCONCLUSIVE,
        "the health of api is unknown",
    ),
    "health never looked at": (
        run_of(*all_health(api=None)),
        ExitCode.INCONCLUSIVE,
        "the health of api is unknown: it was not looked at",
    ),
    "no component": (
        run_of(b.run_started(components=())),
        ExitCode.INCONCLUSIVE,
        "no component is declared",
    ),
    "clean-up unknown": (
        run_of(b.ledger(error="no connection")),
        ExitCode.INCONCLUSIVE,
        "it is not known whether what trials created was removed: no connection",
    ),
    "checks not done": (
        run_without(r.ChecksDone),
        ExitCode.INCONCLUSIVE,
        "the checks were not completed",
    ),
    "run cut off": (
        run_without(r.RunFinished),
        ExitCode.INCONCLUSIVE,
        "the run was cut off before its end",
    ),
    "no beginning": (
        run_without(r.RunStarted),
        ExitCode.INCONCLUSIVE,
        "the evidence has no beginning",
    ),
    "nothing at all": (b.evidence([]), ExitCode.INCONCLUSIVE, "the evidence has no beginning"),
    "two runs in one folder": (
        run_with(b.run_started(run_id="another")),
        ExitCode.INCONCLUSIVE,
        "the evidence of several runs lies in one folder",
    ),
    "unreadable evidence": (
        b.evidence(b.good_run(), problems=[Unreadable("p1.jsonl", 7, "torn")]),
        ExitCode.INCONCLUSIVE,
        "evidence could not be read: p1.jsonl:7: torn",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_each_way_into_each_row(case: str) -> None:
    evidence, exit_code, named = CASES[case]
    decision = decide(evidence)
    assert decision.exit_code is exit_code
    assert named in str(decision.reasons[0])
    assert decision.reasons[0].exit_code is exit_code
    assert all(reason.gates for reason in decision.reasons)


def test_drills_that_were_named_are_go_without_a_trial() -> None:
    decision = decide(b.exercise(b.drill()))
    assert decision.verdict is Verdict.GO
    assert "1 drill was named" in [str(reason) for reason in decision.reasons]


def test_the_verdict_of_each_row() -> None:
    verdicts = {exit_code: decide(evidence).verdict for evidence, exit_code, _ in CASES.values()}
    assert verdicts == {
        ExitCode.INTERRUPTED: Verdict.INVALID,
        ExitCode.CRASHED: Verdict.INVALID,
        ExitCode.DOWN: Verdict.NO_GO,
        ExitCode.FAILED: Verdict.NO_GO,
        ExitCode.INCONCLUSIVE: Verdict.INCONCLUSIVE,
    }


_FROM_THE_TOP: list[tuple[ExitCode, r.AnyRecord]] = [
    (ExitCode.INTERRUPTED, r.Interrupted(signal="SIGTERM")),
    (ExitCode.CRASHED, b.trial("t::errored", Outcome.ERRORED)),
    (ExitCode.DOWN, b.trial("t::blocked", Outcome.BLOCKED)),
    (ExitCode.FAILED, b.trial("t::failed", Outcome.FAILED)),
    (ExitCode.INCONCLUSIVE, b.trial("t::skipped", Outcome.SKIPPED)),
]


@pytest.mark.parametrize(("first", "second"), list(combinations(range(5), 2)))
@pytest.mark.parametrize("turned", [False, True])
def test_of_two_rows_the_upper_applies(first: int, second: int, turned: bool) -> None:
    (upper, one), (lower, other) = _FROM_THE_TOP[first], _FROM_THE_TOP[second]
    decision = decide(run_with(other, one) if turned else run_with(one, other))
    assert decision.exit_code is upper
    assert [reason.exit_code for reason in decision.reasons] == [upper, lower]


def test_a_good_run_is_go_and_says_why() -> None:
    decision = decide(run_with())
    assert (decision.verdict, decision.exit_code) == (Verdict.GO, ExitCode.GO)
    assert [str(reason) for reason in decision.reasons] == [
        "2 p1 trials passed",
        "1 p1 expectation holds",
        "3 p1 components are healthy",
        "1 p1 time budget was kept",
    ]
    assert decision.warnings == ()


@pytest.mark.parametrize("priority", [P2, P3])
@pytest.mark.parametrize(
    "make",
    [
        lambda p: b.trial("t::a", Outcome.FAILED, p, "p2-p3", error="E  assert 0"),
        lambda p: b.trial("t::a", Outcome.ERRORED, p, "p2-p3"),
        lambda p: b.trial("t::a", Outcome.BLOCKED, p, "p2-p3"),
        lambda p: b.trial("t::a", Outcome.SKIPPED, p, "p2-p3"),
        lambda p: b.collected(("t::a", p), session="p2-p3"),
        lambda p: b.expectation("t::a", Outcome.FAILED, p),
        lambda p: b.finding(Cause.SLOW, p, "t::a"),
        lambda p: b.budget(None, p, node="t::a"),
        lambda p: b.budget(9.0, p, node="t::a"),
        lambda p: r.CollectionFailed(session="p2-p3", node="t::a", priority=p, error="x"),
        lambda p: r.SessionStarted(session="p2-p3", worker="t::a"),
        lambda p: b.session_finished("p2-p3", 3, worker="t::a"),
        lambda p: r.SessionSkipped(priorities=(p, P3), reason="t::a"),
    ],
)
def test_p2_and_p3_only_warn(priority: Priority, make: object) -> None:
    decision = decide(run_with(make(priority)))  # type: ignore[operator]
    assert decision.verdict is Verdict.GO
    [warning] = decision.warnings
    assert "t::a" in str(warning) or "p2-p3" in str(warning)


def test_a_session_of_fewer_priorities_than_it_could_hold_took_place() -> None:
    wanted = b.run_started(sessions=((P1,), (P3,)))
    assert decide(run_of(wanted)).verdict is Verdict.GO


def test_a_session_that_was_skipped_is_not_told_of_as_one_without_a_trace() -> None:
    skipped = r.SessionSkipped(priorities=(P2, P3), reason="the p1 trials did not pass")
    evidence = b.evidence([*without_session("p2-p3").records, skipped])
    decision = decide(evidence)
    assert decision.verdict is Verdict.GO
    assert [warning.code for warning in decision.warnings] == ["session"]


def test_a_p2_component_that_is_down_only_warns() -> None:
    decision = decide(run_of(*all_health(mailhog=b.health("mailhog", Health.UNHEALTHY))))
    assert decision.verdict is Verdict.GO
    assert "mailhog is unhealthy" in str(decision.warnings[0])


def test_a_component_that_cannot_have_health_here_does_not_gate() -> None:
    task = b.health(b.API, Health.UNKNOWN, skipped="a task that has run leaves no trace")
    decision = decide(run_of(*all_health(api=task)))
    assert decision.verdict is Verdict.GO
    assert "2 p1 components are healthy" in map(str, decision.reasons)


def test_unknown_health_that_a_later_pass_cleared_up_is_go() -> None:
    unknown = b.health(b.API, Health.UNKNOWN)
    assert decide(run_of(unknown, *all_health())).verdict is Verdict.GO


def test_a_pass_on_retry_is_go_and_flaky() -> None:
    decision = decide(trials(b.trial(outcome=Outcome.FAILED), b.trial(attempt=2)))
    assert decision.verdict is Verdict.GO
    assert [str(warning) for warning in decision.warnings] == [
        f"{b.FLOW_TRIAL} is flaky: it passed only at attempt 2"
    ]


def test_a_fault_that_was_reverted_is_go() -> None:
    changes = [
        state(b.WORKER, State.PAUSED, 1, by_fault=True),
        state(b.WORKER, State.READY, 2, by_fault=True),
        state("migrate", State.DONE, 3),
    ]
    assert decide(run_with(*reversed(changes))).verdict is Verdict.GO


def test_a_torn_last_line_only_warns() -> None:
    decision = decide(b.evidence(b.good_run(), torn=["p2.jsonl"]))
    assert decision.verdict is Verdict.GO
    assert "p2.jsonl was cut off" in str(decision.warnings[0])


# What follows from one root cause is not said again


def reasons(*records: r.AnyRecord) -> list[str]:
    decision: Decision = decide(run_with(*records))
    return [reason.code for reason in decision.reasons]


def test_a_finding_stands_for_its_component_and_expectations() -> None:
    cites = {"finding": "postgres.refused"}
    assert reasons(
        b.finding(),
        b.health(b.DB, Health.UNHEALTHY, cause=Cause.REFUSED),
        b.expectation("e", Outcome.BLOCKED, **cites),
        b.expectation("f", Outcome.FAILED, cause=Cause.REFUSED, **cites),
    ) == ["finding"]


def test_a_finding_does_not_stand_for_what_is_worse_than_it() -> None:
    slow = b.finding(Cause.SLOW, id="postgres.slow")
    worse = b.expectation("e", Outcome.ERRORED, finding="postgres.slow")
    assert reasons(slow, worse) == ["expectation", "finding"]
    down = b.health(b.DB, Health.UNHEALTHY, cause=Cause.REFUSED)
    assert reasons(slow, down) == ["component", "finding"]


def test_a_p2_finding_does_not_stand_for_a_p1_expectation() -> None:
    cites = b.expectation("e", Outcome.BLOCKED, finding="postgres.refused")
    assert reasons(b.finding(priority=P2), cites) == ["expectation"]


def test_a_warning_is_said_once_too() -> None:
    slow = b.finding(Cause.SLOW, P2, "api", id="api.slow", blocks=())
    late = b.expectation("e", Outcome.FAILED, P2, cause=Cause.SLOW, finding="api.slow")
    decision = decide(run_with(slow, late))
    assert [warning.code for warning in decision.warnings] == ["finding"]


def test_what_did_not_come_up_is_one_reason() -> None:
    failed = r.EnvironmentFailed(component=b.DB, cause=Cause.UNHEALTHY, error="it runs, but: 503")
    one = b.finding(Cause.UNHEALTHY)
    cites = {"finding": one.finding.id}
    told = (
        failed,
        one,
        b.health(b.DB, Health.UNHEALTHY, cause=Cause.UNHEALTHY),
        state(b.DB, State.FAILED, detail="it runs, but: 503"),
        b.expectation("e", Outcome.BLOCKED, **cites),
        b.expectation("f", Outcome.BLOCKED, P2, **cites),
        b.expectation("g", Outcome.NOT_MEASURED),
    )
    good = [one for one in b.good_run() if not isinstance(one, r.EnvironmentUp)]
    decision = decide(b.evidence([*good, *told]))
    assert [reason.code for reason in decision.reasons] == ["environment"]
    assert decision.warnings == ()
    another = decide(b.evidence([*good, *told, b.finding(Cause.AUTH, component="queue")]))
    assert [reason.code for reason in another.reasons] == ["environment", "finding"]


def test_fifty_blocked_trials_are_one_reason() -> None:
    trials = [b.trial(f"t::{n}", Outcome.BLOCKED, finding="postgres.refused") for n in range(50)]
    assert reasons(b.finding(), *trials) == ["finding", "trial"]
    last = decide(run_with(*trials)).reasons[-1]
    assert str(last) == "50 trials were blocked by postgres.refused: t::0, t::1, t::2 and 47 more"


def test_a_blocked_expectation_leads_where_its_finding_leads() -> None:
    root = b.finding(Cause.QUEUE_MISSING, id="q")
    decision = decide(run_with(root, b.expectation("e", Outcome.BLOCKED, finding="q")))
    assert decision.exit_code is ExitCode.FAILED


def test_a_run_that_ended_early_names_the_cause_alone() -> None:
    header = b.run_started()
    failed = r.EnvironmentFailed(component="api", cause=Cause.EXITED, error="exit 1")
    decision = decide(b.evidence([header, failed, r.RunFinished(duration_s=1)]))
    assert [reason.code for reason in decision.reasons] == ["environment"]
    decision = decide(b.evidence([header, r.Interrupted(signal="SIGINT")]))
    assert [reason.code for reason in decision.reasons] == ["interrupted"]


def test_the_same_fault_found_before_and_after_is_one_reason() -> None:
    failed = b.expectation("e", Outcome.FAILED)
    assert reasons(failed, failed) == ["expectation"]
