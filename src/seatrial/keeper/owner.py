"""What stands behind a keeper's server, and knows the components."""

from __future__ import annotations

from typing import Protocol

from seatrial.keeper import protocol as p
from seatrial.keeper.network.impairment import Impairment, NetworkEdge


class Owner(Protocol):
    """A Supervisor (local), a Composed (compose), or an Observer of what others run."""

    failure: p.Failure | None
    ready: bool
    apart: tuple[str, ...]  # what is not as the user's own has it, one a line

    @property
    def capabilities(self) -> frozenset[str]: ...

    async def start(self) -> None:
        """Returns when all are ready, or one has failed (see `failure`)."""
        ...

    @property
    def secrets(self) -> tuple[str, ...]:
        """That what runs was started with, besides those of the declaration and its files."""
        ...

    def statuses(self) -> dict[str, p.ComponentStatus]: ...

    async def look(self) -> None:
        """Bring the states up to date with what nothing announces."""
        ...

    async def act(
        self, action: p.Action, component: str, replica: int | None, *, by_fault: bool = False
    ) -> None: ...

    async def alter(self, how: p.Alter) -> None: ...

    async def restore(self, component: str, replica: int | None) -> None: ...

    @property
    def edges(self) -> tuple[NetworkEdge, ...]: ...

    @property
    def network_faults(self) -> tuple[str, ...]: ...

    async def impose(
        self, key: str, edges: tuple[NetworkEdge, ...], what: Impairment, note: str
    ) -> None: ...

    async def mend(self, key: str) -> None: ...

    def log_tail(self, component: str, lines: int) -> tuple[str, ...]: ...

    async def usage(self, component: str, replica: int | None) -> p.Usage: ...
