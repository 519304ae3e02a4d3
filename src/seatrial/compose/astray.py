"""What services are told that leads nowhere: a host that no service is, or none in reach, a port
that is not its.

Only what Compose itself would resolve is judged: a single word for a host, of a service whose names
all come from the project; and localhost, where a service is told of a server in no other way.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from seatrial.compose.apart import ITSELF, are_apart, no_way
from seatrial.compose.connection_strings import endpoint_of
from seatrial.compose.mentions import NOT_IN_USE, OF_SERVERS, hosts, names_host, urls
from seatrial.compose.project import Project
from seatrial.declaration.models import ComponentConfig
from seatrial.declaration.problems import nearest
from seatrial.kinds.base import Astray, Kind
from seatrial.kinds.containers import Service, content_of
from seatrial.listeners import Listener
from seatrial.outcome import Cause

_OF_OTHERS = re.compile(
    r"(?i)mysql|maria|mongo|influx|mssql|oracle|clickhouse|cassandra|couch|neo4j"
)
_MAY_BE_PORT = re.compile(r"(?<![\w.-])[1-9]\d{1,4}(?![\w.-])")
_OUTSIDE = re.compile(r"(?i).*[.:%$].*|\d+")
_HOST = re.compile(r"(?P<host>[\w.-]+)(?::(?P<port>\d{1,5}))?")
_WORD = re.compile(r"[\w.-]+")
_MAY_BE_TLS = re.compile(r"(?i)tls|ssl|secure|scheme|cert")
#: In names of variables: of what may be used only now and then, or not any more.
_SPARE = re.compile(r"(?i)(^|_)(replicas?|read(er|_?only)?|ro|slave|secondary|standby|backup)(_|$)")
_LONGEST_FILE = 65_536  # characters
#: Of what else there is, a program may be told as well: what it does use, others choose.
_CHOOSES = {
    "postgresql": re.compile(r"(?i)connection|engine|driver|dialect|type|client"),  # behind DB_
    "redis": re.compile(r"(?i)(cache|queue|session|broadcast)_(driver|connection|store)"),
    "amqp": re.compile(r"(?i)queue_(driver|connection)"),
}
_CHOSEN = {"postgresql": "(?i)pg|postgres", "redis": "(?i)redis", "amqp": "(?i)amqp|rabbit"}


class Ports(NamedTuple):
    """Where a server listens."""

    told: frozenset[int]  # as it is told to people
    maybe: frozenset[int]  # these, and what else may be one, but for its web pages
    web: frozenset[int]  # its web pages
    tls: frozenset[int]  # of the first, where nothing but TLS is spoken


#: Service -> where it listens, of those that are servers.
Listening = Mapping[str, Ports]


class _Told(NamedTuple):
    variable: str
    host: str
    port: int  # 0 where it names none
    usual: int  # of such a server
    url: bool  # else in variables, which may be those of its web page
    plain: bool  # without TLS, for certain
    used: bool = True  # as far as other variables say
    port_told: str = ""  # the variable of its port, where that is another one


def astray(
    project: Project,
    service: Service,
    schemes: Mapping[str, int],
    listening: Listening,
    inside: Collection[Listener] | None = None,
) -> Iterator[Astray]:
    """`schemes` are those of the servers that Seatrial knows, with the usual ports; `inside`: what
    listens in the service's own container, None where nobody knows."""
    called = project.called
    here = {one.port for one in inside or ()} | {port.target for port in service.ports}
    for told in _told(service, schemes):
        if service.name in listening and told.variable in service.env_files:
            continue  # for its clients, with whom it shares the file
        host, port = told.host, told.port
        spare = _SPARE.search(told.variable) is not None
        where = project.told_at(told.variable, service)
        if ITSELF.fullmatch(host):
            looked_for = port or told.usual
            for_others = _is_corrected(project, service, told.variable)
            here_too = looked_for in here or not told.used or for_others
            server = "" if here_too else _meant(project, service, looked_for, listening)
            if server:
                found = f"{host} is there the container of {service.name} itself, not {server}"
                right = f"the host is {server}, the port {_listed(listening[server].told)}"
                yield Astray(where, Cause.REFUSED, found, f"correct {where}: {right}", spare)
        elif host.lower() in service.hosts:
            continue
        elif host.lower() not in called:
            if not (service.knows_others or _OUTSIDE.fullmatch(host) or _of_one(project, host)):
                hint = _who_is_meant(told, listening, called)
                fix = f"correct {where}" + (f": {hint}" if hint else "")
                yield Astray(where, Cause.DNS, f"there is no service {host}", fix, spare)
        elif not (reached := [one for one in called[host.lower()] if not are_apart(service, one)]):
            found, fix = no_way(project, service, host, called[host.lower()][0])
            yield Astray(where, Cause.DNS, found, fix, spare)
        elif told.plain and all(_wants_tls(one, port or told.usual, listening) for one in reached):
            found = f"{host} takes nothing but TLS at {port or told.usual}, and is asked without"
            yield Astray(where, Cause.TLS, found, f"correct {where}: ask for TLS there", spare)
        elif port and (right := _elsewhere(told, [listening.get(one.name) for one in reached])):
            found = f"{host} listens at {right} in its container, not at {port}"
            if told.url and any(port in listening[one.name].web for one in reached):
                found = f"at {port} of {host} is its web page; it listens at {right}"
            where = project.told_at(told.port_told or told.variable, service)
            fix = f"correct {where}: the port is {right}"
            yield Astray(where, Cause.REFUSED, found, fix, spare)


