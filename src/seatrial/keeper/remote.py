"""Targets from the endpoints that a remote environment declares."""

from __future__ import annotations

from collections.abc import Mapping

from seatrial.declaration.interpreter import interpreter
from seatrial.declaration.models import RemoteEndpoint, System
from seatrial.keeper.places import cache
from seatrial.kinds.base import Commands, Context, Endpoint, Kind, Target, Words, load

Declared = str | tuple[str, ...] | Mapping[str, str | RemoteEndpoint]


def remote_context(system: System) -> Context:
    """Every component with its declared endpoints; one without stays a target without."""
    targets = {}
    for component in system.components.values():
        declared = system.config.endpoints.get(component.name)
        endpoints = {} if declared is None else _endpoints(load(component.kind), declared)
        targets[component.name] = Target(
            component.name,
            component.kind,
            component.config,
            endpoints,
            provider=Words(
                commands=Commands(
                    start=f"restart {component.name} where it runs",
                    logs=f"that of {component.name}, where it runs",
                ),
                setting=_setting(system, component.name),
            ),
        )
    return Context(system.folder, targets, cache(), interpreter(system))


def _setting(system: System, name: str) -> str:
    """Where the declaration says its endpoint, with the variables that give it."""
    named = system.variables.get(system.environment, {}).get(name, {}).values()
    variables = ", ".join(f"${one}" for fields in named for one in fields.values())
    return f"the endpoint of {name} in {system.file.name}" + (
        f" ({variables})" if variables else ""
    )


def _endpoints(kind: Kind, declared: Declared) -> dict[str, tuple[Endpoint, ...]]:
    if isinstance(declared, str):
        return {kind.endpoints[0]: (_endpoint(kind, declared),)}
    if isinstance(declared, tuple):
        return {kind.endpoints[0]: tuple(_endpoint(kind, url) for url in declared)}
    return {name: (_endpoint(kind, one),) for name, one in declared.items()}


def _endpoint(kind: Kind, one: str | RemoteEndpoint) -> Endpoint:
    declared = RemoteEndpoint(url=one) if isinstance(one, str) else one
    return kind.read(declared.url, user=declared.user, password=declared.password)
