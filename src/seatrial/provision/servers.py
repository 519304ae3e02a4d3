"""Which server programs the kinds need on this machine, and which of them are here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from seatrial.declaration.models import ComponentConfig, System
from seatrial.errors import DeploymentError, ServerMissing
from seatrial.kinds.base import Installed, Kind


@dataclass(frozen=True)
class Server:
    """One kind's server as one component wants it: found, or missing and why."""

    kind: str
    component: str | None  # the one that asks for it; None when all kinds are looked at
    packages: tuple[str, ...]
    found: Installed | None
    problem: DeploymentError | None  # why it cannot be started; ServerMissing: not installed

    @property
    def label(self) -> str:
        named = self.component not in (None, self.kind)
        return f"{self.component} ({self.kind})" if named else self.kind

    @property
    def missing(self) -> bool:
        return isinstance(self.problem, ServerMissing)


def of_system(system: System, kinds: Mapping[str, Kind]) -> list[Server]:
    """The servers of a system's components, in order of appearance."""
    return [
        _look(kinds[component.kind], component.name, component.config)
        for component in system.components.values()
        if kinds[component.kind].packages
    ]


def of_all(kinds: Iterable[Kind]) -> list[Server]:
    """The servers of all kinds that have one, in any version."""
    return [_look(kind, None, None) for kind in kinds if kind.packages]


def missing_packages(servers: Sequence[Server]) -> tuple[str, ...]:
    """What to install, each once."""
    return tuple(
        dict.fromkeys(package for one in servers if one.missing for package in one.packages)
    )


def _look(kind: Kind, component: str | None, config: ComponentConfig | None) -> Server:
    assert kind.server is not None, f"kind {kind.name} names packages but not its server"
    try:
        return Server(kind.name, component, kind.packages, kind.server(config), None)
    except ServerMissing as error:
        return Server(kind.name, component, error.packages, None, error)
    except DeploymentError as error:
        return Server(kind.name, component, kind.packages, None, error)
