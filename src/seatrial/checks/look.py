"""Looking at one component: its probe and its expectations side by side, under a deadline.

A facet that raises, or does not end in time, is Seatrial's own fault. It becomes an errored
expectation with the component's name, so that one bad facet neither ends the whole check nor
passes for health.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from seatrial.checks.addressed import addressed, astray
from seatrial.declaration.models import Component
from seatrial.kinds.base import CheckResult, Context, Kind, ProbeResult, Target, load
from seatrial.kinds.logins import is_turned_away
from seatrial.kinds.programs import as_it_listens
from seatrial.outcome import (
    Cause,
    Connection,
    ExitCode,
    Health,
    Outcome,
    Priority,
    State,
    exit_code_of,
)
from seatrial.waiting import Deadline

T = TypeVar("T")

_GRACE = 0.25  # s beyond its deadline in which a facet may still come to its end
_UNREACHED = "no endpoint of {} is known here"
_DEFECT = "this is a defect of Seatrial: please report it, with the output of seatrial bundle"


@dataclass(frozen=True)
class Seen:
    """What was seen of one component."""

    component: Component
    probe: ProbeResult
    results: tuple[CheckResult, ...] = ()
    called: tuple[str, ...] = ()  # what others may call it in a health answer
    provides: frozenset[Cause] = frozenset()  # see `Kind.provides`

    @property
    def down(self) -> bool:
        """It is not healthy, and its health was to be known."""
        return self.probe.health is not Health.HEALTHY and not self.probe.skipped

    @property
    def out_of_reach(self) -> bool:
        """It is down in a way that leaves nothing else of it to be looked at."""
        cause = self.probe.cause
        return self.down and (cause is None or exit_code_of(cause) is not ExitCode.FAILED)


class Overran(Exception):
    """A facet did not end by its deadline, nor when it was cancelled."""


async def look(
    component: Component, target: Target | None, context: Context, deadline: Deadline
) -> Seen:
    """Look at one component; never raises but when cancelled."""
    kind = load(component.kind)
    called = (component.name, component.kind, *kind.also_called)
    if target is None and not kind.endpoints:
        target = Target(component.name, component.kind, component.config, {})
    if target is None or (kind.endpoints and not any(target.endpoints.values())):
        left_out = _left_out(component, kind)
        return Seen(component, _no_endpoint(component), left_out, called, kind.provides)
    one = _Look(component, kind, target, context, deadline)
    mistaken = [*await one.as_let_in(), *astray(target)]
    expecting = asyncio.ensure_future(one.expectations())
    try:
        probe, faults = await one.probe()
        seen = Seen(component, probe, tuple(faults), called, kind.provides)
        if seen.out_of_reach:
            # Most facets notice by themselves, and can say what they could not look at.
            await asyncio.wait({expecting}, timeout=_GRACE)
            known = expecting.result() if expecting.done() else None
            results = known if known is not None else one.blocked()
        else:
            results = await expecting
    finally:
        await _end(expecting)
    if probe.skipped:
        faults.append(_skipped(component, probe.skipped))
    return dataclasses.replace(seen, results=(*faults, *results, *mistaken))


def _settled(result: ProbeResult, target: Target) -> ProbeResult:
    """What is still being started is not down: it is not known yet how it will be."""
    if result.health is not Health.UNHEALTHY or State.STARTING not in target.states:
        return result
    later = f"; if it stays so, {result.fix}" if is_turned_away(result) else ""
    return dataclasses.replace(
        result,
        health=Health.UNKNOWN,
        cause=Cause.NOT_MEASURED,
        expected=f"{target.name} is ready",
        found=f"it is still starting: {result.found}",
        fix=f"{target.status}   (shows when it is ready){later}",
        own=False,
    )


def _whole(result: ProbeResult, target: Target) -> ProbeResult:
    """What whoever runs it says is wrong with it is a warning, as well as it may answer."""
    said, check, listening = target.provider, target.provider.own_check, target.provider.listening
    if result.health is not Health.HEALTHY:
        return result
    unasked = check.alone or not target.endpoints  # else it has answered
    if found := said.lacks:
        expected, cause, fix = f"all of {target.name} runs", Cause.STOPPED, target.start
    elif found := check.ailing:
        expected, cause = f"its health check finds {target.name} well", Cause.UNHEALTHY
        fix = f"correct its health check, for it answers; or {target.start}"
    elif found := listening.unheard if unasked else "":
        expected, cause = f"{target.name} listens where others look for it", Cause.UNHEALTHY
        fix = listening.fix
    elif found := said.ended:
        expected, cause = f"{target.name} runs", Cause.STOPPED
        fix = f"if it is to end, it is of `kind: task`; else see why: {target.logs}"
    elif found := said.lasts:
        expected, cause = f"{target.name} has ended with exit code 0", Cause.NOT_MEASURED
        fix = f"if it is to run on, it is of `kind: process`; else see why it hangs: {target.logs}"
    elif found := listening.unpublished:
        expected, cause = f"{target.name} listens at a port that it publishes", Cause.UNHEALTHY
        fix = f"correct the ports of {said.setting or target.name}"
    else:
        return result
    return dataclasses.replace(result, cause=cause, expected=expected, found=found, fix=fix)


@dataclass
class _Look:
    component: Component
    kind: Kind
    target: Target
    context: Context
    deadline: Deadline

    async def as_let_in(self) -> list[CheckResult]:
        """Go on as somebody whom it lets in. What it says to others is theirs."""
        if not self.target.addresses or not all(state.up for state in self.target.states):
            return []
        deadline = self.deadline.within(self.component.config.patience)
        job = addressed(self.kind, self.target, self.context, deadline)
        try:
            self.target, mistaken = await within(job, deadline)
        except Exception:  # the probe will raise it again, and is told
            return []
        return mistaken

    async def probe(self) -> tuple[ProbeResult, list[CheckResult]]:
        """Its result, or an unknown one with the fault of the facet beside it."""
        deadline = self.deadline.within(self.component.config.patience)
        try:
            result = await within(self.kind.probe(self.target, self.context, deadline), deadline)
        except Exception as error:
            fault = self._fault("probe", error)
            unknown = ProbeResult(
                Health.UNKNOWN,
                Connection.DISCONNECTED,
                0.0,
                Cause.NOT_MEASURED,
                fault.expected,
                fault.found,
                fault.fix,
            )
            return unknown, [fault]
        result = _settled(as_it_listens(result, self.target), self.target)
        result = _whole(result, self.target)
        return _timed(result, self.component), []

    async def expectations(self) -> Sequence[CheckResult]:
        facet = self.kind.expectations
        if facet is None:
            return []
        expect, deadline = self.component.expect, self.deadline
        try:
            results = await within(facet(self.target, expect, self.context, deadline), deadline)
            self._refuse_unsound(results)
        except Overran as error:
            return [self._about_all(Outcome.NOT_MEASURED, Cause.NOT_MEASURED, str(error))]
        except Exception as error:
            return [self._fault("expectations", error)]
        return results

    def blocked(self) -> Sequence[CheckResult]:
        if self.kind.expectations is None:
            return []
        return [self._about_all(Outcome.BLOCKED, None, f"{self.component.name} is down")]

    def _refuse_unsound(self, results: Sequence[CheckResult]) -> None:
        """Nothing held though something is declared would be a pass that proves nothing."""
        if self.component.expect is not None and not results:
            raise ValueError("it returned nothing, though something is expected")
        for result in results:
            if result.component != self.component.name:
                raise ValueError(f"{result.id} names the component {result.component}")
            if result.outcome is Outcome.FAILED and result.cause is None:
                raise ValueError(f"{result.id} failed and names no cause")

    def _about_all(self, outcome: Outcome, cause: Cause | None, found: str) -> CheckResult:
        name = self.component.name
        return CheckResult(
            id=f"{name}.expectations",
            component=name,
            title=f"everything that is expected of {name}",
            priority=self.component.config.priority,
            outcome=outcome,
            cause=cause,
            expected=f"what is expected of {name} holds",
            found=found,
            fix="raise the deadline of the check" if cause is Cause.NOT_MEASURED else "",
        )

    def _fault(self, facet: str, error: Exception) -> CheckResult:
        name = self.component.name
        what = f"the {facet} of the kind {self.component.kind}"
        return CheckResult(
            id=f"{name}.{facet}",
            component=name,
            title=f"{what}, applied to {name}",
            priority=self.component.config.priority,
            outcome=Outcome.ERRORED,
            cause=Cause.NOT_MEASURED,
            expected=f"{what} can be applied to {name}",
            found=f"{type(error).__name__}: {error}",
            fix=_DEFECT,
        )


async def within(job: Coroutine[Any, Any, T], deadline: Deadline) -> T:
    """The result of a facet that must keep its deadline by itself. Raises Overran, or its own.

    A facet that also ignores being cancelled is left behind, so that it holds nobody up.
    """
    seconds = deadline.remaining()
    task = asyncio.ensure_future(job)
    try:
        await asyncio.wait({task}, timeout=seconds + _GRACE)
        if not task.done():
            raise Overran(f"it did not end within {seconds:.1f} s")
        if task.cancelled():
            raise RuntimeError("it cancelled itself")
        return task.result()
    finally:
        await _end(task)


async def _end(task: asyncio.Future[Any]) -> None:
    """Cancel it if need be, with a moment for what it has to clear away."""
    if not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=_GRACE)


def _timed(result: ProbeResult, component: Component) -> ProbeResult:
    """A right answer over its time limit is a warning, whoever noticed it."""
    limit = component.config.time_limit
    if result.cause is Cause.SLOW:
        return dataclasses.replace(result, health=Health.HEALTHY)
    late = result.response_time_ms > limit * 1000
    if result.health is not Health.HEALTHY or result.cause is not None or not late:
        return result
    return dataclasses.replace(
        result,
        cause=Cause.SLOW,
        expected=f"{component.name} answers its probe within {limit:g} s",
        found=f"it took {result.response_time_ms / 1000:.2f} s",
        fix=f"look at the load of {component.name} and of the way to it, "
        f"or raise components.{component.name}.time_limit",
    )


def _no_endpoint(component: Component) -> ProbeResult:
    return ProbeResult(
        Health.UNKNOWN,
        Connection.DISCONNECTED,
        0.0,
        Cause.NOT_MEASURED,
        expected=f"{component.name} can be reached",
        found=_UNREACHED.format(component.name),
        fix=f"say where {component.name} is reached: the endpoint of {component.name}",
    )


def _left_out(component: Component, kind: Kind) -> tuple[CheckResult, ...]:
    if component.expect is None:
        return ()
    return (
        CheckResult(
            id=f"{component.name}.expectations",
            component=component.name,
            title=f"everything that is expected of {component.name}",
            priority=component.config.priority,
            outcome=Outcome.SKIPPED,
            expected=f"what is expected of {component.name} holds",
            found=_UNREACHED.format(component.name),
        ),
    )


def _skipped(component: Component, reason: str) -> CheckResult:
    return CheckResult(
        id=f"{component.name}.health",
        component=component.name,
        title=f"the health of {component.name}",
        priority=Priority.P3,
        outcome=Outcome.SKIPPED,
        found=reason,
    )
