"""Evidence and decision -> report."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import cast

from seatrial.evidence import records as r
from seatrial.evidence.decision import Decision, Reason
from seatrial.evidence.reader import RunEvidence
from seatrial.evidence.records.drills import score
from seatrial.evidence.redaction import mask_urls
from seatrial.evidence.trials import Trial
from seatrial.outcome import PASS_FAIL_SKIP, Health, Outcome, Priority, exit_code_of
from seatrial.report import model as m

_UNKNOWN = "unknown"
_IDENTIFIER = re.compile(
    r"(?<=/)(?:\d+|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|[0-9a-fA-F]{12,}|[^/\s]*%[^/\s]*)(?=/|$)"
)
_RESULTS = cast("dict[Outcome, m.PassFailSkip]", PASS_FAIL_SKIP)


def build_report(evidence: RunEvidence, decision: Decision) -> m.Report:
    """The whole report; the same evidence always gives the same one."""
    started, finished = evidence.started, evidence.finished
    trials = tuple(_trial(trial) for trial in evidence.trials)
    return m.Report(
        report_version=m.REPORT_VERSION,
        run_id=started.run_id if started else _UNKNOWN,
        system=started.system if started else _UNKNOWN,
        verdict=decision.verdict,
        exit_code=int(decision.exit_code),
        started=started.at if started else None,
        finished=finished.at if finished else None,
        duration_s=finished.duration_s if finished else None,
        reasons=tuple(map(_reason, decision.reasons)),
        warnings=tuple(map(_reason, decision.warnings)),
        environment=_environment(evidence),
        components=tuple(_components(evidence)),
        findings=tuple(_findings(evidence)),
        expectations=tuple(_expectations(evidence)),
        trials=trials,
        counts={
            priority: {
                outcome: sum(t.priority is priority and t.status is outcome for t in trials)
                for outcome in Outcome
            }
            for priority in Priority
        },
        budgets=tuple(_budgets(evidence)),
        steady=tuple(map(_steady, evidence.all(r.SteadyWatched))),
        drill_score=score(evidence.all(r.DrillFinished)),
        drills=tuple(map(_drill, evidence.all(r.DrillFinished))),
        exercised=_exercised(evidence),
        ledger=tuple(
            m.LedgerPart.model_validate(one.model_dump(exclude={"at", "type"}))
            for one in evidence.all(r.LedgerClosed)
        ),
        timeline=tuple(_timeline(evidence)),
        logs=tuple(
            m.LogPart.model_validate(one.model_dump(exclude={"at", "type"}))
            for one in evidence.all(r.LogKept)
        ),
        pass_fail_skip=_RESULTS,
    )


def _reason(reason: Reason) -> m.ReasonPart:
    return m.ReasonPart(
        code=reason.code,
        text=reason.text,
        subject=reason.subject,
        priority=reason.priority,
        exit_code=int(reason.exit_code),
        finding=reason.finding,
    )


def _environment(evidence: RunEvidence) -> m.EnvironmentPart:
    started = evidence.started
    up = next(iter(evidence.all(r.EnvironmentUp)), None)
    deployed = up.components if up else ()
    versions = {c.name: c.version for c in deployed if c.version}
    versions |= {h.component: h.version for h in evidence.all(r.ComponentHealth) if h.version}
    return m.EnvironmentPart(
        name=started.environment if started else _UNKNOWN,
        provider=started.provider if started else _UNKNOWN,
        attached=up.attached if up else None,
        endpoints={
            c.name: {name: tuple(map(mask_urls, urls)) for name, urls in c.endpoints.items()}
            for c in deployed
        },
        versions=versions,
        images={
            c.name: tuple(m.ImagePart.model_validate(one.model_dump()) for one in c.images)
            for c in deployed
            if c.images
        },
        capabilities=up.capabilities if up else (),
        seatrial_version=started.seatrial_version if started else _UNKNOWN,
        python_version=started.python_version if started else _UNKNOWN,
        platform=started.platform if started else _UNKNOWN,
    )


def _components(evidence: RunEvidence) -> Iterator[m.ComponentPart]:
    """Declared components first; as the gate has it, unhealthy in any pass is unhealthy."""
    declared = evidence.started.components if evidence.started else ()
    shown: dict[str, r.ComponentHealth | None] = {c.name: None for c in declared}
    for record in evidence.all(r.ComponentHealth):
        known = shown.get(record.component)
        if known is None or known.health is not Health.UNHEALTHY:
            shown[record.component] = record
    kinds = {c.name: c.kind for c in declared}
    priorities = {c.name: c.priority for c in declared}
    for name, health in shown.items():
        yield m.ComponentPart(
            name=name,
            kind=health.kind if health else kinds.get(name, _UNKNOWN),
            priority=priorities.get(name, Priority.P1),
            status=health.health if health else Health.UNKNOWN,
            response_time_ms=health.response_time_ms if health else None,
            connection=health.connection if health else None,
            error=health.error if health else "it was not looked at",
            cause=health.cause if health else None,
            version=health.version if health else None,
            note=health.skipped if health else None,
        )


def _findings(evidence: RunEvidence) -> Iterator[m.FindingPart]:
    """Each finding once, though a later pass of checks may have made it again."""
    seen = {record.finding.id: record for record in evidence.all(r.Finding)}
    for record in sorted(seen.values(), key=lambda record: record.finding.priority):
        body = record.finding
        yield m.FindingPart(
            **{name: getattr(body, name) for name in r.FindingBody.model_fields},
            exit_code=int(exit_code_of(body.cause)),
            source=record.source,
        )


def _expectations(evidence: RunEvidence) -> Iterator[m.ExpectationPart]:
    """Each expectation once: as it failed, if it ever did, else as it was found last."""
    shown: dict[str, r.Expectation] = {}
    for record in evidence.all(r.Expectation):
        known = shown.get(record.id)
        if known is None or known.outcome is Outcome.PASSED:
            shown[record.id] = record
    for one in shown.values():
        fields = one.model_dump(exclude={"at", "type", "outcome"})
        yield m.ExpectationPart(status=one.outcome, **fields)


def _trial(trial: Trial) -> m.TrialPart:
    last = trial.last
    return m.TrialPart(
        name=trial.name,
        node=trial.node,
        file=trial.file,
        session=trial.session,
        priority=trial.priority,
        status=trial.outcome,
        result=_RESULTS[trial.outcome],
        duration_s=last.duration_s if last else None,
        error=last.error if last else "",
        reason=trial.reason,
        gist=trial.gist,
        assertions_checked=last.assertions_checked if last else None,
        assertions_passed=last.assertions_passed if last else None,
        attempts=len(trial.attempts),
        flaky=trial.flaky,
        needs=last.needs if last else (),
        criteria=last.criteria if last else (),
        finding=last.finding if last else None,
        properties=last.properties if last else (),
    )


def _budgets(evidence: RunEvidence) -> Iterator[m.BudgetPart]:
    for one in evidence.all(r.BudgetMeasured):
        kept = None if one.measured_s is None else one.measured_s <= one.limit_s
        fields = one.model_dump(exclude={"at", "type"})
        yield m.BudgetPart(kept=kept, **fields)


def _steady(one: r.SteadyWatched) -> m.SteadyPart:
    fields = one.model_dump(exclude={"at", "type", "outcome"})
    return m.SteadyPart.model_validate({"status": one.outcome, **fields})


def _drill(one: r.DrillFinished) -> m.DrillPart:
    well = one.good and not one.left_behind
    status = Outcome.PASSED if well else Outcome.FAILED
    if one.skipped and not one.left_behind:
        status = Outcome.SKIPPED
    return m.DrillPart(status=status, **one.model_dump(exclude={"at", "type"}))


def _exercised(evidence: RunEvidence) -> m.ExercisedPart:
    passed = [t.last for t in evidence.trials if t.last and t.outcome is Outcome.PASSED]
    requests = Counter(
        (one.component, _IDENTIFIER.sub("{id}", one.request.partition("?")[0]))
        for one in evidence.all(r.RequestMade)
    )
    activities = (text for t in passed for key, text in t.properties if key == "exercises")
    return m.ExercisedPart(
        requests=tuple(
            m.RequestPart(component=component, request=request, count=count)
            for (component, request), count in sorted(requests.items())
        ),
        components=tuple(sorted({name for trial in passed for name in trial.needs})),
        criteria=tuple(sorted({name for trial in passed for name in trial.criteria})),
        activities=tuple(dict.fromkeys(activities)),
    )


def _timeline(evidence: RunEvidence) -> Iterator[m.MomentPart]:
    start = evidence.started.at if evidence.started else None
    for record in evidence.records:
        component, text = _moment(record)
        if text:
            offset = (record.at - (start or record.at)).total_seconds()
            yield m.MomentPart(at=record.at, offset_s=offset, component=component, text=text)


def _moment(record: r.AnyRecord) -> tuple[str | None, str]:
    match record:
        case r.StateChanged():
            replica = "" if record.replica is None else f" (replica {record.replica})"
            detail = f": {record.detail}" if record.detail else ""
            fault = ", by a fault" if record.by_fault else ""
            return record.component, f"{record.state}{replica}{fault}{detail}"
        case r.FaultChanged():
            return None, f"{'fault' if record.began else 'end of the fault'}: {record.fault}"
        case r.EnvironmentUp():
            how = "attached" if record.attached else "came up"
            return None, f"the environment {how} in {record.duration_s:.1f} s"
        case r.EnvironmentFailed():
            return record.component, f"the environment did not come up: {record.error}"
        case r.ChecksDone():
            return None, f"checks before the trials done in {record.duration_ms:.0f} ms"
        case r.SessionStarted():
            return None, f"session {record.session} ({record.worker}) started"
        case r.SessionFinished():
            took = f"{record.duration_s:.1f} s"
            return None, f"session {record.session} ({record.worker}) ended after {took}"
        case r.SessionSkipped():
            return None, f"{', '.join(record.priorities)} trials skipped: {record.reason}"
        case r.Interrupted():
            return None, f"interrupted ({record.signal})"
        case r.Crashed():
            return None, f"crashed in {record.where}: {record.error}"
        case r.RunStarted():
            return None, "the run started"
        case r.RunFinished():
            return None, "the run ended"
    return None, ""
