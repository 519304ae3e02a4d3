"""What a start that takes long waits for, so that nobody waits in silence."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from time import monotonic

SILENT = 3.0  # s until it is told what keeps one from being ready; then after as long again...


class Telling:
    """Tells, ever more seldom, what keeps components from being ready, where that has changed."""

    def __init__(self, add: Callable[[str, str], Awaitable[None]]) -> None:
        self._add = add
        self._began = monotonic()
        self._due = self._began + SILENT
        self._told: dict[str, str] = {}

    @property
    def due(self) -> bool:
        return monotonic() >= self._due

    async def tell(self, held_up: Mapping[str, str]) -> None:
        """Of each component that is not ready, why, where that is known."""
        now = monotonic()
        self._due = now + max(SILENT, now - self._began)
        for name, why in held_up.items():
            if why and why != self._told.get(name):
                self._told[name] = why
                await self._add(name, why)
