"""A round trip through the idle proxy of an edge, beside the same one directly.

The proxy runs in a process of its own, as it does in a keeper; client and server are plain blocking
sockets in two further ones, and one byte goes there and back.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import socket
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from threading import Thread
from time import perf_counter

from benchmarks.measuring import Row, by_turns, median

_ROUNDS = 15
_TRIPS = 2000  # a round
_GOAL = 150e-6  # s


def measure() -> Iterator[Row]:
    target, ends_target = _started(_echo)
    proxy, ends_proxy = _started(_forward, target)
    try:
        with _connected(proxy) as through, _connected(target) as straight:
            ways = [lambda one=one: _round_trip(one) for one in (through, straight)]
            by_turns(1, *ways)  # warms up
            ours, direct = by_turns(_ROUNDS, *ways)
    finally:
        ends_proxy()
        ends_target()
    added = median(ours) - median(direct)
    yield Row(
        f"a round trip through an idle proxy (medians: {median(ours) * 1e6:.0f} us)",
        f"directly ({median(direct) * 1e6:.0f} us)",
        ours,
        direct,
        "< 150 us more",
        added < _GOAL,
        f"{added * 1e6:.0f} us more",
    )


def _started(work: Callable[..., None], *args: object) -> tuple[int, Callable[[], None]]:
    """The port of a process that listens, and what ends it."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=work, args=(theirs, *args))
    process.start()
    port = int(ours.recv())

    def end() -> None:
        process.kill()
        process.join()

    return port, end


def _echo(tell: Connection) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        tell.send(server.getsockname()[1])
        while True:
            Thread(target=_answer, args=(server.accept()[0],), daemon=True).start()


def _answer(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection:
        while data := connection.recv(65536):
            connection.sendall(data)


def _forward(tell: Connection, target: int) -> None:
    from seatrial.keeper.network.impairment import NetworkEdge
    from seatrial.keeper.network.proxy import Proxy
    from seatrial.keeper.ports import PortReservations

    async def forward() -> None:
        edge = NetworkEdge(viewer="client", target="server", endpoint="echo")
        proxy = Proxy(edge, PortReservations().reserve(), ("127.0.0.1", target), {})
        await proxy.open()
        tell.send(proxy.port)
        await asyncio.Event().wait()

    asyncio.run(forward())


def _connected(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _round_trip(connection: socket.socket) -> float:
    """Seconds of one round trip, the median of many."""
    times = []
    for _ in range(_TRIPS):
        began = perf_counter()
        connection.sendall(b"x")
        connection.recv(1)
        times.append(perf_counter() - began)
    return median(times)