def _is_corrected(project: Project, service: Service, variable: str) -> bool:
    """It stands in a file that is handed to all, and others say otherwise for themselves: what the
    file says is for programs on the host."""
    return variable in service.env_files and any(
        variable in one.environment and variable not in one.env_files
        for one in project.services.values()
    )


def _who_is_meant(told: _Told, listening: Listening, called: Collection[str]) -> str | None:
    """A server that listens at such a port: the only one, whatever it is called."""
    servers = [name for name, ports in listening.items() if told.usual in ports.maybe]
    if len(servers) == 1:
        return f"did you mean {servers[0]}?"
    near = nearest(told.host, servers, whole_list=False)
    return near or nearest(told.host, called, whole_list=False)


def _wants_tls(server: Service, port: int, listening: Listening) -> bool:
    known = listening.get(server.name)
    return known is not None and port in known.tls


def _elsewhere(told: _Told, some: Sequence[Ports | None]) -> str:
    """Where these servers listen, if it is not where they are looked for; "" where it may be, or
    nobody knows that of one of them."""
    known = [one for one in some if one is not None and one.told]
    if len(known) < len(some):
        return ""
    may_be = (one.maybe if told.url else one.maybe | one.web for one in known)
    if any(told.port in ports for ports in may_be):
        return ""
    return _listed(frozenset().union(*(one.told for one in known)))


def _listed(ports: Iterable[int]) -> str:
    return " and ".join(map(str, sorted(ports)))


def _of_one(project: Project, host: str) -> bool:
    """Whether it is the name that Compose gives to a container of a service: PROJECT-SERVICE-1,
    or with underscores."""
    made = re.fullmatch(r"(?i)(.+?)[_-]\d+", host)
    names = {f"{project.name}{joint}{one}" for one in project.services for joint in "-_"}
    return made is not None and made[1] in names


def _meant(project: Project, service: Service, port: int, listening: Listening) -> str:
    """The server that a service looks for in its own container: the only one at this port, inside
    or outside, of which it is told nothing else. "" where it may be in there after all."""
    shared = any(":" in one.network_mode for one in project.services.values())
    if shared or service.name in listening or service.network_mode == "host":
        return ""
    servers = [
        project.services[name]
        for name, ports in listening.items()
        if port in ports.maybe or any(port == one.published for one in project.services[name].ports)
    ]
    if len(servers) != 1:
        return ""
    told = set(_WORD.findall(service.command))
    told.update(*(hosts(variable, value) for variable, value in service.environment.items()))
    told.update(*map(_WORD.findall, _settings(service)))
    return "" if told & servers[0].names else servers[0].name


