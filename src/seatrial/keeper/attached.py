"""What an observer looks at: a remote system as declared, or a compose project as it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from seatrial.compose.attach import Attached
from seatrial.compose.logs import logs
from seatrial.declaration.interpreter import interpreter
from seatrial.declaration.models import System
from seatrial.errors import CapabilityMissing
from seatrial.keeper.containers import used_by
from seatrial.keeper.places import cache
from seatrial.keeper.protocol import LONGEST_LOG, Usage
from seatrial.keeper.remote import remote_context
from seatrial.kinds.base import Context


class Look(Protocol):
    @property
    def capabilities(self) -> frozenset[str]: ...

    async def context(self) -> Context:
        """Where everything is by now, and in what state. Raises DeploymentError."""
        ...

    async def log_tail(self, component: str, lines: int) -> tuple[str, ...]: ...

    async def usage(self, component: str, replica: int | None) -> Usage: ...


def look_at(system: System) -> Look:
    if system.config.provider == "compose":
        return _OfProject(Attached.to(system))
    return _OfRemote(remote_context(system))


@dataclass(frozen=True)
class _OfProject:
    """Its engine shows what its containers wrote and use, whoever started them."""

    attached: Attached
    capabilities = frozenset({"logs", "meters"})

    async def context(self) -> Context:
        system, found = self.attached.system, await self.attached.targets()
        return Context(system.folder, found, cache(), interpreter(system))

    async def log_tail(self, component: str, lines: int) -> tuple[str, ...]:
        return await logs(await self.attached.containers_of(component), lines, LONGEST_LOG)

    async def usage(self, component: str, replica: int | None) -> Usage:
        mine = await self.attached.containers_of(component)
        return await used_by(mine if replica is None else mine[replica : replica + 1])


@dataclass(frozen=True)
class _OfRemote:
    found: Context
    capabilities: frozenset[str] = frozenset()

    async def context(self) -> Context:
        return self.found

    async def log_tail(self, component: str, lines: int) -> tuple[str, ...]:
        raise CapabilityMissing(
            f"the log of {component} cannot be read: Seatrial only connected to it",
            hint="read it where the component runs",
        )

    async def usage(self, component: str, replica: int | None) -> Usage:
        raise CapabilityMissing(
            f"what {component} uses cannot be seen: Seatrial only connected to it",
            hint="use an environment that Seatrial starts",
        )
