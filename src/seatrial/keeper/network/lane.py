"""One direction of a connection: straight through, or, while something impairs it, late."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from seatrial.keeper.network.impairment import NEUTRAL, Effect

#: Bytes that one direction holds back before it stops reading; over that, a delay costs throughput.
MOST_HELD = 4 * 1024 * 1024
#: A rate is kept by pieces of so many seconds' worth, so that a slow line is slow evenly.
_STEP = 0.05

End = Callable[[], None]


class Lane:
    """Bytes from `source` to `sink`, in order, and the end of the stream behind them."""

    def __init__(self) -> None:
        self.effect = NEUTRAL
        self.source: asyncio.Transport | None = None
        self.sink: asyncio.Transport | None = None
        self._queue: deque[tuple[float, bytes | End]] = deque()  # with the time of arrival
        self._held = 0  # bytes in the queue
        self._work: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._reading = True

    def put(self, data: bytes) -> None:
        """Bytes from the source, which is read only once there is a sink."""
        assert self.sink is not None
        if self._work is None and self.effect is NEUTRAL:
            self.sink.write(data)
            return
        self._held += len(data)
        self._enqueue(data)
        self._throttle()

    def end(self, how: End) -> None:
        """Nothing more will come: do this to the sink once all that came before has left."""
        if self._work is None and self.effect is NEUTRAL:
            how()
        else:
            self._enqueue(how)

    def impair(self, effect: Effect) -> None:
        """From now on, also for what is on its way."""
        self.effect = NEUTRAL if effect == NEUTRAL else effect
        self._changed.set()

    def sink_full(self, full: bool) -> None:
        if full:
            self._writable.clear()
        else:
            self._writable.set()
        self._throttle()

    def close(self) -> None:
        if self._work is not None:
            self._work.cancel()
        self._queue.clear()

    def _enqueue(self, item: bytes | End) -> None:
        loop = asyncio.get_running_loop()
        self._queue.append((loop.time(), item))
        if self._work is None:
            self._work = loop.create_task(self._deliver())

    def _throttle(self) -> None:
        """Read no more than can be passed on or held."""
        reading = self._writable.is_set() and self._held <= MOST_HELD
        if self.source is None or self.source.is_closing() or reading is self._reading:
            return
        self._reading = reading
        if reading:
            self.source.resume_reading()
        else:
            self.source.pause_reading()

    async def _deliver(self) -> None:
        loop = asyncio.get_running_loop()
        last = 0.0  # when the piece before left: nothing overtakes
        wait = self.effect.wait()  # of the first in the queue
        while self._queue:
            self._changed.clear()
            effect, (arrived, item) = self.effect, self._queue[0]
            due: float | None = None
            size = 0
            if not effect.hold:
                due = max(arrived + wait, last)
                if not callable(item):
                    size = _piece(effect, len(item))
                    due += size / effect.rate if effect.rate else 0.0
            if (due is None or due > loop.time()) and await self._changes_before(due):
                wait = self.effect.wait()
                continue
            last = max(due or 0.0, loop.time() - _STEP)
            if callable(item) or size == len(item):
                self._queue.popleft()
                wait = self.effect.wait()
            else:
                self._queue[0] = (0.0, item[size:])  # the rest has waited, too
                last += effect.gap
            if callable(item):
                item()
            elif self.sink is not None:
                self.sink.write(item[:size])
                self._held -= size
                self._throttle()
                await self._writable.wait()
        self._work = None

    async def _changes_before(self, due: float | None) -> bool:
        """Whether the effect was changed before it was time."""
        try:
            async with asyncio.timeout_at(due):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True


def _piece(effect: Effect, size: int) -> int:
    if effect.piece is not None:
        size = min(size, effect.piece)
    if effect.rate is not None:
        size = min(size, max(1, int(effect.rate * _STEP)))
    return size
