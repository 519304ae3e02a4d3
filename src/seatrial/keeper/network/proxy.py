"""The proxy of one edge, and of one replica of its target."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping

from seatrial.keeper.network.impairment import Imposed, NetworkEdge
from seatrial.keeper.network.link import Link

_BACKLOG = 512


class Proxy:
    """Listens at a port of its own while the target listens at its own, so that who connects to a
    target that is not there is refused, as without a proxy.

    `active` are the impairments of the edge by key, changed in place: `refresh` tells of it.
    """

    def __init__(
        self, edge: NetworkEdge, port: int, target: tuple[str, int], active: Mapping[str, Imposed]
    ) -> None:
        self.edge, self.port, self.target = edge, port, target
        self._active = active
        self._wanted = False
        self._links: dict[Link, None] = {}  # oldest first
        self._server: asyncio.Server | None = None
        self._turn = asyncio.Lock()

    async def open(self) -> None:
        """The target listens."""
        self._wanted = True
        await self._listen_or_not()

    async def shut(self) -> None:
        """The target has ended. Connections that there are end with its own."""
        self._wanted = False
        await self._listen_or_not()

    async def refresh(self) -> None:
        for link in tuple(self._links):
            link.refresh()
        await self._listen_or_not()

    async def close(self) -> None:
        """For good."""
        await self.shut()
        for link in tuple(self._links):
            link.close()

    async def _listen_or_not(self) -> None:
        async with self._turn:
            impairments = [one.impairment for one in self._active.values()]
            refused = any(one.refuse and one.share == 1 for one in impairments)
            if (self._wanted and not refused) is (self._server is not None):
                return
            if self._server is not None:
                self._server.close()
                self._server = None
                return
            listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", self.port))
            # Known before it listens: who opens it may be cancelled at any await, and another
            # one that listened at this port could never be closed.
            self._server = await asyncio.get_running_loop().create_server(
                self._accept, sock=listener, backlog=_BACKLOG, start_serving=False
            )
            await self._server.start_serving()

    def _accept(self) -> asyncio.Protocol:
        link = Link(self._active, self.target, self._links.pop)
        self._links[link] = None
        return link.client
