"""What counts as detected, and what as named."""

from __future__ import annotations

import pytest

from seatrial.checks.report import CheckReport
from seatrial.drills.score import Noticed, of_check, of_trials
from seatrial.evidence.records import DrillFinished, FindingBody, TrialFinished
from seatrial.evidence.records.drills import score
from seatrial.kinds.drill import Drill
from seatrial.outcome import Cause, Outcome, Priority


def drill(**more: object) -> Drill:
    answers = {"db": frozenset({Cause.READ_ONLY})}
    fields = {"name": "d", "title": "", "answers": answers, "broken": lambda stage: None, **more}
    return Drill(**fields)  # type: ignore[arg-type]


def report(*findings: FindingBody) -> CheckReport:
    return CheckReport(1.0, (), (), findings)


def finding(
    component: str, cause: Cause, priority: Priority = Priority.P1, blocks: tuple[str, ...] = ()
) -> FindingBody:
    return FindingBody(
        id=f"{component}.{cause}",
        component=component,
        cause=cause,
        priority=priority,
        expected="",
        found="",
        fix="",
        blocks=blocks,
    )


RIGHT = finding("db", Cause.READ_ONLY)


def test_the_right_root_finding_names_it() -> None:
    noticed = of_check(drill(), report(), report(finding("api", Cause.UNHEALTHY), RIGHT))
    assert noticed == Noticed(True, True, "db.read_only", "check")


@pytest.mark.parametrize(
    "wrong",
    [
        finding("api", Cause.READ_ONLY),
        finding("db", Cause.REFUSED),
        finding("api", Cause.UNHEALTHY, blocks=("db",)),
    ],
    ids=["component", "cause", "only among what another one blocks"],
)
def test_what_is_not_named_right_is_only_detected(wrong: FindingBody) -> None:
    noticed = of_check(drill(), report(), report(wrong))
    assert (noticed.detected, noticed.named) == (True, False)
    assert noticed.cause == f"{wrong.component}.{wrong.cause}"


@pytest.mark.parametrize(
    ("before", "during"),
    [
        (report(), report()),
        (report(RIGHT), report(RIGHT)),
        (report(), report(RIGHT.model_copy(update={"priority": Priority.P3}))),
    ],
    ids=["nothing", "was there before", "p3"],
)
def test_what_does_not_count(before: CheckReport, during: CheckReport) -> None:
    assert of_check(drill(), before, during) == Noticed()


def trial(name: str, outcome: Outcome, error: str = "") -> TrialFinished:
    return TrialFinished(
        session="drill",
        node=f"t.py::{name}",
        name=name,
        file="t.py",
        priority=Priority.P1,
        outcome=outcome,
        duration_s=1.0,
        error=error,
    )


def test_a_trial_names_it_by_its_error() -> None:
    own = drill(trials=("test_counts",), says="wrong counts")
    failed, said = Outcome.FAILED, "wrong counts: 3"
    assert of_trials(own, [trial("test_counts[bell]", failed, said)]).named
    for other in (
        [trial("test_counts", failed, "a time-out")],
        [trial("test_other", failed, said)],
        [trial("test_counts", Outcome.ERRORED, said), trial("test_x", failed)],
    ):
        noticed = of_trials(own, other)
        assert (noticed.detected, noticed.named, noticed.by) == (True, False, "trial")
    for passed in ([], [trial("test_counts", Outcome.PASSED, said)]):
        assert of_trials(own, passed) == Noticed()


def test_what_was_said_is_kept() -> None:
    said = RIGHT.model_copy(update={"found": "it refuses to write"})
    assert of_check(drill(), report(), report(said)).said == "it refuses to write"
    own = drill(trials=("test_counts",), says="wrong")
    failed = trial("test_counts", Outcome.FAILED, "def test():\nE   wrong counts: 3")
    assert of_trials(own, [failed]).said == "wrong counts: 3"


def finished(name: str, named: bool, skipped: str = "") -> DrillFinished:
    return DrillFinished(name=name, title="", detected=named, named=named, skipped=skipped)


def test_the_score_is_of_those_that_were_carried_out() -> None:
    drills = [finished("a", True), finished("b", False), finished("c", False, "does not apply")]
    assert score(drills) == 0.5
    assert score(drills[:1]) == 1.0
    assert score(drills[2:]) is None, "nothing was shown, and so nothing is perfect"
