"""A server of a compose project that asks for a login which nothing in the project tells."""

from __future__ import annotations

from dataclasses import replace

from seatrial.kinds.base import ProbeResult, Target
from seatrial.kinds.programs import as_it_says_itself
from seatrial.outcome import Cause, Health


def unless_nobody_knows(result: ProbeResult, target: Target) -> ProbeResult:
    """A server of a compose project, a replica say, that asks for a login which nothing in the
    project tells: it is there, and how well it is cannot be seen."""
    asks = result.cause is Cause.AUTH and result.health is Health.UNHEALTHY
    if not (asks and target.provider.in_containers) or target.endpoint().password is not None:
        return result
    found = f"{result.found}; nothing in the project tells a login for it"
    fix = (
        "tell a service its login, in a URL or beside its host (X_HOST with X_USER, X_PASSWORD); "
        f"or leave {target.name} out"
    )
    if target.provider.well:
        return as_it_says_itself(replace(result, found=found), target, ours=True, fix=fix)
    expected, cause = f"{target.name} lets in who looks at it", Cause.NOT_MEASURED
    return replace(
        result, health=Health.UNKNOWN, cause=cause, expected=expected, found=found, fix=fix
    )
