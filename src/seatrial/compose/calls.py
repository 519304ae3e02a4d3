"""What services are told of each other in URLs that are no server's of a kind, and in settings of
gateways: a name that nearly is one, a port at which nothing listens there.

A program may be told of what it never calls, and of what is not meant to be there: these are
warnings, and a name is told only where it looks like a slip of the pen.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
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

#: Service -> the ports at which its containers listen for others.
Heard = Mapping[str, Collection[int]]


def heard_of(containers: Collection[Container]) -> dict[str, set[int]]:
    """Of what has been up for long enough to listen wherever it means to."""
    found: dict[str, set[int]] = {}
    for one in containers:
        up = one.health == "healthy" or (not one.health and one.ran_for > _SETTLES)
        if one.status == "running" and up and one.listens and not one.on_host:
            ports = {each.port for each in one.listens if not each.for_itself}
            found.setdefault(one.service, set()).update(ports)
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
    called = {name.lower(): one for one in project.services.values() for name in one.names}
    for told in _in_variables(project, service):
        other = called.get(told.url.host.lower())
        if other is not None and other.name in servers:
            continue
        port = told.url.port or schemes.get(told.url.scheme, 0)
        if other is not None or told.url.scheme not in schemes:
            yield from _held(
                replace(told, url=replace(told.url, port=port)), service, called, heard
            )
    for told in passed_on(project, service):
        yield from _held(told, service, called, heard)
    for told in announced(project, service):
        yield from _at_port(told, service, heard)


def _in_variables(project: Project, service: Service) -> Iterator[Told]:
    for variable, value in sorted(service.environment.items()):
        if not (NOT_IN_USE.search(variable) or _FOR_OTHERS.search(variable)):
            where = project.told_at(variable, service)
            yield from (Told(where, url) for url in urls(value))


def _held(
    told: Told, service: Service, called: Mapping[str, Service], heard: Heard
) -> Iterator[Astray]:
    host = told.url.host.lower()
    if host in service.names:
        return
    if (other := called.get(host)) is not None:
        yield from _at_port(told, other, heard)
    elif _ONE_WORD.fullmatch(host) and not service.knows_others:
        near = get_close_matches(host, called, n=1, cutoff=_NEAR)
        if near and _ROW.sub("", near[0]) != _ROW.sub("", host):
            found = f"there is no service {told.url.host}"
            fix = f"correct {told.where}: did you mean {near[0]}?"
            yield Astray(told.where, Cause.DNS, found, fix, spare=True)


def _at_port(told: Told, other: Service, heard: Heard) -> Iterator[Astray]:
    url, ports = told.url, heard.get(other.name, ())
    if not url.port or not ports or url.port in ports:
        return
    right = " and ".join(map(str, sorted(ports)))
    outside = any(one.published == url.port for one in other.ports)
    found = f"{url.host} listens at {right} in its container, not at {url.port}"
    found += ", which is its port on the host" if outside else ""
    fix = f"correct {told.where}: the port is {right}"
    yield Astray(told.where, Cause.REFUSED, found, fix, spare=True)
