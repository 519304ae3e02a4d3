"""Containers taken off their networks, and put back as they were: names and addresses too."""

from __future__ import annotations

from collections.abc import Iterable

from seatrial.compose.engine import Container, EngineError, docker
from seatrial.errors import CapabilityMissing

_ALREADY = "already exists in network"  # it had not been taken off after all


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
                # First remembered: it may happen although we are not told.
                self._links.setdefault(one.id, {})[network] = one.links.get(network, ())
                await docker("network", "disconnect", network, one.id)

    async def put_back(self, some: Iterable[Container]) -> None:
        """Nothing happens to those that are on them. Raises EngineError."""
        for one in some:
            links = self._links.get(one.id, {})
            for network in list(links):
                try:
                    await docker("network", "connect", *links[network], network, one.id)
                except EngineError as error:
                    if _ALREADY not in error.message:
                        raise
                del links[network]
            self._links.pop(one.id, None)
