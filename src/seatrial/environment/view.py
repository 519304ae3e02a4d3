"""Looking at a system without owning it: what `check` and `endpoints` need."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from seatrial.declaration.models import System
from seatrial.environment.deployment import attach, require_running
from seatrial.keeper.attached import look_at
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
    """The targets of a system: a remote one as declared, one that Seatrial started as it runs, and
    a compose project that somebody else started likewise.

    Raises DeploymentError when it would have to be started first.
    """
    if system.config.provider == "local":
        with require_running(system, name) as deployment:
            yield View(system, deployment.context())
        return
    owned = attach(system, name) if system.config.provider == "compose" else None
    if owned is None:
        yield View(system, asyncio.run(look_at(system)()))
        return
    with owned:
        yield View(system, owned.context())
