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

from seatrial.compose.apart import ITSELF, are_apart, no_way
from seatrial.compose.earshot import FOR_DEBUGGERS
from seatrial.compose.engine import Container
from seatrial.compose.gateways import Told, announced, passed_on
from seatrial.compose.mentions import NOT_IN_USE, urls
from seatrial.compose.project import Project
from seatrial.compose.states import LONG
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


@dataclass(frozen=True)
class Ears:
    """At which ports the containers of a service listen."""

    for_others: set[int] = field(default_factory=set)
    for_itself: set[int] = field(default_factory=set)
    datagrams: set[int] = field(default_factory=set)  # by UDP

    @property
    def all(self) -> set[int]:
        return self.for_others | self.for_itself | self.datagrams


Heard = Mapping[str, Ears]


def heard_of(containers: Collection[Container]) -> dict[str, Ears]:
    """Of what has been up for long enough to listen wherever it means to."""
    found: dict[str, Ears] = {}
    for one in containers:
        up = one.health == "healthy" or (not one.health and one.ran_for > LONG)
        if one.status == "running" and up and one.listens is not None and not one.on_host:
            ears = found.setdefault(one.service, Ears())
            for each in one.listens:
                (ears.for_itself if each.for_itself else ears.for_others).add(each.port)
            ears.datagrams.update(one.datagrams)
    return found


def misled(
    project: Project,
    service: Service,
    schemes: Mapping[str, int],
    servers: Collection[str],
    heard: Heard,
    *,
    runs: bool = True,
) -> Iterator[Astray]:
    """`servers` are the services that are held against URLs otherwise, `schemes` those of theirs,
    with the usual ports; what is no such server may stand before one, as a pooler does. Settings do
    not say why a gateway does not run (`runs`): it does, where those that it calls do not."""
    held = _Held(project, service, heard)
    for told in _in_variables(project, service):
        others = project.called.get(told.url.host.lower(), [])
        if any(one.name in servers for one in others):
            continue
        port = told.url.port or schemes.get(told.url.scheme, 0)
        if others or told.url.scheme not in schemes:
            yield from held.against_all(replace(told, url=replace(told.url, port=port)))
    for told in passed_on(project, service) if runs else ():
        itself = ITSELF.fullmatch(told.url.host)
        yield from held.against_itself(told) if itself else held.against_all(told)
    for told in announced(project, service):
        yield from held.against(told, [service])


def _in_variables(project: Project, service: Service) -> Iterator[Told]:
    for variable, value in sorted(service.environment.items()):
        if not (NOT_IN_USE.search(variable) or _FOR_OTHERS.search(variable)):
            where, for_many = project.told_at(variable, service), variable in service.env_files
            yield from (Told(where, url, for_many) for url in urls(value))


@dataclass(frozen=True)
class _Held:
    """What a service is told, held against the others of its project."""

    project: Project
    service: Service
    heard: Heard

    def against_all(self, told: Told) -> Iterator[Astray]:
        host = told.url.host.lower()
        own = {one.lower() for one in self.service.names}
        if host in own | self.service.hosts or self.service.network_mode == "host":
            return
        if others := self.project.called.get(host):
            if reached := [one for one in others if not are_apart(self.service, one)]:
                yield from self.against(told, reached)
            elif not told.for_many:
                found, fix = no_way(self.project, self.service, told.url.host, others[0])
                yield Astray(told.where, Cause.DNS, found, fix, spare=True)
        elif _ONE_WORD.fullmatch(host) and not self.service.knows_others:
            near = _near(host, self.project.called)
            if near and _ROW.sub("", near) != _ROW.sub("", host):
                found = f"there is no service {told.url.host}"
                fix = f"correct {told.where}: did you mean {near}?{told.then}"
                yield Astray(told.where, Cause.DNS, found, fix, spare=True)

    def against_itself(self, told: Told) -> Iterator[Astray]:
        """In which nothing listens at the port, and in a single other one something does."""
        own, port = self.heard.get(self.service.name, Ears()), told.url.port
        there = [name for name, ears in self.heard.items() if port in ears.for_others]
        if own.all and port not in own.all and len(there) == 1:
            itself = f"is there the container of {self.service.name} itself"
            found = f"{told.url.host} {itself}, not {there[0]}"
            fix = f"correct {told.where}: the host is {there[0]}{told.then}"
            yield Astray(told.where, Cause.REFUSED, found, fix, spare=True)

    def against(self, told: Told, others: Sequence[Service]) -> Iterator[Astray]:
        """Those of a name, each of which may be meant."""
        url, ears = told.url, [self.heard[one.name] for one in others if one.name in self.heard]
        if not url.port or len(ears) < len(others):
            return
        name = others[0].name
        ports = {port for one in ears for port in one.for_others - FOR_DEBUGGERS}
        if not any(one.all for one in ears):
            found = f"nothing listens in the container of {name}"
            fix = f"see why in the log of {name}; or correct {told.where}"
            yield Astray(told.where, Cause.REFUSED, found, fix, spare=True)
        elif any(url.port in one.for_others | one.datagrams for one in ears):
            return
        elif any(url.port in one.for_itself for one in ears):
            found = f"{url.host} listens at {url.port} for itself only, in its container"
            fix = f"let {name} listen at 0.0.0.0 there (by its option for the host)"
            yield Astray(told.where, Cause.REFUSED, found, fix, spare=True)
        elif ports:
            right = sorted(map(str, ports), key=int)
            found = f"{url.host} listens at {' and '.join(right)} in its container, "
            found += f"not at {url.port}"
            outside = any(port.published == url.port for one in others for port in one.ports)
            found += ", which is its port on the host" if outside else ""
            which = "is" if len(ports) == 1 else "is one of these:"
            fix = f"correct {told.where}: the port {which} {', '.join(right)}{told.then}"
            yield Astray(told.where, Cause.REFUSED, found, fix, spare=True)


def _near(host: str, names: Collection[str]) -> str:
    """The one of these that is nearly the same; with two letters in each other's place, too."""
    swapped = (host[:at] + host[at + 1] + host[at] + host[at + 2 :] for at in range(len(host) - 1))
    near = get_close_matches(host, names, n=1, cutoff=_NEAR)
    return next(iter((*near, *(one for one in swapped if one in names))), "")
