"""What the services of a project are, as far as their declaration tells."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from seatrial.compose.project import Project
from seatrial.kinds.base import Endpoint, Kind
from seatrial.kinds.containers import Guess, Service

_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s'\",]+")
_HOST = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]*)(:\d+)?")
#: Variables whose value may be a host alone: in others such a word is a user, or a database.
_NAMES_HOST = re.compile(r"(?i)(host|host_?name|addr|address|server|node)s?$")


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
    names = {other.name, other.container_name} - {""}
    return any(
        names & _hosts(variable, value)
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


def _hosts(variable: str, value: str) -> set[str]:
    """The hosts that a variable's value names: it is a host's name, NAME:PORT, or holds URLs."""
    if (whole := _HOST.fullmatch(value)) is not None:
        return {whole[1]} if whole[2] or _NAMES_HOST.search(variable) else set()
    return {endpoint.host for endpoint in _urls(value)}


def _urls(value: str) -> Iterator[Endpoint]:
    for found in _URL.findall(value):
        try:
            yield Endpoint.parse(found)
        except ValueError:
            continue


@dataclass(frozen=True)
class Mention:
    """A URL in the environment of another service."""

    service: str
    variable: str
    endpoint: Endpoint


def mentions(project: Project, of: Service, kind: Kind) -> list[Mention]:
    """URLs of the kind's schemes in the environment of other services that lead to this one: the
    most told login and path first, for a single one may be wrong. Else by the names of variables,
    since a container does not keep their order."""
    names = {of.name, of.container_name} - {""}
    found = [
        Mention(service.name, variable, endpoint)
        for service in project.services.values()
        if service.name != of.name
        for variable, value in sorted(service.environment.items())
        for endpoint in _urls(value)
        if endpoint.host in names and endpoint.scheme in kind.schemes
    ]
    times = Counter(_said(one) for one in found)
    return sorted(found, key=lambda one: -times[_said(one)])


def _said(one: Mention) -> tuple[str | None, str | None, str]:
    return one.endpoint.user, one.endpoint.password, one.endpoint.path
