"""A server of a compose project that asks for what nothing in the project tells: a login, or a
certificate of its clients."""

from __future__ import annotations

from dataclasses import replace

from seatrial.kinds.base import ProbeResult, Target
from seatrial.kinds.programs import as_it_says_itself
from seatrial.outcome import Cause, Health

_TELL = "tell a service its login, in a URL or beside its host (X_HOST with X_USER, X_PASSWORD)"
_WITHOUT = (
    "nothing, where only clients with a certificate are meant to be let in (a health check of its "
    "own says how it is)"
)


def unless_nobody_knows(
    result: ProbeResult, target: Target, *, certificate: bool = False
) -> ProbeResult:
    """Such a server, a replica say, is there, and how well it is cannot be seen. `certificate`:
    that is what it asks for."""
    login = result.cause is Cause.AUTH and target.endpoint().password is None
    asks = result.health is Health.UNHEALTHY and (login or certificate)
    if target.as_told or not (asks and target.provider.in_containers):
        return result
    what = "a certificate" if certificate else "a login"
    found = f"{result.found}; nothing in the project tells {what} for it"
    fix = f"{_WITHOUT if certificate else _TELL}; or leave {target.name} out of seatrial.yaml"
    if target.provider.own_check.well:
        return as_it_says_itself(replace(result, found=found), target, ours=True, fix=fix)
    expected, cause = f"{target.name} lets in who looks at it", Cause.NOT_MEASURED
    return replace(
        result, health=Health.UNKNOWN, cause=cause, expected=expected, found=found, fix=fix
    )
