"""The proxies of a local deployment: one for each edge of the reference graph.

A component's reference to an address of another one (`{postgres.url}`) leads to the proxy of that
edge. Who looks from outside (checks, trials, the command line) sees the components themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from seatrial.declaration.models import Component
from seatrial.errors import UsageError
from seatrial.keeper.network.impairment import Impairment, Imposed, NetworkEdge
from seatrial.keeper.network.proxy import Proxy
from seatrial.keeper.ports import listening
from seatrial.kinds.base import Endpoint
from seatrial.outcome import State
from seatrial.waiting import backoff

Endpoints = Mapping[str, Mapping[str, tuple[Endpoint, ...]]]  # component -> name -> replicas

#: What a reference can ask of an endpoint that holds its address.
_ADDRESS = ("url", "urls", "host", "port")
_LONGEST_LOOK = 0.1  # s between two looks whether a starting target listens


class Network:
    """`reserve` gives a free port; `endpoints` are those of the components themselves."""

    def __init__(
        self, components: Iterable[Component], endpoints: Endpoints, reserve: Callable[[], int]
    ) -> None:
        self._endpoints = endpoints
        self._active: dict[NetworkEdge, dict[str, Imposed]] = {}
        self._proxies: dict[NetworkEdge, list[Proxy]] = {}
        self._looking: dict[tuple[str, int], asyncio.Task[None]] = {}
        for edge in dict.fromkeys(edge for one in components for edge in _edges(one)):
            addresses = endpoints[edge.target].get(edge.endpoint, ())
            active = self._active.setdefault(edge, {})
            self._proxies[edge] = [
                Proxy(edge, reserve(), (one.host, one.port), active) for one in addresses
            ]

    @property
    def edges(self) -> tuple[NetworkEdge, ...]:
        return tuple(self._proxies)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is on, in words."""
        imposed = {k: one.note for active in self._active.values() for k, one in active.items()}
        return tuple(imposed.values())

    def seen_by(self, viewer: str) -> Endpoints:
        """Everyone's endpoints with the proxies of this viewer in the place of their targets."""
        seen = {component: dict(named) for component, named in self._endpoints.items()}
        for edge, proxies in self._proxies.items():
            if edge.viewer == viewer:
                direct = seen[edge.target].get(edge.endpoint, ())
                seen[edge.target][edge.endpoint] = tuple(
                    replace(one, host="127.0.0.1", port=proxy.port)
                    for one, proxy in zip(direct, proxies, strict=True)
                )
        return seen

    # -- what their targets do ---------------------------------------------------------------

    async def note(self, target: str, replica: int, state: State) -> None:
        """A replica of a component is in another state: only one that listens can be reached."""
        proxies = self._of(target, replica)
        if state in (State.PAUSED, State.DONE) or not proxies:
            return
        looking = self._looking.pop((target, replica), None)
        if looking is not None:
            looking.cancel()
        if state not in (State.STARTING, State.READY):
            await asyncio.gather(*(proxy.shut() for proxy in proxies))
        elif not await _open(proxies):
            task = asyncio.create_task(_open_in_time(proxies))
            self._looking[target, replica] = task

    def _of(self, target: str, replica: int) -> Sequence[Proxy]:
        return [p[replica] for edge, p in self._proxies.items() if edge.target == target]

    # -- faults ------------------------------------------------------------------------------

    async def impose(
        self, key: str, edges: Sequence[NetworkEdge], what: Impairment, note: str
    ) -> None:
        """Impair these edges from now on; returns when it has taken effect.

        Raises UsageError for an edge that is not there.
        """
        for edge in edges:
            if edge not in self._active:
                there = ", ".join(map(str, self._active))
                raise UsageError(f"there is no edge {edge}", hint=f"there are: {there or 'none'}")
        for edge in edges:
            self._active[edge][key] = Imposed(what, note)
        await self._refresh(edges)

    async def mend(self, key: str) -> None:
        """End what was imposed under the key; nothing happens if nothing was."""
        edges = [edge for edge, active in self._active.items() if active.pop(key, None)]
        await self._refresh(edges)

    async def _refresh(self, edges: Sequence[NetworkEdge]) -> None:
        proxies = [proxy for edge in edges for proxy in self._proxies[edge]]
        await asyncio.gather(*(proxy.refresh() for proxy in proxies))

    async def close(self) -> None:
        for looking in self._looking.values():
            looking.cancel()
        every = [proxy for proxies in self._proxies.values() for proxy in proxies]
        await asyncio.gather(*(proxy.close() for proxy in every))


def _edges(component: Component) -> Iterable[NetworkEdge]:
    for ref in component.references:
        if ref.owner != component.name and ref.field in _ADDRESS:
            yield NetworkEdge(viewer=component.name, target=ref.owner, endpoint=ref.endpoint)


async def _open(proxies: Sequence[Proxy]) -> bool:
    """Open those whose target listens; whether these are all."""
    ports = listening()
    ready = [proxy for proxy in proxies if proxy.target[1] in ports]
    await asyncio.gather(*(proxy.open() for proxy in ready))
    return len(ready) == len(proxies)


async def _open_in_time(proxies: Sequence[Proxy]) -> None:
    for pause in backoff(longest=_LONGEST_LOOK):
        await asyncio.sleep(pause)
        if await _open(proxies):
            return
