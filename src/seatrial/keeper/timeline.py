"""The states of all components over time, in one sequence that clients can wait on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from seatrial.outcome import Cause, State

#: A deployment that flaps for hours must not fill the memory: older entries are dropped.
_KEPT = 10_000


@dataclass(frozen=True)
class StateEvent:
    seq: int  # 1, 2, 3...
    at: datetime  # UTC
    component: str
    replica: int | None
    state: State
    detail: str = ""
    by_fault: bool = False
    cause: Cause | None = None  # of what is not up, where it is known


@dataclass
class Timeline:
    events: list[StateEvent] = field(default_factory=list)
    _last: int = 0
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def add(
        self,
        component: str,
        replica: int | None,
        state: State,
        detail: str = "",
        *,
        by_fault: bool = False,
        cause: Cause | None = None,
    ) -> None:
        self._last += 1
        at = datetime.now(UTC)
        self.events.append(
            StateEvent(self._last, at, component, replica, state, detail, by_fault, cause)
        )
        del self.events[:-_KEPT]
        await self.wake()

    async def wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def since(self, seq: int) -> list[StateEvent]:
        return [event for event in self.events if event.seq > seq]

    async def wait(
        self, seq: int, seconds: float, over: Callable[[], bool] = lambda: False
    ) -> list[StateEvent]:
        """Events after `seq`; waits up to so many seconds for the first, or for `over`."""
        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(lambda: self._last > seq or over())
        except TimeoutError:
            pass
        return self.since(seq)
