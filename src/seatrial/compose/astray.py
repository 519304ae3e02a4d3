"""What services are told that leads nowhere: a host that no service is, a port that is not its.

Only what Compose itself would resolve is judged: a single word for a host, of a service whose names
all come from the project; and localhost, where a service is told of a server in no other way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from seatrial.compose.mentions import hosts, names_host, urls
from seatrial.compose.project import Project
from seatrial.declaration.models import ComponentConfig
from seatrial.declaration.problems import nearest
from seatrial.kinds.base import Astray, Kind
from seatrial.kinds.containers import Service
from seatrial.outcome import Cause

#: Before _HOST: of what it is, with a scheme of its URLs. Others may be there or not, as a mail
#: server for developers.
_OF_SERVERS = re.compile(
    r"(?i)((?P<postgresql>db|database|pg|postgres|postgresql)|(?P<redis>redis)"
    r"|(?P<amqp>rabbit|rabbitmq|amqp))_?$"
)
_MAY_BE_PORT = re.compile(r"(?<![\w.-])[1-9]\d{1,4}(?![\w.-])")
_OUTSIDE = re.compile(r"(?i).*[.:%$].*|\d+")
_WORD = re.compile(r"[\w.-]+")
_ITSELF = re.compile(r"(?i)localhost|127(\.\d+){3}|::1|0\.0\.0\.0")

#: Service -> where it listens, as far as that is known.
Listening = Mapping[str, frozenset[int]]


class _Told(NamedTuple):
    variable: str
    host: str
    port: int  # 0 where it names none
    usual: int  # of such a server


def astray(
    project: Project, service: Service, schemes: Mapping[str, int], listening: Listening
) -> Iterator[Astray]:
    """`schemes` are those of the servers that Seatrial knows, with the usual ports."""
    called = _by_name(project)
    for told in _told(service, schemes):
        host, port = told.host, told.port
        where = f"{told.variable} of the service {service.name} of {project.file.name}"
        if _ITSELF.fullmatch(host):
            if server := _meant(project, service, port or told.usual, listening):
                found = f"{host} is there the container of {service.name} itself, not {server}"
                yield Astray(where, Cause.REFUSED, found, f"correct {where}: the host is {server}")
        elif host not in called:
            if not (service.knows_others or _OUTSIDE.fullmatch(host)):
                hint = nearest(host, called, whole_list=False)
                fix = f"correct {where}" + (f": {hint}" if hint else "")
                yield Astray(where, Cause.DNS, f"there is no service {host}", fix)
        elif not (reached := [one for one in called[host] if not _apart(service, one)]):
            both = f"{service.name} and {called[host][0].name}"
            found = f"{both} share no network: {host} has no address there"
            fix = f"let both be on one network (networks of {project.file.name})"
            yield Astray(where, Cause.DNS, found, fix)
        elif port and (there := _ports_of(reached, listening)) and port not in there:
            ports = " and ".join(map(str, sorted(there)))
            found = f"{host} listens at {ports} in its container, not at {port}"
            yield Astray(where, Cause.REFUSED, found, f"correct {where}")


def _ports_of(some: Sequence[Service], listening: Listening) -> frozenset[int]:
    """None where it is not known of one of them."""
    each = [listening.get(one.name, frozenset()) for one in some]
    return frozenset().union(*each) if all(each) else frozenset()


def _by_name(project: Project) -> dict[str, list[Service]]:
    """Several may share an alias, each on a network of its own."""
    called: dict[str, list[Service]] = {}
    for service in project.services.values():
        for name in service.names:
            called.setdefault(name, []).append(service)
    return called


def _apart(one: Service, other: Service) -> bool:
    """Each is on networks of the project's own, and on none together."""
    if one.name == other.name or one.knows_others or other.knows_others:
        return False
    if one.joined and other.joined:
        return one.joined.isdisjoint(other.joined)
    known = not (one.joined or other.joined)  # of both from the same
    return known and one.networks.isdisjoint(other.networks)


def _meant(project: Project, service: Service, port: int, listening: Listening) -> str:
    """The server that a service looks for in its own container: the only one at this port, inside
    or outside, of which it is told nothing else. "" where it may be in there after all."""
    shared = any(":" in one.network_mode for one in project.services.values())
    here = listening.get(service.name) or any(port == one.target for one in service.ports)
    if shared or here or service.network_mode == "host":
        return ""
    servers = [
        project.services[name]
        for name, ports in listening.items()
        if port in ports or any(port == one.published for one in project.services[name].ports)
    ]
    if len(servers) != 1:
        return ""
    told = set(_WORD.findall(service.command))
    told.update(*(hosts(variable, value) for variable, value in service.environment.items()))
    return "" if told & servers[0].names else servers[0].name


def _told(service: Service, schemes: Mapping[str, int]) -> Iterator[_Told]:
    for variable, value in sorted(service.environment.items()):
        for endpoint in urls(value):
            if endpoint.scheme in schemes and endpoint.host:
                usual = schemes[endpoint.scheme]
                yield _Told(variable, endpoint.host, endpoint.port or usual, usual)
        before = names_host(variable)
        if (server := _OF_SERVERS.search(before)) and re.fullmatch(r"[\w.-]+", value):
            port = service.environment.get(f"{before}{'port' if before.islower() else 'PORT'}", "")
            usual = schemes[next(name for name, word in server.groupdict().items() if word)]
            yield _Told(variable, value, int(port) if port.isdecimal() else 0, usual)


def schemes_of(kinds: Mapping[str, Kind]) -> dict[str, int]:
    """Of servers; their web pages are not meant."""
    servers = [kind for kind in kinds.values() if kind.packages]
    found = {scheme: port for kind in servers for scheme, port in kind.schemes.items()}
    return {scheme: port for scheme, port in found.items() if not scheme.startswith("http")}


def listening_of(kind: Kind, service: Service, config: ComponentConfig) -> frozenset[int]:
    """The ports of a server, and all that may be one; none for anything else."""
    if not kind.packages or kind.containers is None:
        return frozenset()
    found = {one.port for one in kind.containers.endpoints(service, config, ()).values()}
    if not found.isdisjoint(kind.schemes.values()):
        found.update(kind.schemes.values())  # encrypted, too
    found.update(port.target for port in service.ports)
    said = " ".join((service.command, *service.environment.values()))
    return frozenset((*found, *map(int, _MAY_BE_PORT.findall(said))))
