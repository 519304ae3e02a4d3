"""Containers taken off their networks, and put back as they were: names and addresses too."""

from __future__ import annotations

from collections.abc import Iterable

from seatrial.compose.engine import Container, docker
from seatrial.errors import CapabilityMissing


class Unplugged:
    """Those that are off their networks now, and how each of them hung on them."""

    def __init__(self) -> None:
        self._links: dict[str, dict[str, tuple[str, ...]]] = {}

    def __contains__(self, one: Container) -> bool:
        return one.id in self._links

    async def take_off(self, some: Iterable[Container]) -> None:
        """Nothing reaches them any more, and they reach nothing; nobody is told. Raises
        CapabilityMissing for one that shares its host's network, EngineError."""
        for one in some:
            if one.on_host or not one.networks:
                raise CapabilityMissing(
                    f"the container {one.name} is on no network of its own",
                    hint="stop or pause it instead",
                )
            for network in one.networks:
                await docker("network", "disconnect", network, one.id)
                self._links.setdefault(one.id, {})[network] = one.links.get(network, ())

    async def put_back(self, some: Iterable[Container]) -> None:
        """Nothing happens to those that are on them. Raises EngineError."""
        for one in some:
            links = self._links.get(one.id, {})
            for network in list(links):
                await docker("network", "connect", *links[network], network, one.id)
                del links[network]
            self._links.pop(one.id, None)
