"""What the services of a project are, as far as their declaration tells."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from seatrial.compose.project import Project
from seatrial.kinds.base import Endpoint, Kind
from seatrial.kinds.containers import Guess, Service

_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s'\",]+")
_HOST = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]*)(:\d+)?")


@dataclass(frozen=True)
class Recognised:
    """One service with the strongest guess of all kinds."""

    service: Service
    kind: Kind
    guess: Guess
    needs: tuple[str, ...]  # services that it waits for or has an address of


def recognise(project: Project, kinds: Mapping[str, Kind]) -> dict[str, Recognised]:
    """Every service that runs without a profile."""
    found = {}
    for service in project.services.values():
        if service.profiles:
            continue
        kind, guess = _strongest(service, kinds)
        found[service.name] = Recognised(service, kind, guess, tuple(_needs(service, project)))
    return found


def _strongest(service: Service, kinds: Mapping[str, Kind]) -> tuple[Kind, Guess]:
    guesses = [
        (kind, guess)
        for kind in kinds.values()
        if kind.containers is not None and (guess := kind.containers.recognise(service)) is not None
    ]
    return max(guesses, key=lambda one: one[1].strength)  # `process` recognises anything


def _needs(service: Service, project: Project) -> Iterator[str]:
    mentioned = {name for value in service.environment.values() for name in _hosts(value)}
    for other in project.services.values():
        if other.name != service.name and not other.profiles:
            names = {other.name, other.container_name} - {""}
            if other.name in service.needs or names & mentioned:
                yield other.name


def _hosts(value: str) -> set[str]:
    """The hosts that a variable's value names: it is a name, NAME:PORT, or holds URLs."""
    if (whole := _HOST.fullmatch(value)) is not None:
        return {whole[1]}
    return {endpoint.host for endpoint in _urls(value)}


def _urls(value: str) -> Iterator[Endpoint]:
    for found in _URL.findall(value):
        try:
            yield Endpoint.parse(found)
        except ValueError:
            continue


def mentions(project: Project, of: Service, kind: Kind) -> list[Endpoint]:
    """URLs of the kind's schemes in the environment of other services that lead to this one; by the
    names of variables, since a container does not keep their order."""
    names = {of.name, of.container_name} - {""}
    return [
        endpoint
        for service in project.services.values()
        if service.name != of.name
        for _, value in sorted(service.environment.items())
        for endpoint in _urls(value)
        if endpoint.host in names and endpoint.scheme in kind.schemes
    ]
