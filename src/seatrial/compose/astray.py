"""What services are told that leads nowhere: a host that no service is, a port that is not its.

Only what Compose itself would resolve is judged: a single word for a host, of a service whose names
all come from the project.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from seatrial.compose.mentions import names_host, urls
from seatrial.compose.project import Project
from seatrial.declaration.models import ComponentConfig
from seatrial.declaration.problems import nearest
from seatrial.kinds.base import Astray, Kind
from seatrial.kinds.containers import Service
from seatrial.outcome import Cause

#: Before _HOST: of what it is. Others may be there or not, as a mail server for developers.
_OF_SERVERS = re.compile(r"(?i)(db|database|pg|postgres|postgresql|redis|rabbit|rabbitmq|amqp)_?$")
_MAY_BE_PORT = re.compile(r"(?<![\w.-])[1-9]\d{1,4}(?![\w.-])")
_OUTSIDE = re.compile(r"(?i)localhost|.*[.:%$].*|\d+")

#: Service -> where it listens, as far as that is known.
Listening = Mapping[str, frozenset[int]]


def astray(
    project: Project, service: Service, schemes: Mapping[str, int], listening: Listening
) -> Iterator[Astray]:
    """`schemes` are those of the servers that Seatrial knows, with the usual ports."""
    known = {name: one.name for one in project.services.values() for name in one.names}
    for variable, host, port in _told(service, schemes):
        where = f"{variable} of the service {service.name} of {project.file.name}"
        if host not in known:
            if not (service.knows_others or _OUTSIDE.fullmatch(host)):
                hint = nearest(host, known, whole_list=False)
                fix = f"correct {where}" + (f": {hint}" if hint else "")
                yield Astray(where, Cause.DNS, f"there is no service {host}", fix)
            continue
        there = listening.get(known[host], frozenset())
        if port and there and port not in there:
            ports = " and ".join(map(str, sorted(there)))
            found = f"{host} listens at {ports} in its container, not at {port}"
            yield Astray(where, Cause.REFUSED, found, f"correct {where}")


def _told(service: Service, schemes: Mapping[str, int]) -> Iterator[tuple[str, str, int]]:
    """Variable, host and port, 0 where it names none."""
    for variable, value in sorted(service.environment.items()):
        for endpoint in urls(value):
            if endpoint.scheme in schemes and endpoint.host:
                yield variable, endpoint.host, endpoint.port or schemes[endpoint.scheme]
        before = names_host(variable)
        if _OF_SERVERS.search(before) and re.fullmatch(r"[\w.-]+", value):
            port = service.environment.get(f"{before}{'port' if before.islower() else 'PORT'}", "")
            yield variable, value, int(port) if port.isdigit() else 0


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
