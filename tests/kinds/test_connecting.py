"""A connection that comes to nothing, by failure or by cancelling, leaves no socket open."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator

import pytest

from seatrial.kinds.connecting import connect, open_streams, streams
from seatrial.kinds.resolving import Unresolved, resolve
from seatrial.waiting import eventually_async

pytestmark = pytest.mark.asyncio

_TLS = ssl.create_default_context()
_SECONDS = 10.0


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Its kernel takes connections; nobody says anything in them."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(_SECONDS)
        yield server


async def _closed(sock: socket.socket) -> None:
    async def number() -> int:
        return sock.fileno()

    await eventually_async(number, lambda number: number == -1, timeout=_SECONDS)


@pytest.mark.parametrize("turns", range(1, 6))
@pytest.mark.parametrize("tls", [None, _TLS], ids=["plain", "tls"])
async def test_cancelled_at_any_moment(
    listener: socket.socket, tls: ssl.SSLContext | None, turns: int
) -> None:
    sock = await connect(await resolve(*listener.getsockname()))
    opening = asyncio.ensure_future(streams(sock, tls, "localhost"))
    for _ in range(turns):
        await asyncio.sleep(0)
    opening.cancel()
    (result,) = await asyncio.gather(opening, return_exceptions=True)
    if isinstance(result, tuple):  # it was open by then
        result[1].transport.abort()
    await _closed(sock)


async def test_a_server_that_speaks_no_tls(listener: socket.socket) -> None:
    sock = await connect(await resolve(*listener.getsockname()))
    with listener.accept()[0] as peer:
        peer.sendall(b"220 hello\r\n")
        with pytest.raises(ssl.SSLError):
            await streams(sock, _TLS, "localhost")
        await _closed(sock)


async def test_a_connection_that_is_not_taken_in_time() -> None:
    with socket.socket() as full, contextlib.ExitStack() as held:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):  # what waits to be accepted is full then, and the kernel says nothing
            waiting = held.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await open_streams(*full.getsockname())


@pytest.mark.parametrize("first", [True, False], ids=["the first", "the last"])
async def test_of_two_addresses_one_takes_it(listener: socket.socket, first: bool) -> None:
    _, port = listener.getsockname()
    (bad,), (good,) = await resolve("127.0.0.2", port), await resolve("127.0.0.1", port)
    sock = await connect([good, bad] if first else [bad, good])
    try:
        assert sock.getpeername() == listener.getsockname()
    finally:
        sock.close()


async def test_nobody_listens() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # and does not listen
        with pytest.raises(ConnectionRefusedError):
            await open_streams(*held.getsockname())


async def test_a_name_without_address() -> None:
    with pytest.raises(Unresolved):
        await open_streams("nowhere.invalid", 1)
