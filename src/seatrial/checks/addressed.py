"""Whether a server lets in those of the system who are told its address.

Where one of them is turned away and another login gets in, the server is well: the mistake is in
what that one is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from seatrial.kinds.base import Address, CheckResult, Context, Endpoint, Kind, ProbeResult, Target
from seatrial.outcome import Cause, Health, Outcome, Priority
from seatrial.waiting import Deadline

_TURNED_AWAY = (
    Cause.AUTH,
    Cause.NOT_AUTHORISED,
    Cause.WRONG_DATABASE,
    Cause.WRONG_VHOST,
)


async def addressed(
    kind: Kind, target: Target, context: Context, deadline: Deadline
) -> tuple[Target, list[CheckResult]]:
    """The target as whom it lets in, and the addresses that it turns away."""
    own = target.endpoint()
    distinct = list(dict.fromkeys((own, *(one.endpoint for one in target.addresses))))
    if len(distinct) == 1:
        return target, []
    asked = (kind.probe(_at(target, one), context, deadline) for one in distinct)
    probed = dict(zip(distinct, await asyncio.gather(*asked), strict=True))
    inside = next((one for one in distinct if probed[one].health is Health.HEALTHY), None)
    if inside is None:
        return target, []
    if probed[own].cause in _TURNED_AWAY:
        target = _at(target, inside)
    wrong: dict[tuple[str, Endpoint], list[Address]] = {}
    for address in target.addresses:
        if address.of and probed[address.endpoint].cause in _TURNED_AWAY:
            wrong.setdefault((address.of, address.endpoint), []).append(address)
    found = (_mistake(target, same, probed[same[0].endpoint]) for same in wrong.values())
    return target, list({one.id: one for one in found}.values())


def _at(target: Target, endpoint: Endpoint) -> Target:
    default = next(iter(target.endpoints))
    return replace(target, endpoints={**target.endpoints, default: (endpoint,)})


def _mistake(target: Target, same: Sequence[Address], probe: ProbeResult) -> CheckResult:
    """A warning, unless it takes its component down: nobody knows whether that uses it. `same`:
    all that a component is told alike."""
    address, *others = same
    more = {_variable(one): None for one in others if _variable(one) != _variable(address)}
    also = f" (and {', '.join(more)})" if more else ""
    return CheckResult(
        id=f"{address.of}.{_variable(address)}",
        component=address.of,
        title=f"{target.name} lets {address.of} in",
        priority=Priority.P2,
        outcome=Outcome.FAILED,
        cause=probe.cause,
        expected=f"{target.name} lets {address.of} in as {address.where} says",
        found=probe.found,
        fix=f"correct {address.where}{also}; another login of the project gets in",
        own=True,
    )


def _variable(address: Address) -> str:
    return address.where.partition(" ")[0]
