"""A whole pass of checks over kinds in memory: at once, in time, honest about its own faults."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest
from check_fakes import Kinds, component, result, system, target, unwell, warned

from seatrial.checks.records import records_of
from seatrial.checks.run import CheckReport, diagnose, run_checks
from seatrial.declaration.models import Component
from seatrial.evidence.records import ANY_RECORD
from seatrial.keeper.protocol import Failure
from seatrial.kinds.base import Context, ProbeResult
from seatrial.outcome import Cause, Connection, ExitCode, Health, Outcome, Priority, State


@pytest.fixture
def kinds(monkeypatch: pytest.MonkeyPatch) -> Kinds:
    return Kinds(monkeypatch)


def check(*components: Component, deadline: float = 30.0, only: set[str] | None = None):
    targets = {c.name: target(c) for c in components if only is None or c.name in only}
    context = Context(Path(), targets, Path())
    return asyncio.run(run_checks(system(*components), targets, context, deadline))


def outcomes(report: CheckReport) -> dict[str, Outcome]:
    return {each.id: each.outcome for each in report.expectations}


async def for_ever(*_: object) -> object:
    await asyncio.Event().wait()


async def raises(*_: object) -> object:
    raise RuntimeError("a slip of ours")


def test_a_healthy_system(kinds):
    kinds.add("db", expect=[result("db.tables", Outcome.PASSED)])
    kinds.add("web")
    report = check(component("db", expects=True), component("web", "db"))
    assert report.ok
    assert report.exit_code is ExitCode.GO
    assert [(c.component, c.health, c.connection, c.error) for c in report.components] == [
        ("db", Health.HEALTHY, Connection.CONNECTED, None),
        ("web", Health.HEALTHY, Connection.CONNECTED, None),
    ]
    assert report.components[0].version == "1.0"
    assert report.components[0].response_time_ms == 1.0
    assert outcomes(report) == {"db.tables": Outcome.PASSED}
    assert report.findings == ()
    assert report.duration_ms > 0


def test_everything_is_looked_at_at_once(kinds):
    """Each waits for all others to have begun: one after the other would never end."""
    everyone = asyncio.Event()
    begun: list[str] = []

    async def together(at, *_):
        begun.append(at.name)
        if len(begun) == 4:
            everyone.set()
        await everyone.wait()
        return []

    async def probing(at, *_):
        await together(at)
        return ProbeResult(Health.HEALTHY, Connection.CONNECTED, 1.0)

    kinds.add("db", probing, together)
    kinds.add("mq", probing, together)
    assert check(component("db"), component("mq")).ok


def test_a_black_hole_holds_nobody_up(kinds):
    """A probe that keeps its own deadline, and expectations that would wait for the whole one."""

    async def black_hole(at, context, deadline):
        await asyncio.sleep(deadline.remaining())
        return unwell(Cause.TIMEOUT)

    kinds.add("db", black_hole, for_ever)
    kinds.add("web", expect=[result("web.a", Outcome.PASSED)])
    began = time.monotonic()
    report = check(component("db", time_limit=0.2, expects=True), component("web", time_limit=0.2))
    assert time.monotonic() - began < 1.5
    assert outcomes(report) == {"db.expectations": Outcome.BLOCKED, "web.a": Outcome.PASSED}
    assert [f.id for f in report.findings] == ["db.timeout"]
    assert report.findings[0].blocks == ("db.expectations",)
    assert report.expectations[0].finding == "db.timeout"
    assert report.exit_code is ExitCode.DOWN


def test_a_black_hole_takes_less_than_5_s_with_the_usual_limits():
    patience = component("db").config.patience
    assert patience + 1.0 < 5.0


def test_expectations_that_notice_by_themselves_keep_their_names(kinds):
    kinds.add("db", unwell(Cause.REFUSED), [result("db.tables", Outcome.NOT_MEASURED)])
    report = check(component("db", expects=True))
    assert outcomes(report) == {"db.tables": Outcome.BLOCKED}
    assert report.expectations[0].finding == "db.refused"


def test_a_fault_that_leaves_it_reachable_leaves_its_expectations_alone(kinds):
    async def later(*_):
        await asyncio.sleep(0.4)  # longer than an unreachable one is given
        return [result("db.tables", Outcome.PASSED)]

    kinds.add("db", unwell(Cause.WRONG_VERSION), later)
    report = check(component("db", expects=True))
    assert outcomes(report) == {"db.tables": Outcome.PASSED}
    assert report.exit_code is ExitCode.FAILED


@pytest.mark.parametrize("facet", ["probe", "expectations"])
def test_a_facet_that_raises_is_our_own_fault(kinds, facet):
    if facet == "probe":
        kinds.add("db", probe=raises, expect=[result("db.tables", Outcome.PASSED)])
    else:
        kinds.add("db", expect=raises)
    kinds.add("web", expect=[result("web.a", Outcome.PASSED)])
    report = check(component("db", expects=True), component("web"))
    errored = next(e for e in report.expectations if e.id == f"db.{facet}")
    assert errored.outcome is Outcome.ERRORED
    assert "RuntimeError: a slip of ours" in errored.found
    assert "defect of Seatrial" in errored.fix
    assert outcomes(report)["web.a"] is Outcome.PASSED
    assert not report.ok
    assert report.exit_code is ExitCode.CRASHED
    (finding,) = report.findings
    assert (finding.component, finding.cause) == ("db", Cause.NOT_MEASURED)
    health = report.components[0].health
    assert health is (Health.UNKNOWN if facet == "probe" else Health.HEALTHY)


def test_a_facet_that_cancels_itself_is_our_own_fault(kinds):
    async def cancels(*_):
        raise asyncio.CancelledError

    kinds.add("db", expect=cancels)
    assert outcomes(check(component("db"))) == {"db.expectations": Outcome.ERRORED}


def test_a_facet_that_ignores_being_cancelled_is_left_behind(kinds):
    release = asyncio.Event()

    async def stubborn(*_):
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue
        return []

    async def go() -> CheckReport:
        one = component("db", time_limit=0.1, expects=True)
        context = Context(Path(), {}, Path())
        report = await run_checks(system(one), {"db": target(one)}, context, 0.3)
        release.set()
        return report

    kinds.add("db", probe=stubborn, expect=stubborn)
    began = time.monotonic()
    report = asyncio.run(go())
    assert time.monotonic() - began < 2.5
    assert report.components[0].health is Health.UNKNOWN
    assert outcomes(report)["db.probe"] is Outcome.ERRORED
    assert not report.ok


def test_expectations_over_the_deadline_are_not_measured(kinds):
    kinds.add("db", expect=for_ever)
    began = time.monotonic()
    report = check(component("db", expects=True), deadline=0.3)
    assert time.monotonic() - began < 1.5
    assert outcomes(report) == {"db.expectations": Outcome.NOT_MEASURED}
    assert report.exit_code is ExitCode.INCONCLUSIVE
    assert [f.cause for f in report.findings] == [Cause.NOT_MEASURED]


@pytest.mark.parametrize(
    ("returned", "complaint"),
    [
        ([], "returned nothing"),
        ([result("other.tables", Outcome.PASSED)], "names the component other"),
    ],
)
def test_what_proves_nothing_does_not_pass(kinds, returned, complaint):
    kinds.add("db", expect=returned)
    report = check(component("db", expects=True))
    assert outcomes(report) == {"db.expectations": Outcome.ERRORED}
    assert complaint in report.expectations[0].found


def test_nothing_declared_nothing_held(kinds):
    kinds.add("db", expect=[])
    assert check(component("db")).ok


@pytest.mark.parametrize("by", ["probe", "time"])
def test_a_right_answer_over_its_limit_is_slow(kinds, by):
    late = ProbeResult(Health.HEALTHY, Connection.CONNECTED, 150.0)
    said = ProbeResult(Health.UNHEALTHY, Connection.CONNECTED, 150.0, Cause.SLOW, found="slow")
    kinds.add("db", late if by == "time" else said, [result("db.tables", Outcome.PASSED)])
    kinds.add("web", unwell(Cause.REFUSED))
    report = check(component("db", time_limit=0.1), component("web", "db"))
    assert report.components[0].health is Health.HEALTHY
    found = {f.id: (f.priority, f.blocks) for f in report.findings}
    assert found == {"web.refused": (Priority.P1, ()), "db.slow": (Priority.P2, ())}
    assert outcomes(report) == {"db.tables": Outcome.PASSED}


def test_what_is_known_from_states_alone_has_no_response_time(kinds):
    kinds.add("worker", ProbeResult(Health.HEALTHY, Connection.CONNECTED, 0.0), endpoints=())
    assert check(component("worker")).components[0].response_time_ms is None


def test_a_warning_alone_lets_the_check_pass(kinds):
    kinds.add("web", warned(Cause.UNHEALTHY))
    report = check(component("web"))
    assert report.ok
    assert [f.priority for f in report.findings] == [Priority.P2]


def test_what_is_no_part_of_health_here_is_left_out_visibly(kinds):
    kinds.add("migrate", unwell(None, skipped="it leaves no trace"), endpoints=())
    report = check(component("migrate"), only=set())
    assert kinds.calls == ["probe migrate"]
    assert report.components[0].skipped == "it leaves no trace"
    assert report.components[0].error is None
    (row,) = report.expectations
    assert (row.outcome, row.priority, row.found) == (
        Outcome.SKIPPED,
        Priority.P3,
        "it leaves no trace",
    )
    assert report.ok


def test_a_component_without_an_endpoint_here_is_unknown(kinds):
    kinds.add("db", expect=[result("db.tables", Outcome.PASSED)])
    report = check(component("db", expects=True), only=set())
    assert kinds.calls == []
    assert report.components[0].health is Health.UNKNOWN
    assert [f.id for f in report.findings] == ["db.not_measured"]
    assert outcomes(report) == {"db.expectations": Outcome.SKIPPED}
    assert report.exit_code is ExitCode.INCONCLUSIVE


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ([result("db.a", cause=Cause.SCHEMA_BEHIND)], ExitCode.FAILED),
        ([result("db.a", cause=Cause.SCHEMA_BEHIND, priority=Priority.P2)], ExitCode.GO),
        ([result("db.a", Outcome.NOT_MEASURED)], ExitCode.INCONCLUSIVE),
        ([result("db.a", Outcome.NOT_MEASURED, priority=Priority.P2)], ExitCode.GO),
        ([result("db.a", Outcome.SKIPPED)], ExitCode.INCONCLUSIVE),
        ([result("db.a", Outcome.SKIPPED), result("db.b")], ExitCode.FAILED),
        ([result("db.a"), result("db.b", cause=Cause.UNHEALTHY)], ExitCode.DOWN),
    ],
)
def test_exit_codes(kinds, results, code):
    kinds.add("db", expect=results)
    report = check(component("db"))
    assert report.exit_code is code
    assert report.ok is (code is ExitCode.GO)


def test_interrupting_a_check_ends_its_facets(kinds):
    begun: list[str] = []
    ended: list[str] = []
    both = asyncio.Event()

    async def patient(*_):
        begun.append("begun")
        if len(begun) == 2:
            both.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("ended")

    async def go() -> None:
        one = component("db", expects=True)
        context = Context(Path(), {}, Path())
        checking = asyncio.ensure_future(run_checks(system(one), {"db": target(one)}, context))
        await both.wait()
        checking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await checking
        assert ended == ["ended", "ended"]

    kinds.add("db", probe=patient, expect=patient)
    asyncio.run(go())


def test_a_report_as_evidence(kinds):
    kinds.add("db", unwell(Cause.REFUSED), [result("db.tables", Outcome.NOT_MEASURED)])
    report = check(component("db", expects=True))
    records = records_of(report)
    assert [r.type for r in records] == [
        "component_health",
        "expectation",
        "finding",
        "checks_done",
    ]
    again = [ANY_RECORD.validate_json(r.model_dump_json()) for r in records]
    assert again == records


def test_an_expectation_cites_the_finding_of_what_did_not_come_up(kinds):
    """The keeper knows better than a look at what has been ended: and the finding is its."""
    kinds.add("db", unwell(Cause.REFUSED), [result("db.tables", Outcome.NOT_MEASURED)])
    kinds.add("web", unwell(Cause.NOT_MEASURED), [result("web.a", Outcome.NOT_MEASURED)])
    both = (component("db", expects=True), component("web", expects=True))
    context = Context(Path(), {one.name: target(one) for one in both}, Path())
    failure = Failure(component="db", cause=Cause.EXITED, expected="e", found="f", fix="x")
    report = asyncio.run(diagnose(system(*both), context, failure))
    assert [one.id for one in report.findings] == ["db.exited"]
    cited = {one.id: one.finding for one in report.expectations}
    assert cited == {"db.tables": "db.exited", "web.a": None}  # nobody knows of the web yet


def test_what_did_not_come_up_in_its_time_is_not_still_starting(kinds):
    kinds.add("db", unwell(Cause.REFUSED))
    kinds.add("web", unwell(Cause.REFUSED))
    both = (component("db"), component("web"))
    starting = {one.name: replace(target(one), states=(State.STARTING,)) for one in both}
    failure = Failure(component="db", cause=Cause.TIMEOUT, expected="e", found="f", fix="x")
    report = asyncio.run(diagnose(system(*both), Context(Path(), starting, Path()), failure))
    assert [(one.id, one.found) for one in report.findings] == [("db.timeout", "f")]
