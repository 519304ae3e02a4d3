"""All checks of a system: every component at once, under one deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from time import perf_counter

from seatrial.checks.fold import Folded, fold
from seatrial.checks.look import Seen, look
from seatrial.checks.report import CheckReport
from seatrial.declaration.models import System
from seatrial.environment.commands import workable
from seatrial.evidence.records import ComponentHealth, Expectation
from seatrial.evidence.records.checks import FindingBody
from seatrial.keeper.protocol import Failure
from seatrial.kinds.base import CheckResult, Context, Target
from seatrial.outcome import Cause, Outcome, State
from seatrial.waiting import Deadline

__all__ = ["CheckReport", "diagnose", "run_checks"]

_QUICK = 10.0  # s


async def run_checks(
    system: System,
    targets: Mapping[str, Target],
    context: Context,
    deadline_s: float = 30.0,
    name: str = "",
) -> CheckReport:
    """Look at everything, read-only; takes `deadline_s` seconds at the most, and then some 0.5 s.

    A component without a target is unknown; what it is in this environment is said in the report.
    """
    began = perf_counter()
    deadline = Deadline.after(deadline_s)
    seen = await asyncio.gather(
        *(
            look(component, targets.get(name), context, deadline)
            for name, component in system.components.items()
        )
    )
    folded = fold(seen)
    report = CheckReport(
        duration_ms=(perf_counter() - began) * 1000,
        components=tuple(_health(one) for one in seen),
        expectations=tuple(_expectation(r, folded) for one in seen for r in one.results),
        findings=folded.findings,
    )
    return report.with_fixes(lambda fix: workable(fix, system, targets, name))


async def diagnose(system: System, context: Context, failure: Failure) -> CheckReport:
    """What is wrong with a system that did not come up: a quick look while it is still there.

    What has not been started yet is nobody's fault, and so no finding; nor is what it would have
    brought. What failed has been ended, and a look at it shows no more: its keeper knows why.
    """
    targets = dict(context.targets)
    if (late := targets.get(failure.component or "")) is not None:  # it had its time to start
        over = (State.READY if one is State.STARTING else one for one in late.states)
        targets[late.name] = replace(late, states=tuple(over))
    report = await run_checks(system, targets, context, _QUICK)
    found = {
        f.id: _as_it_failed(f, failure)
        for f in report.findings
        if f.cause is not Cause.NOT_MEASURED
    }
    states = {state for target in context.targets.values() for state in target.states}
    if states & {State.WAITING, State.STARTING}:
        found = {id: one for id, one in found.items() if one.id == f"{one.component}.{one.cause}"}
    return replace(
        report,
        findings=tuple(found.values()),
        expectations=tuple(_cites(one, found) for one in report.expectations),
    )


def _cites(one: Expectation, found: Mapping[str, FindingBody]) -> Expectation:
    """It belongs to a finding of the name that this has now; to none, where that was left out."""
    finding = found.get(one.finding or "")
    return one.model_copy(update={"finding": finding.id if finding else None})


def _as_it_failed(finding: FindingBody, failure: Failure) -> FindingBody:
    own = f"{failure.component}.{finding.cause}"
    if failure.cause is None or finding.id != own:
        return finding
    said = {name: getattr(failure, name) for name in ("cause", "expected", "found", "fix")}
    return finding.model_copy(update={**said, "id": f"{failure.component}.{failure.cause}"})


def _health(seen: Seen) -> ComponentHealth:
    probe = seen.probe
    asked = probe.response_time_ms > 0  # what is known from states alone took no time
    return ComponentHealth(
        component=seen.component.name,
        kind=seen.component.kind,
        health=probe.health,
        connection=probe.connection,
        response_time_ms=round(probe.response_time_ms, 3) if asked else None,
        version=probe.version,
        error=probe.found if probe.cause is not None else None,
        cause=probe.cause,
        skipped=probe.skipped or None,
    )


def _expectation(result: CheckResult, folded: Folded) -> Expectation:
    """What could not be measured because of another fault counts as blocked by it."""
    finding = folded.cited.get(result.id)
    cause = next((f.cause for f in folded.findings if f.id == finding), Cause.NOT_MEASURED)
    outcome = result.outcome
    if outcome is Outcome.NOT_MEASURED and cause is not Cause.NOT_MEASURED:
        outcome = Outcome.BLOCKED
    return Expectation(
        id=result.id,
        component=result.component,
        title=result.title,
        priority=result.priority,
        outcome=outcome,
        cause=result.cause,
        expected=result.expected,
        found=result.found,
        fix=result.fix,
        finding=finding,
    )
