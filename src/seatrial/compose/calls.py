"""What services are told of each other in URLs that are no server's of a kind: a name that nearly
is one, a port at which nothing listens there.

A program may be told of what it never calls, and of what is not meant to be there: these are
warnings, and a name is told only where it looks like a slip of the pen.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches

from seatrial.compose.engine import Container
from seatrial.compose.mentions import NOT_IN_USE, urls
from seatrial.compose.project import Project
from seatrial.kinds.base import Astray, Endpoint
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
    for variable, value in sorted(service.environment.items()):
        if NOT_IN_USE.search(variable) or _FOR_OTHERS.search(variable):
            continue
        where = project.told_at(variable, service)
        for url in urls(value):
            host = url.host.lower()
            if host in service.names:
                continue
            if (other := called.get(host)) is not None:
                port = url.port or schemes.get(url.scheme, 0)
                ports = heard.get(other.name, ()) if other.name not in servers else ()
                if port and ports and port not in ports:
                    yield _elsewhere(where, replace(url, port=port), other, ports)
            elif url.scheme in schemes:
                continue
            elif _ONE_WORD.fullmatch(host) and not service.knows_others:
                near = get_close_matches(host, called, n=1, cutoff=_NEAR)
                if near and _ROW.sub("", near[0]) != _ROW.sub("", host):
                    found = f"there is no service {url.host}"
                    fix = f"correct {where}: did you mean {near[0]}?"
                    yield Astray(where, Cause.DNS, found, fix, spare=True)


def _elsewhere(where: str, url: Endpoint, other: Service, ports: Collection[int]) -> Astray:
    right = " and ".join(map(str, sorted(ports)))
    outside = any(one.published == url.port for one in other.ports)
    found = f"{url.host} listens at {right} in its container, not at {url.port}"
    found += ", which is its port on the host" if outside else ""
    fix = f"correct {where}: the port is {right}"
    return Astray(where, Cause.REFUSED, found, fix, spare=True)
