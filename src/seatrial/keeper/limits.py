"""How long a keeper may take, from what the declaration allows to its components."""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.declaration.models import ProgramConfig, System

#: Of a server that Seatrial starts: to make its template, start, and end.
_SERVER_SECONDS = 240.0
_MARGIN = 30.0  # a busy machine


@dataclass(frozen=True)
class Limits:
    """Seconds after which a client need not wait any longer."""

    act: float  # an action on a component, and one that it waits for
    end: float  # everything


def limits_of(system: System) -> Limits:
    programs = [c.config for c in system.components.values() if isinstance(c.config, ProgramConfig)]
    grace = max((program.grace for program in programs), default=0.0)
    one = max((p.grace + p.start_timeout for p in programs), default=0.0)
    return Limits(act=2 * max(one, _SERVER_SECONDS) + _MARGIN, end=grace + _MARGIN)