def _settings(service: Service) -> Iterator[str]:
    """Of files that are mounted into it, each by itself, as settings are."""
    for mount in service.mounts:
        if mount.bind and (content := content_of(Path(mount.source), _LONGEST_FILE)) is not None:
            yield content


def _told(service: Service, schemes: Mapping[str, int]) -> Iterator[_Told]:
    for variable, value in sorted(service.environment.items()):
        if NOT_IN_USE.search(variable):
            continue
        for endpoint in urls(value):
            if endpoint.scheme in schemes and endpoint.host:
                usual, secure = schemes[endpoint.scheme], _is_secure(endpoint.scheme, schemes)
                plain = not (secure or _may_ask_for_tls(service, value))
                port = endpoint.port or usual
                yield _Told(variable, endpoint.host, port, usual, url=True, plain=plain)
        if (string := endpoint_of(value)) is not None:
            usual = schemes[string.scheme]
            port = string.port or usual
            yield _Told(variable, string.host, port, usual, url=True, plain=False)
        before = names_host(variable)
        whole = _HOST.fullmatch(value)
        server = None if _OF_OTHERS.search(before) else OF_SERVERS.search(before)
        if server is not None and whole is not None:
            scheme = next(name for name, word in server.groupdict().items() if word)
            port_told = f"{before}{'port' if before.islower() else 'PORT'}"
            number = whole["port"] or service.environment.get(port_told, "")
            yield _Told(
                variable,
                whole["host"],
                int(number) if number.isdecimal() else 0,
                schemes[scheme],
                url=False,
                plain=not _may_ask_for_tls(service, value),
                used=_is_chosen(service, before, scheme),
                port_told="" if whole["port"] else port_told,
            )


def _may_ask_for_tls(service: Service, value: str) -> bool:
    words = (value.partition("?")[2], service.command, *service.environment)
    return any(map(_MAY_BE_TLS.search, words)) or "rediss" in service.environment.values()


def _is_secure(scheme: str, schemes: Collection[str]) -> bool:
    """Whether it is that of another one with TLS: amqps, rediss."""
    return scheme.endswith("s") and scheme[:-1] in schemes


def _is_chosen(service: Service, before: str, scheme: str) -> bool:
    """Unless variables that choose what a program works with name others alone."""
    prefix = before if scheme == "postgresql" else ""
    choices = [
        value
        for variable, value in service.environment.items()
        if variable.startswith(prefix) and _CHOOSES[scheme].fullmatch(variable.removeprefix(prefix))
    ]
    return not choices or any(re.search(_CHOSEN[scheme], value) for value in choices)


def schemes_of(kinds: Mapping[str, Kind]) -> dict[str, int]:
    """Of servers; their web pages are not meant."""
    servers = [kind for kind in kinds.values() if kind.packages]
    found = {scheme: port for kind in servers for scheme, port in kind.schemes.items()}
    return {scheme: port for scheme, port in found.items() if not scheme.startswith("http")}


def listening_of(
    kind: Kind, service: Service, config: ComponentConfig, listeners: Collection[Listener] | None
) -> Ports | None:
    """None of what is no server. `listeners`: what listens in its container, None where nobody
    knows; they are not believed before it listens where it should."""
    if not kind.packages or kind.containers is None:
        return None
    endpoints = kind.containers.endpoints(service, config, ()).values()
    web = {one.port for one in endpoints if one.scheme.startswith("http")}
    usual = {port for scheme, port in kind.schemes.items() if not scheme.startswith("http")}
    web.update(set(kind.schemes.values()) - usual)
    told = frozenset(one.port for one in endpoints if one.port not in web)
    tls = frozenset(one.port for one in endpoints if _is_secure(one.scheme, kind.schemes))
    outside = {one.port for one in listeners or () if not one.for_itself}
    if told & outside:
        return Ports(told, frozenset(outside - web), frozenset(web), tls)
    maybe = {*told, *outside, *(port.target for port in service.ports)}
    if not told.isdisjoint(usual):
        maybe.update(usual)  # encrypted, too
    said = " ".join((service.command, *service.environment.values()))
    maybe.update(map(int, _MAY_BE_PORT.findall(said)))
    return Ports(told, frozenset(maybe - web), frozenset(web), tls)
