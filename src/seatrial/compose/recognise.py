"""What the services of a project are, as far as their declaration tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seatrial.compose.mentions import hosts
from seatrial.compose.project import Project
from seatrial.kinds.base import Kind
from seatrial.kinds.containers import Guess, Service


@dataclass(frozen=True)
class Recognised:
    """One service with the strongest guess of all kinds."""

    service: Service
    kind: Kind
    guess: Guess
    needs: tuple[str, ...]  # services that it waits for or has an address of


def recognise(project: Project, kinds: Mapping[str, Kind]) -> dict[str, Recognised]:
    """Every service that runs without a profile."""
    here = [service for service in project.services.values() if not service.left_out]
    guesses = {service.name: _strongest(service, kinds) for service in here}
    needs = _needs(here, {name: kind for name, (kind, _) in guesses.items()})
    return {
        service.name: Recognised(service, *guesses[service.name], needs[service.name])
        for service in here
    }


def _strongest(service: Service, kinds: Mapping[str, Kind]) -> tuple[Kind, Guess]:
    ended = service.ended_well  # as no server does, whatever its image
    guesses = [
        (kind, guess)
        for kind in kinds.values()
        if not (ended and kind.packages)
        if kind.containers is not None and (guess := kind.containers.recognise(service)) is not None
    ]
    return max(guesses, key=lambda one: one[1].strength)  # `process` recognises anything


def _needs(here: Sequence[Service], kinds: Mapping[str, Kind]) -> dict[str, tuple[str, ...]]:
    """What each waits for, and whose address it has. Many projects have one file of variables for
    all services: an address in it tells little, and must not make a circle."""
    names = [service.name for service in here]
    needs = {one.name: {other for other in one.needs if other in names} for one in here}
    for one in here:
        if not kinds[one.name].packages:  # a server that is ready to be used calls nobody
            called = {other.name for other in here if _calls(one, other, kinds[other.name])}
            needs[one.name] |= called - _waiting(one.name, needs)
    return {name: tuple(other for other in names if other in needs[name]) for name in names}


def _calls(one: Service, other: Service, kind: Kind) -> bool:
    """Whether it has the other's address, and that not only because all have the same variables."""
    names = other.names
    return any(
        names & hosts(variable, value)
        for variable, value in one.environment.items()
        if kind.packages or other.environment.get(variable) != value
    )


def _waiting(name: str, needs: Mapping[str, set[str]]) -> set[str]:
    """Itself, and all that cannot be ready before it."""
    waiting, more = set(), {name}
    while more:
        waiting |= more
        more = {one for one, others in needs.items() if others & more} - waiting
    return waiting
