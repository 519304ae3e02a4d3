"""What services of the system are told wrongly: logins that a server turns away while it lets in
others, and addresses that lead nowhere."""

from __future__ import annotations

import re
from collections.abc import Sequence

from seatrial.kinds.base import (
    Address,
    Astray,
    CheckResult,
    Context,
    Endpoint,
    Kind,
    ProbeResult,
    Target,
    load,
)
from seatrial.kinds.logins import asked_as_all, is_turned_away
from seatrial.outcome import Cause, Health, Outcome, Priority, State
from seatrial.waiting import Deadline

#: Of "DB_HOST with DB_USER, DB_PASSWORD of ...": before a login that is told.
_HOST_BEFORE = re.compile(r"(?i)^\S+ with (?=\S*(?:user|login|pass|pwd|auth))")


async def addressed(
    kind: Kind, target: Target, context: Context, deadline: Deadline
) -> tuple[Target, list[CheckResult]]:
    """The target as whom it lets in, and the addresses that it turns away."""
    if not {one.endpoint for one in target.addresses} - {target.endpoint()}:
        return target, []
    inside, probed = await asked_as_all(kind, target, context, deadline)
    if inside is None:
        return target, []
    wrong: dict[tuple[str, Endpoint], list[Address]] = {}
    for address in target.addresses:
        if address.of and is_turned_away(probed[address.endpoint]):
            wrong.setdefault((address.of, address.endpoint), []).append(address)
    let_in = {one.of for one in target.addresses if probed[one.endpoint].health is Health.HEALTHY}
    found = []
    for (of, _), same in wrong.items():
        priority = _priority(context.targets.get(of), spare=same[0].spare and of in let_in)
        found.append(_mistake(inside, same, probed[same[0].endpoint], priority))
    return inside, list({one.id: one for one in found}.values())


def _mistake(
    target: Target, same: Sequence[Address], probe: ProbeResult, priority: Priority
) -> CheckResult:
    """`same`: all that a component is told alike."""
    address, *others = same
    more = {_variable(one): None for one in others if _variable(one) != _variable(address)}
    also = f" (and {', '.join(more)})" if more else ""
    return CheckResult(
        id=f"{address.of}.{_variable(address)}",
        component=address.of,
        title=f"{target.name} lets {address.of} in",
        priority=priority,
        outcome=Outcome.FAILED,
        cause=probe.cause,
        expected=f"{target.name} lets {address.of} in as {address.where} says",
        found=probe.found,
        fix=_fix(target, f"{address.where}{also}", probe),
        own=True,
    )


def _fix(target: Target, told: str, probe: ProbeResult) -> str:
    if probe.cause is Cause.TLS:
        return f"correct {told}: with TLS or without, as {target.name} lets others in"
    if probe.cause is Cause.NOT_AUTHORISED:
        return f"{probe.fix}; or correct {told}: another login of the project gets in"
    if probe.cause is Cause.AUTH:  # the host before them is right
        told = _HOST_BEFORE.sub("", told)
    return f"correct {told}; another login of the project gets in"


def _priority(component: Target | None, *, spare: bool = False) -> Priority:
    """A warning, unless it takes its component down: what answers that it is well, or has done its
    work, may not use it. Of what cannot answer, a worker, it must be taken that it does."""
    if (
        spare
        or component is None
        or load(component.kind).endpoints
        or component.provider.own_check.well
    ):
        return Priority.P2
    ended = (State.DONE, State.STOPPED)  # on purpose, it seems
    done = bool(component.states) and all(one in ended for one in component.states)
    return Priority.P2 if done else component.config.priority


def astray(target: Target) -> list[CheckResult]:
    """What it is told that leads nowhere."""
    found = (
        CheckResult(
            id=f"{target.name}.{_variable(one)}",
            component=target.name,
            title=f"{_variable(one)} leads to a server",
            priority=_priority(target, spare=one.spare),
            outcome=Outcome.FAILED,
            cause=one.cause,
            expected=f"{one.where} leads to where a server listens",
            found=one.found,
            fix=one.fix,
            own=True,
        )
        for one in target.astray
    )
    return list({one.id: one for one in found}.values())


def _variable(address: Address | Astray) -> str:
    return address.where.partition(" ")[0]
