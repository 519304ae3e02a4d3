"""As whom a server lets in those who look at it, where services are told several logins.

Where one is turned away and another gets in, the server is well: the mistake is in what that one is
told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from seatrial.kinds.base import Context, Endpoint, Kind, ProbeResult, Target, load
from seatrial.outcome import Cause, Health
from seatrial.waiting import Deadline

_TURNED_AWAY = (
    Cause.AUTH,
    Cause.NOT_AUTHORISED,
    Cause.WRONG_DATABASE,
    Cause.WRONG_VHOST,
    Cause.TLS,
)


def is_turned_away(probe: ProbeResult) -> bool:
    return probe.cause in _TURNED_AWAY and probe.health is not Health.HEALTHY


async def asked_as_all(
    kind: Kind, target: Target, context: Context, deadline: Deadline
) -> tuple[Target | None, Mapping[Endpoint, ProbeResult]]:
    """The target as whom it lets in, None for nobody, and what each login showed."""
    own = target.endpoint()
    distinct = list(dict.fromkeys((own, *(one.endpoint for one in target.addresses))))
    asked = (kind.probe(_as_told(target, one), context, deadline) for one in distinct)
    probed = dict(zip(distinct, await asyncio.gather(*asked), strict=True))
    inside = next((one for one in distinct if probed[one].health is Health.HEALTHY), None)
    if inside is None:
        return None, probed
    return (_at(target, inside) if is_turned_away(probed[own]) else target), probed


def _as_told(target: Target, endpoint: Endpoint) -> Target:
    """Of what is told another login, or none, it does not count what the project knows besides."""
    return replace(_at(target, endpoint), as_told=endpoint != target.endpoint())


def _at(target: Target, endpoint: Endpoint) -> Target:
    """Other endpoints with the same login, a broker's management API say, get the new one, too."""
    default, *others = target.endpoints
    old = target.endpoint()
    changed = {
        name: tuple(
            replace(one, user=endpoint.user, password=endpoint.password)
            if (one.user, one.password) == (old.user, old.password)
            else one
            for one in target.endpoints[name]
        )
        for name in others
    }
    return replace(target, endpoints={default: (endpoint,), **changed})


class Logins:
    """What is known of who gets in, for somebody who looks again and again."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Target, Target]] = {}  # as it was told, as it lets in

    def known(self, target: Target) -> Target:
        """The target as it let in lately, where nothing was told otherwise since."""
        told, inside = self._known.get(target.name, (target, target))
        if (told.endpoints, told.addresses) != (target.endpoints, target.addresses):
            return target
        return replace(target, endpoints=inside.endpoints)

    async def ask(self, target: Target, context: Context, deadline: Deadline) -> bool:
        """Whether it lets in anybody of those who are told its address."""
        if not target.addresses:
            return False
        inside, _ = await asked_as_all(load(target.kind), target, context, deadline)
        if inside is not None:
            self._known[target.name] = (target, inside)
        return inside is not None
