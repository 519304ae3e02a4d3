"""The deployment's lock: many trials share it, a fault has it alone."""

from __future__ import annotations

import asyncio
from typing import Literal

from seatrial.errors import KeeperError

Mode = Literal["shared", "exclusive"]


class SharedLock:
    """First come, first served, so that a fault does not starve behind ever more trials.

    Holders are connections (any hashable object); one holder holds it once.
    """

    def __init__(self) -> None:
        self._holders: dict[object, Mode] = {}
        self._queue: list[tuple[object, Mode, asyncio.Future[None]]] = []

    async def acquire(self, holder: object, mode: Mode, wait: float) -> bool:
        """Whether it was acquired within `wait` seconds. Raises KeeperError if already held."""
        if holder in self._holders:
            raise KeeperError("this connection already holds the lock", hint="give it back first")
        turn = asyncio.get_running_loop().create_future()
        self._queue.append((holder, mode, turn))
        self._grant()
        try:
            async with asyncio.timeout(wait):
                await turn
        except TimeoutError:
            if not turn.done() or turn.cancelled():
                self._queue = [entry for entry in self._queue if entry[2] is not turn]
                self._grant()
                return False
        except asyncio.CancelledError:
            self._queue = [entry for entry in self._queue if entry[2] is not turn]
            self.release(holder)
            raise
        return True

    def release(self, holder: object) -> None:
        """Give it back; a holder that holds nothing is no error."""
        self._holders.pop(holder, None)
        self._grant()

    def _grant(self) -> None:
        while self._queue:
            holder, mode, turn = self._queue[0]
            exclusive = mode == "exclusive" or "exclusive" in self._holders.values()
            if self._holders and exclusive:
                return
            self._queue.pop(0)
            if not turn.cancelled():
                self._holders[holder] = mode
                turn.set_result(None)
