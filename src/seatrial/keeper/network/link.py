"""One connection through a proxy: its two ends, and a lane for each direction."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Mapping

from seatrial.keeper.network.impairment import Direction, Effect, Impairment, Imposed
from seatrial.keeper.network.lane import Lane

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER without a time: closing sends RST


class _End(asyncio.Protocol):
    """One of the two sockets: what it receives goes into `out`, what it sends comes by `into`."""

    def __init__(self, link: Link, out: Lane, into: Lane) -> None:
        self._link, self._out, self._into = link, out, into

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._link.connected(self, transport)

    def data_received(self, data: bytes) -> None:
        self._out.put(data)

    def eof_received(self) -> bool:
        self._out.end(lambda: self._link.half_closed(self._out))
        return True  # the other direction goes on

    def pause_writing(self) -> None:
        self._into.sink_full(True)

    def resume_writing(self) -> None:
        self._into.sink_full(False)

    def connection_lost(self, error: Exception | None) -> None:
        self._out.end(lambda: self._link.close(reset=error is not None))


class Link:
    """`active` are the impairments of its edge by key; of those with a share, some hit it."""

    def __init__(
        self,
        active: Mapping[str, Imposed],
        address: tuple[str, int],
        gone: Callable[[Link], None],
    ) -> None:
        self._active, self._address, self._gone = active, address, gone
        self._hit: dict[str, bool] = {}
        self._up, self._down = Lane(), Lane()
        self.client = _End(self, self._up, self._down)
        self._server = _End(self, self._down, self._up)
        self._connecting: asyncio.Task[None] | None = None
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._half_closed: set[Lane] = set()
        self._closed = False

    # -- its life ----------------------------------------------------------------------------

    def connected(self, end: _End, transport: asyncio.Transport) -> None:
        if self._closed:  # in the meantime
            transport.abort()
            return
        if end is self.client:
            self._up.source = self._down.sink = transport
            # Until there is somewhere to go. In a moment: Python 3.11.2 begins to read after this
            # callback, whatever was asked for in it.
            asyncio.get_running_loop().call_soon(transport.pause_reading)
            self.refresh()
            return
        self._down.source = self._up.sink = transport
        assert self._up.source is not None
        self._up.source.resume_reading()

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: self._server, *self._address)
        except OSError:
            self.close(reset=True)  # too late to refuse it

    def half_closed(self, lane: Lane) -> None:
        """All that a direction will ever carry has left."""
        self._half_closed.add(lane)
        if len(self._half_closed) == 2:
            self.close()
        elif lane.sink is not None and not lane.sink.is_closing():
            with contextlib.suppress(OSError):
                lane.sink.write_eof()

    def close(self, *, reset: bool = False) -> None:
        """Both ends, at once; `reset` with RST."""
        if self._closed:
            return
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        if self._connecting is not None and self._connecting is not asyncio.current_task():
            self._connecting.cancel()
        for lane in (self._up, self._down):
            lane.close()
            if lane.sink is not None:
                _close(lane.sink, reset=reset)
        self._gone(self)

    # -- what impairs it ---------------------------------------------------------------------

    def refresh(self) -> None:
        """The impairments of its edge have changed, or it has just been accepted."""
        for key, imposed in self._active.items():
            if key not in self._hit:
                self._hit[key] = imposed.hits()
        mine = {k: one.impairment for k, one in self._active.items() if self._hit[k]}
        if any(one.refuse for one in mine.values()):
            self.close(reset=self._connecting is None)
            return
        self._set_timers(mine)
        self._up.impair(Effect.of(mine.values(), Direction.UPSTREAM))
        self._down.impair(Effect.of(mine.values(), Direction.DOWNSTREAM))
        if self._connecting is None and not self._up.effect.hold and not self._closed:
            self._connecting = asyncio.get_running_loop().create_task(self._connect())

    def _set_timers(self, mine: Mapping[str, Impairment]) -> None:
        for key in self._timers.keys() - mine.keys():
            self._timers.pop(key).cancel()
        loop = asyncio.get_running_loop()
        for key, one in mine.items():
            if one.reset_after is not None and key not in self._timers:
                self._timers[key] = loop.call_later(one.reset_after, lambda: self.close(reset=True))


def _close(transport: asyncio.Transport, *, reset: bool) -> None:
    if not reset:
        transport.close()
        return
    connection: socket.socket | None = transport.get_extra_info("socket")
    if connection is not None:
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport.abort()
