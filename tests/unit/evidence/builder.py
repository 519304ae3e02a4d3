"""Sample evidence: a run in which everything passed, and the records to spoil it with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from seatrial.evidence import records as r
from seatrial.evidence.reader import RunEvidence
from seatrial.outcome import Cause, Connection, Health, Outcome, Priority, State

START = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
P1, P2, P3 = Priority
API, WORKER, DB = "api", "worker", "postgres"
HEALTH_TRIAL = "trials/test_p1_health.py::test_api"
FLOW_TRIAL = "trials/test_p1_flow.py::test_flow"


def run_started(**changes: Any) -> r.RunStarted:
    components = changes.pop("components", ((API, P1), (WORKER, P1), (DB, P1), ("mailhog", P2)))
    fields: dict[str, Any] = {
        "run_id": "20300102T030405Z-abc123",
        "system": "shop",
        "environment": "local",
        "provider": "local",
        "seatrial_version": "0.1.0",
        "python_version": "3.11.2",
        "platform": "Linux",
        "declaration": "{}",
        "declaration_digest": "0" * 64,
        "components": tuple(
            r.DeclaredComponent(name=name, kind="http", priority=p) for name, p in components
        ),
        "graph": (r.GraphEdge(who=API, whom=DB, why="needs"),),
        "sessions": ((P1,), (P2, P3)),
    }
    return r.RunStarted(**{**fields, **changes})


IMAGE_ID = f"sha256:{'1d' * 32}"
DIGEST = f"postgres@sha256:{'d1' * 32}"


def environment_up(api: State = State.READY) -> r.EnvironmentUp:
    component = r.DeployedComponent(
        name=API,
        kind="http",
        state=api,
        endpoints={"http": ("http://127.0.0.1:8001",)},
        version="1.2.3",
        started_in_ms=120.5,
    )
    database = r.DeployedComponent(
        name=DB,
        kind="postgres",
        state=State.READY,
        endpoints={"sql": ("postgresql://shop:***@127.0.0.1:5432/shop",)},
        version="15.6",
        images=(r.DeployedImage(reference="postgres:15", id=IMAGE_ID, digests=(DIGEST,)),),
    )
    return r.EnvironmentUp(
        attached=False,
        components=(component, database),
        capabilities=("logs", "stop"),
        duration_s=2.5,
    )


def health(component: str, state: Health = Health.HEALTHY, **changes: Any) -> r.ComponentHealth:
    fields: dict[str, Any] = {
        "component": component,
        "kind": "http",
        "health": state,
        "connection": (
            Connection.CONNECTED if state is Health.HEALTHY else Connection.DISCONNECTED
        ),
        "response_time_ms": 3.25,
    }
    return r.ComponentHealth(**{**fields, **changes})


def expectation(
    id: str = "postgres.table.orders",
    outcome: Outcome = Outcome.PASSED,
    priority: Priority = P1,
    **changes: Any,
) -> r.Expectation:
    fields: dict[str, Any] = {"component": DB, "title": "table orders", "expected": "a table"}
    return r.Expectation(id=id, outcome=outcome, priority=priority, **{**fields, **changes})


def finding(
    cause: Cause = Cause.REFUSED, priority: Priority = P1, component: str = DB, **changes: Any
) -> r.Finding:
    source = changes.pop("source", "check")
    fields: dict[str, Any] = {
        "id": f"{component}.{cause}",
        "component": component,
        "cause": cause,
        "priority": priority,
        "expected": "an answer",
        "found": "connection refused at 127.0.0.1:5432",
        "fix": "seatrial restart postgres",
        "blocks": (API,),
    }
    return r.Finding(finding=r.FindingBody(**{**fields, **changes}), source=source)


def trial(
    node: str = FLOW_TRIAL,
    outcome: Outcome = Outcome.PASSED,
    priority: Priority = P1,
    session: str = "p1",
    **changes: Any,
) -> r.TrialFinished:
    fields: dict[str, Any] = {
        "name": node.rpartition("::")[2],
        "file": node.partition("::")[0],
        "duration_s": 0.75,
    }
    return r.TrialFinished(
        session=session, node=node, outcome=outcome, priority=priority, **{**fields, **changes}
    )


def collected(*trials: tuple[str, Priority], session: str = "p1", **changes: Any) -> r.Collected:
    return r.Collected(session=session, trials=trials, **changes)


def session_finished(
    session: str = "p1", pytest_exit: int = 0, **changes: Any
) -> r.SessionFinished:
    return r.SessionFinished(session=session, pytest_exit=pytest_exit, duration_s=1.5, **changes)


def budget(
    measured: float | None = 0.2, priority: Priority = P1, **changes: Any
) -> r.BudgetMeasured:
    fields: dict[str, Any] = {"node": FLOW_TRIAL, "name": "an id within 500 ms", "limit_s": 0.5}
    return r.BudgetMeasured(measured_s=measured, priority=priority, **{**fields, **changes})


def steady(
    outcome: Outcome = Outcome.PASSED, *, found: str = "", **changes: Any
) -> r.SteadyWatched:
    """A steady state; with `found`, one moment when it did not hold."""
    moment = r.SteadyMoment(at=START, offset_s=1.5, duration_s=0.25, found=found)
    fields: dict[str, Any] = {
        "node": "trials/test_p2_x.py::test_x",
        "what": "the API answers",
        "outcome": outcome,
        "duration_s": 5.0,
        "samples": 40,
        "failing": 2 if found else 0,
        "longest_gap_s": 0.1,
        "moments": (moment,) if found else (),
    }
    return r.SteadyWatched(**(fields | changes))


def ledger(left: int = 0, session: str = "p1", **changes: Any) -> r.LedgerClosed:
    return r.LedgerClosed(session=session, created=3, removed=3 - left, left=left, **changes)


def drill(name: str = "db.away", **changes: Any) -> r.DrillFinished:
    fields: dict[str, Any] = {"title": f"{name} on purpose", "detected": True, "named": True}
    return r.DrillFinished(name=name, **(fields | changes))


def exercise(*drills: r.DrillFinished, planned: tuple[str, ...] = ("db.away",)) -> RunEvidence:
    """A run that holds drills instead of trials."""
    kinds = (r.EnvironmentUp, r.ComponentHealth, r.Expectation, r.ChecksDone)
    about = [record for record in good_run() if isinstance(record, kinds)]
    started, finished = run_started(sessions=(), drills=planned), r.RunFinished(duration_s=1.0)
    return evidence([started, *about, *drills, finished])


def good_run() -> list[r.AnyRecord]:
    """The records of a run that is `go`, all at the same time."""
    return [
        run_started(),
        environment_up(),
        health(API),
        health(WORKER),
        health(DB),
        health("mailhog"),
        expectation(),
        r.ChecksDone(duration_ms=310.0),
        r.SessionStarted(session="p1"),
        collected((HEALTH_TRIAL, P1), (FLOW_TRIAL, P1)),
        trial(HEALTH_TRIAL),
        trial(FLOW_TRIAL),
        budget(),
        ledger(),
        session_finished(),
        r.SessionStarted(session="p2-p3"),
        session_finished("p2-p3", 5),
        r.RunFinished(duration_s=12.5),
    ]


def evidence(records: Sequence[r.AnyRecord], **rest: Any) -> RunEvidence:
    """Evidence of these records, a second apart each."""
    stamped = [
        record.model_copy(update={"at": START + timedelta(seconds=n)})
        for n, record in enumerate(records)
    ]
    return RunEvidence.of(stamped, **rest)


def run_with(*more: r.AnyRecord) -> RunEvidence:
    """The good run with further records before its last one."""
    good = good_run()
    return evidence([*good[:-1], *more, good[-1]])


def run_without(*kinds: type[r.Record]) -> RunEvidence:
    """The good run without its records of some types."""
    return evidence([record for record in good_run() if not isinstance(record, kinds)])


def run_of(*replacements: r.AnyRecord) -> RunEvidence:
    """The good run with all its records of the types given replaced by these."""
    kinds = tuple({type(record) for record in replacements})
    kept: list[r.AnyRecord] = [one for one in good_run() if not isinstance(one, kinds)]
    return evidence([*kept[:-1], *replacements, kept[-1]])
