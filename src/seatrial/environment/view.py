"""Looking at a system without owning it: what `check` and `endpoints` need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from seatrial.declaration.models import System
from seatrial.environment.deployment import require_running
from seatrial.keeper.remote import remote_context
from seatrial.kinds.base import Context, Target


@dataclass(frozen=True)
class View:
    system: System
    context: Context

    @property
    def targets(self) -> Mapping[str, Target]:
        return self.context.targets

    @property
    def secrets(self) -> tuple[str, ...]:
        everything = (e for t in self.targets.values() for es in t.endpoints.values() for e in es)
        return tuple(dict.fromkeys(e.password for e in everything if e.password))


@contextmanager
def view(system: System, name: str = "") -> Iterator[View]:
    """The targets of a system: a remote one as declared, one that Seatrial starts as it runs.

    Raises DeploymentError when it would have to be started first.
    """
    if system.config.provider == "remote":
        yield View(system, remote_context(system))
        return
    with require_running(system, name) as deployment:
        yield View(system, deployment.context())
