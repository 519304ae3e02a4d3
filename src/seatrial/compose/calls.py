"""What services are told of each other in URLs that are no server's of a kind, and in settings of
gateways: a name that nearly is one, a port at which nothing listens there.

A program may be told of what it never calls, and of what is not meant to be there: these are
warnings, and a name is told only where it looks like a slip of the pen.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from seatrial.compose.engine import Container
from seatrial.compose.gateways import Told, announced, passed_on
from seatrial.compose.mentions import NOT_IN_USE, urls
from seatrial.compose.project import Project
from seatrial.kinds.base import Astray
from seatrial.kinds.containers import Service
from seatrial.outcome import Cause

#: In names of variables: what is told to browsers and other people, or compared.
_FOR_OTHERS = re.compile(
    r"(?i)cors|origin|allow|trust|public|extern|callback|redirect|issuer|advertis|referer|audience"
)
_ONE_WORD = re.compile(r"(?i)[a-z][a-z0-9_-]{3,}")
_NEAR = 0.85  # of 1, as difflib measures it
_ROW = re.compile(r"[-_]?\d+$|[-_][a-z]$")  # of one of several: shard2, node-b

_SETTLES = 10.0  # s after which what listens at all listens wherever it means to


@dataclass(frozen=True)
class Ears:
    """Where the containers of a service listen for others."""

    ports: set[int] = field(default_factory=set)
    datagrams: set[int] = field(default_factory=set)  # by UDP


Heard = Mapping[str, Ears]


def heard_of(containers: Collection[Container]) -> dict[str, Ears]:
    """Of what has been up for long enough to listen wherever it means to."""
    found: dict[str, Ears] = {}
    for one in containers:
        up = one.health == "healthy" or (not one.health and one.ran_for > _SETTLES)
        if one.status == "running" and up and one.listens and not one.on_host:
            ears = found.setdefault(one.service, Ears())
            ears.ports.update(each.port for each in one.listens if not each.for_itself)
            ears.datagrams.update(one.datagrams)
    return found


def misled(
    project: Project,
    service: Service,
    schemes: Mapping[str, int],
    servers: Collection[str],
    heard: Heard,
) -> Iterator[Astray]:
    """`servers` are the services that are held against URLs otherwise, `schemes` those of theirs,
    with the usual ports; what is no such server may stand before one, as a pooler does."""
    called = _called(project, service)
    for told in _in_variables(project, service):
        others = called.get(told.url.host.lower(), [])
        if any(one.name in servers for one in others):
            continue
        port = told.url.port or schemes.get(told.url.scheme, 0)
        if others or told.url.scheme not in schemes:
            yield from _held(
                replace(told, url=replace(told.url, port=port)), service, called, heard
            )
    for told in passed_on(project, service):
        yield from _held(told, service, called, heard)
    for told in announced(project, service):
        yield from _at_port(told, [service], heard)


def _called(project: Project, service: Service) -> dict[str, list[Service]]:
    """By name, in small letters, those that it may mean: several may have one on other networks,
    as the file says."""
    found: dict[str, list[Service]] = {}
    for one in project.services.values():
        for name in one.names:
            found.setdefault(name.lower(), []).append(one)
    return {
        name: [one for one in some if one.networks & service.networks] or some
        for name, some in found.items()
    }


def _in_variables(project: Project, service: Service) -> Iterator[Told]:
    for variable, value in sorted(service.environment.items()):
        if not (NOT_IN_USE.search(variable) or _FOR_OTHERS.search(variable)):
            where = project.told_at(variable, service)
            yield from (Told(where, url) for url in urls(value))


def _held(
    told: Told, service: Service, called: Mapping[str, list[Service]], heard: Heard
) -> Iterator[Astray]:
    host = told.url.host.lower()
    if host in service.names:
        return
    if others := called.get(host):
        yield from _at_port(told, others, heard)
    elif _ONE_WORD.fullmatch(host) and not service.knows_others:
        near = get_close_matches(host, called, n=1, cutoff=_NEAR)
        if near and _ROW.sub("", near[0]) != _ROW.sub("", host):
            found = f"there is no service {told.url.host}"
            fix = f"correct {told.where}: did you mean {near[0]}?"
            yield Astray(told.where, Cause.DNS, found, fix, spare=True)


def _at_port(told: Told, others: Sequence[Service], heard: Heard) -> Iterator[Astray]:
    url, ears = told.url, [heard[one.name] for one in others if one.name in heard]
    ports = {port for one in ears for port in one.ports}
    datagrams = {port for one in ears for port in one.datagrams}
    if not url.port or len(ears) < len(others) or url.port in ports | datagrams:
        return
    found = f"{url.host} listens at {' and '.join(map(str, sorted(ports)))} in its container, "
    found += f"not at {url.port}"
    outside = any(port.published == url.port for one in others for port in one.ports)
    found += ", which is its port on the host" if outside else ""
    which = "is" if len(ports) == 1 else "is one of these:"
    fix = f"correct {told.where}: the port {which} {', '.join(map(str, sorted(ports)))}"
    yield Astray(told.where, Cause.REFUSED, found, fix, spare=True)
