"""The components of a system where a compose project runs them: endpoints and states.

From the host, a port that the project publishes is reached at the host's side of it, any other at
the container's own address, where the engine runs on this machine.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache

from seatrial.compose.addresses import each_at_one, made_with, meant, told_addresses
from seatrial.compose.astray import Ports, astray, listening_of, schemes_of
from seatrial.compose.calls import heard_of, misled
from seatrial.compose.described import LONGEST_COMMAND
from seatrial.compose.engine import Container, far_host
from seatrial.compose.mentions import mentions
from seatrial.compose.project import Project
from seatrial.compose.states import ended_early, is_ailing, state_of
from seatrial.compose.words import is_free, words
from seatrial.declaration.models import Component, System
from seatrial.declaration.problems import nearest
from seatrial.errors import UsageError
from seatrial.kinds.base import Endpoint, Kind, Target, load
from seatrial.kinds.containers import Port, Service
from seatrial.kinds.registry import KINDS
from seatrial.outcome import Cause, State
from seatrial.secrecy.told import in_setting

_ALIVE = ("running", "paused", "restarting")
_PORT_TAKEN = re.compile(r"(?i)address already in use|port is already allocated")


def targets(system: System, project: Project, containers: Sequence[Container]) -> dict[str, Target]:
    """Every component. Raises UsageError for one whose service is not in the compose file."""
    refuse_unknown(system, project)
    components = system.components.values()
    names = {service_of(one): one.name for one in components}
    runs, schemes = running(project, containers), schemes_of(KINDS)
    found = {one.name: target_of(one, project, runs, containers, names) for one in components}
    found |= _places_of_one(system, found)
    services = {one.name: runs.services[service_of(one)] for one in components}
    heard = {one.service: one.listens for one in containers if one.status == "running"}
    listening: dict[str, Ports] = {}
    unheard = {service_of(one) for one in components if found[one.name].provider.listening.unheard}
    everywhere = heard_of([one for one in containers if one.service not in unheard])  # told itself
    for one in components:
        service = services[one.name]
        of_it = heard.get(service.name)
        if (ports := listening_of(load(one.kind), service, one.config, of_it)) is not None:
            listening[service.name] = ports
    for one in components:
        by_file = _told_by_file(services[one.name], project.services[service_of(one)])
        told = astray(runs, by_file, schemes, listening, heard.get(by_file.name))
        up = by_file.name in heard
        more = misled(runs, by_file, schemes, listening, everywhere, runs=up)
        found[one.name] = dataclasses.replace(found[one.name], astray=(*told, *more))
    return found


def _told_by_file(runs: Service, written: Service) -> Service:
    """Without what its image has set: those who made that know nobody here."""
    told = {name: v for name, v in runs.environment.items() if name in written.environment}
    return dataclasses.replace(runs, environment=told)


def _places_of_one(system: System, found: Mapping[str, Target]) -> dict[str, Target]:
    """The targets of components that share a server."""
    sharing: dict[tuple[str, str], list[Target]] = {}
    for one in system.components.values():
        sharing.setdefault((service_of(one), one.kind), []).append(found[one.name])
    return {
        target.name: target
        for (_, kind), some in sharing.items()
        if len(some) > 1 and all(one.endpoints for one in some)
        for target in each_at_one(some, load(kind))
    }


def service_of(component: Component) -> str:
    return component.config.service or component.name


def refuse_unknown(system: System, project: Project) -> None:
    for component in system.components.values():
        if service_of(component) not in project.services:
            raise UsageError(
                f"components.{component.name}: {project.file.name} has no service "
                f"{service_of(component)}",
                hint=nearest(service_of(component), project.services)
                or f"say which: components.{component.name}.service",
            )


def target_of(
    component: Component,
    project: Project,
    runs: Project,
    everything: Sequence[Container],
    names: Mapping[str, str],
) -> Target:
    """`runs`: the project as its containers run (see `running`); `names`: service -> component, of
    all whose addresses of it count."""
    kind, service = load(component.kind), project.services[service_of(component)]
    mine = [one for one in everything if one.service == service.name]
    states = _states(mine, kind, service, project)
    told = mentions(runs, service, kind)
    here = [one.endpoint for one in meant(told, kind, component.config)]
    inside = _inside(component, kind, service, here, mine)
    endpoints = _endpoints(kind, inside)
    own = _endpoints(kind, _inside(component, kind, service, (), mine))
    ports = {one.port for _, known in inside for one in known.values()}

    @cache
    def reached_by(said: Endpoint) -> Endpoint | None:
        known = _endpoints(kind, _inside(component, kind, service, (said,), mine))
        return next(iter(known.values()), (None,))[0]

    config, facet = component.config, kind.containers
    if facet is not None:
        config = facet.as_asked(_as_it_runs(service, mine[0] if mine else None), config)
    return Target(
        name=component.name,
        kind=component.kind,
        config=config,
        endpoints=endpoints,
        states=states or (State.STOPPED,),
        provider=words(project, service, kind, mine, states, ports),
        causes=tuple(_cause(one) for one in mine),
        addresses=(
            *told_addresses(endpoints, told, kind, project, names, reached_by),
            *made_with(own, endpoints, kind),
        ),
        secrets=tuple(dict.fromkeys(_secrets(mine))),
    )


def _secrets(mine: Sequence[Container]) -> Iterator[str]:
    """The file may say others by now, and a shell that is gone have said them."""
    for one in mine:
        for name, value in one.environment.items():
            yield from _secrets_in(name, value)


@lru_cache(maxsize=8192)  # the same at each look
def _secrets_in(name: str, value: str) -> tuple[str, ...]:
    return tuple(in_setting(name, value))


def _states(
    mine: Sequence[Container], kind: Kind, service: Service, project: Project
) -> tuple[State, ...]:
    """What ended early may have been meant to, where nobody waits for it."""
    free = is_free(service, project)
    return tuple(
        State.DONE if free and ended_early(one, kind, service) else state_of(one, kind)
        for one in mine
    )


def _cause(one: Container) -> Cause | None:
    if one.status != "running" and _PORT_TAKEN.search(one.error):
        return Cause.PORT_IN_USE
    return Cause.UNHEALTHY if is_ailing(one) else None


# -- endpoints ----------------------------------------------------------------------------------


def _inside(
    component: Component,
    kind: Kind,
    service: Service,
    told: Sequence[Endpoint],
    mine: list[Container],
) -> list[tuple[Container | None, Mapping[str, Endpoint]]]:
    """Of each container, None where there is none, its endpoints as others in its network reach
    them."""
    if kind.containers is None or not kind.endpoints:
        return []
    return [
        (one, kind.containers.endpoints(_as_it_runs(service, one), component.config, told))
        for one in mine or (None,)
    ]


def _endpoints(
    kind: Kind, inside: Sequence[tuple[Container | None, Mapping[str, Endpoint]]]
) -> dict[str, tuple[Endpoint, ...]]:
    found: dict[str, list[Endpoint]] = {}
    for container, known in inside:
        for name, endpoint in known.items():
            outside = _from_host(endpoint, container)
            if outside is not None:
                found.setdefault(name, []).append(outside)
    return {name: tuple(found[name]) for name in kind.endpoints if name in found}


def _as_it_runs(service: Service, container: Container | None) -> Service:
    """What the container was made with wins over what the file says now: it is what runs."""
    if container is None:
        return service
    known = {port.target for port in service.ports}
    known |= container.published.keys()  # what Seatrial publishes is exposed for that alone
    more = tuple(Port(number) for number in container.exposed if number not in known)
    return dataclasses.replace(
        service,
        command=container.command[:LONGEST_COMMAND],
        environment=container.environment,
        ports=service.ports + more,
        joined=frozenset(container.networks),
        heard=frozenset(one.port for one in container.listens or () if not one.for_itself),
    )


def running(project: Project, everything: Sequence[Container]) -> Project:
    """With what its containers that run were made with, for what they say of each other."""
    first = {one.service: one for one in reversed(everything) if one.status in _ALIVE}
    services = {
        name: _as_it_runs(service, first.get(name)) for name, service in project.services.items()
    }
    return dataclasses.replace(project, services=services)


def _from_host(endpoint: Endpoint, container: Container | None) -> Endpoint | None:
    """The endpoint as this host reaches it; None where it cannot."""
    if container is None:
        return endpoint  # it is down in any case: its name and port tell which one is meant
    far = far_host()
    if container.on_host:
        return dataclasses.replace(endpoint, host=far or "127.0.0.1")
    if (published := container.published.get(endpoint.port)) is not None:
        host, port = published
        if host in ("", "0.0.0.0"):  # noqa: S104
            host = far or "127.0.0.1"
        return dataclasses.replace(endpoint, host=host, port=port)
    if container.status in ("running", "paused"):
        if not container.address and container.cut_off:
            return endpoint
        if far is not None or not container.address:
            return None
        return dataclasses.replace(endpoint, host=container.address, called="localhost")
    return endpoint
