"""The proxies between components, with real sockets: what each impairment does, and that it ends.

Times are not asserted, but for what a fault must at least take.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path
from time import perf_counter

import pytest
import pytest_asyncio

from seatrial.declaration.load import load
from seatrial.declaration.models import System
from seatrial.errors import UsageError
from seatrial.keeper.network.impairment import Direction, Impairment, Imposed, NetworkEdge
from seatrial.keeper.network.lane import MOST_HELD
from seatrial.keeper.network.network import Network
from seatrial.keeper.network.proxy import Proxy
from seatrial.keeper.ports import PortReservations, is_taken, listening
from seatrial.kinds.base import Endpoint
from seatrial.kinds.registry import KINDS
from seatrial.outcome import State
from seatrial.waiting import eventually_async

EDGE = NetworkEdge(viewer="web", target="store", endpoint="http")
PATIENCE = 20.0  # s, for what must come
pytestmark = pytest.mark.asyncio


@dataclass
class Line:
    """A server that echoes, and the way to it through the proxy of an edge."""

    network: Network
    target: Endpoint
    port: int
    accepted: list[asyncio.StreamWriter]
    clients: list[Client] = field(default_factory=list)

    async def connect(self) -> Client:
        async with asyncio.timeout(PATIENCE):
            client = Client(*await asyncio.open_connection("127.0.0.1", self.port, limit=2**24))
        self.clients.append(client)
        return client

    async def impose(self, key: str = "k", **impairment: object) -> None:
        what = Impairment.model_validate(impairment)
        await self.network.impose(key, (EDGE,), what, key)

    async def mend(self, key: str = "k") -> None:
        await self.network.mend(key)

    async def refuses(self) -> bool:
        try:
            client = await self.connect()
        except ConnectionRefusedError:
            return True
        client.close()
        return False


@dataclass
class Client:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, data: bytes = b"hello") -> bytes:
        self.writer.write(data)
        async with asyncio.timeout(PATIENCE):
            return await self.reader.readexactly(len(data))

    async def ends(self) -> str:
        """How the connection ends: "fin", or "rst"."""
        try:
            async with asyncio.timeout(PATIENCE):
                return "fin" if await self.reader.read(1) == b"" else "data"
        except ConnectionResetError:
            return "rst"

    async def hears_nothing(self) -> bool:
        """Whether what was sent before is not answered, though it would long have been."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.3):
                await self.reader.read(1)
                return False
        return True

    def close(self) -> None:
        self.writer.transport.abort()


@pytest_asyncio.fixture
async def line(system: System) -> AsyncIterator[Line]:
    ports = PortReservations()
    accepted: list[asyncio.StreamWriter] = []

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.append(writer)
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
        target = Endpoint("http", *server.sockets[0].getsockname())
        web = Endpoint("http", "127.0.0.1", 1)
        endpoints = {"store": {"http": (target,)}, "web": {"http": (web,)}}
        network = Network(system.components.values(), endpoints, ports.reserve)
        seen = network.seen_by("web")["store"]["http"][0]
        assert network.seen_by("store") == endpoints, "nobody else's way leads through it"
        await network.note("store", 0, State.READY)
        line = Line(network, target, seen.port, accepted)
        yield line
        for client in line.clients:
            client.close()
        await network.close()
        for writer in accepted:
            writer.transport.abort()
    ports.close()


@pytest.fixture
def system(tmp_path: Path) -> System:
    (tmp_path / "seatrial.yaml").write_text("""
system: pair
components:
  store: {kind: http, run: [x], env: {PORT: "{store.port}"}}
  web: {kind: http, run: [x], env: {STORE: "{store.url}", USER: "{store.user}"}}
""")
    return load(tmp_path, KINDS, environment=None, variables={})


async def test_an_idle_proxy_passes_everything_on_both_ways(line: Line) -> None:
    assert line.network.edges == (EDGE,)
    client = await line.connect()
    assert await client.ask() == b"hello"
    much = bytes(range(256)) * 40_000
    assert await client.ask(much) == much, "10 MB, with back-pressure"
    client.writer.write_eof()
    assert await client.ends() == "fin", "half-closed, and the answer's end comes back"


async def test_a_reset_reaches_the_other_side_as_one(line: Line) -> None:
    client = await line.connect()
    await client.ask()
    (server,) = line.accepted
    linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
    server.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    server.transport.abort()
    assert await client.ends() == "rst"


async def test_who_asks_for_a_target_that_is_not_there_is_refused(line: Line) -> None:
    client = await line.connect()
    await line.network.note("store", 0, State.STOPPED)
    assert await line.refuses()
    assert await client.ask() == b"hello", "what is open ends with the target, not with the state"
    await line.network.note("store", 0, State.STARTING)
    assert not await line.refuses()
    await line.network.note("store", 0, State.PAUSED)
    assert not await line.refuses()


async def test_a_target_is_reached_once_it_listens(system: System) -> None:
    with socket.socket() as later:
        later.bind(("127.0.0.1", 0))
        port = later.getsockname()[1]
        endpoints = {"store": {"http": (Endpoint("http", "127.0.0.1", port),)}}
        ports = PortReservations()
        network = Network(system.components.values(), endpoints, ports.reserve)
        seen = network.seen_by("web")["store"]["http"][0].port
        await network.note("store", 0, State.STARTING)
        assert not is_taken(seen)
        later.listen()
        assert port in listening()

        async def reached() -> bool:
            return seen in listening()

        await eventually_async(reached, timeout=PATIENCE)
        await network.close()
        assert seen not in listening()
        ports.close()


async def test_latency_delays_answers_and_keeps_their_order(line: Line) -> None:
    client = await line.connect()
    await client.ask()
    await line.impose(delay=0.2, jitter=0.1, direction=Direction.DOWNSTREAM)
    began = perf_counter()
    data = bytes(range(200))
    for octet in data:
        client.writer.write(bytes([octet]))
        await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE):
        assert await client.reader.readexactly(len(data)) == data
    assert perf_counter() - began >= 0.1


@pytest.mark.parametrize(("way", "least"), [("upstream", 0.2), ("both", 0.4)])
async def test_latency_can_have_a_direction(line: Line, way: str, least: float) -> None:
    client = await line.connect()
    await line.impose(delay=0.2, direction=way)
    began = perf_counter()
    assert await client.ask() == b"hello"
    assert perf_counter() - began >= least


async def test_a_cut_closes_what_is_open_and_refuses_what_is_new(line: Line) -> None:
    client = await line.connect()
    await client.ask()
    await line.impose(refuse=True)
    assert await client.ends() == "fin"
    assert await line.refuses()
    await line.mend()
    again = await line.connect()
    assert await again.ask() == b"hello"


async def test_a_reset_ends_old_and_new_connections(line: Line) -> None:
    client = await line.connect()
    await client.ask()
    await line.impose(reset_after=0)
    assert await client.ends() == "rst"
    assert await (await line.connect()).ends() == "rst"
    await line.mend()
    again = await line.connect()
    assert await again.ask() == b"hello"


async def test_a_late_reset_is_called_off_with_its_fault(line: Line) -> None:
    client = await line.connect()
    await line.impose(reset_after=0.3)
    assert await client.ask() == b"hello"
    await line.mend()
    await asyncio.sleep(0.4)
    assert await client.ask() == b"hello"
    await line.impose(reset_after=0.05)
    assert await client.ends() == "rst"


async def test_a_black_hole_swallows_nothing_for_good(line: Line) -> None:
    old = await line.connect()
    await old.ask()
    await line.impose(hold=True)
    new = await line.connect()
    for client in (old, new):
        client.writer.write(b"hello")
        assert await client.hears_nothing()
    assert len(line.accepted) == 1, "the new one has not reached the target"
    await line.mend()
    for client in (old, new):
        async with asyncio.timeout(PATIENCE):
            assert await client.reader.readexactly(5) == b"hello"
        client.close()


async def test_what_is_held_back_is_bounded(line: Line) -> None:
    client = await line.connect()
    await client.ask()
    await line.impose(hold=True)
    much = bytes(24 * 1024 * 1024)
    client.writer.write(much)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await client.writer.drain()
    ((link,),) = [proxy._links for proxies in line.network._proxies.values() for proxy in proxies]
    assert MOST_HELD < link._up._held < 2 * MOST_HELD
    await line.mend()
    async with asyncio.timeout(PATIENCE):
        assert await client.reader.readexactly(len(much)) == much


async def test_the_end_of_a_connection_is_held_back_too(line: Line) -> None:
    client = await line.connect()
    await client.ask()
    await line.impose(hold=True, direction=Direction.DOWNSTREAM)
    line.accepted[0].transport.abort()
    assert await client.hears_nothing()
    await line.mend()
    assert await client.ends() in ("fin", "rst")


async def test_bandwidth_limits_each_connection(line: Line) -> None:
    client = await line.connect()
    await line.impose(rate=100_000, direction=Direction.DOWNSTREAM)
    began = perf_counter()
    data = bytes(50_000)
    assert await client.ask(data) == data
    assert perf_counter() - began >= 0.45


async def test_slices_arrive_one_by_one(line: Line) -> None:
    client = await line.connect()
    await line.impose(piece=2, gap=0.05, direction=Direction.DOWNSTREAM)
    client.writer.write(b"abcdef")
    seen = []
    while sum(map(len, seen)) < 6:
        async with asyncio.timeout(PATIENCE):
            seen.append(await client.reader.read(100))
    assert seen[0] == b"ab", "the first piece is there before the next one leaves"
    assert b"".join(seen) == b"abcdef"


async def test_a_share_of_the_connections(line: Line) -> None:
    clients = [await line.connect() for _ in range(4)]
    for client in clients:
        await client.ask()
    await line.impose(share=0.5, refuse=True)
    clients += [await line.connect() for _ in range(4)]
    fates = []
    for client in clients:
        try:
            fates.append("well" if await client.ask() == b"hello" else "?")
        except (ConnectionError, asyncio.IncompleteReadError):
            fates.append("hit")
        client.close()
    assert fates == ["hit", "well"] * 4


@pytest.mark.parametrize(
    ("share", "hit"), [(1.0, 100), (0.5, 50), (0.1, 10), (0.07, 7), (0.001, 1)]
)
async def test_a_share_is_kept_and_takes_the_first(share: float, hit: int) -> None:
    imposed = Imposed(Impairment(share=share, hold=True), "")
    taken = [imposed.hits() for _ in range(100)]
    assert taken[0]
    assert sum(taken) == hit


FAULTS: dict[str, dict[str, object]] = {
    "held": {"hold": True},
    "slow": {"delay": 0.05},
    "sliced": {"piece": 3},
}


@pytest.mark.parametrize("order", [*permutations(FAULTS)], ids="-".join)
async def test_several_faults_on_an_edge_end_in_any_order(line: Line, order) -> None:
    client = await line.connect()
    for key, impairment in FAULTS.items():
        await line.impose(key, **impairment)
    assert set(line.network.notes) == set(FAULTS)
    client.writer.write(b"hello world")
    for key in order:
        held = "held" in line.network.notes
        assert not held or await client.hears_nothing()
        await line.mend(key)
    async with asyncio.timeout(PATIENCE):
        assert await client.reader.readexactly(11) == b"hello world"
    assert line.network.notes == ()
    assert await client.ask() == b"hello"


async def test_mending_gives_the_short_way_back(line: Line) -> None:
    """With nothing on, bytes go straight on, without a task in between."""
    client = await line.connect()
    await line.impose(delay=0.01)
    await client.ask()
    await line.mend()
    await client.ask()
    (links,) = [p._links for proxies in line.network._proxies.values() for p in proxies]
    (link,) = links
    assert link._up._work is None
    assert link._down._work is None


async def test_connections_that_end_leave_nothing(line: Line) -> None:
    clients = [await line.connect() for _ in range(10)]
    for client in clients:
        await client.ask()
        client.close()
    proxies = [p for proxies in line.network._proxies.values() for p in proxies]

    async def left() -> int:
        return sum(len(proxy._links) for proxy in proxies)

    await eventually_async(left, lambda number: number == 0, timeout=PATIENCE)


async def test_what_is_not_there_cannot_be_impaired(line: Line) -> None:
    other = NetworkEdge(viewer="store", target="web", endpoint="http")
    with pytest.raises(UsageError, match=r"no edge store -> web\.http") as refused:
        await line.network.impose("k", (EDGE, other), Impairment(), "")
    assert "web -> store.http" in str(refused.value.hint)
    assert line.network.notes == (), "none of them"
    await line.mend("unknown")


@pytest.mark.parametrize("steps", range(4))
async def test_who_opens_a_proxy_may_be_cancelled_at_any_await(steps: int) -> None:
    """As a look for a target that listens is, when the target says itself that it is ready."""
    ports = PortReservations()
    proxy = Proxy(EDGE, ports.reserve(), ("127.0.0.1", 1), {})
    opening = asyncio.create_task(proxy.open())
    for _ in range(steps):
        await asyncio.sleep(0)
    opening.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await opening
    await proxy.open()
    assert proxy.port in listening()
    await proxy.close()
    assert proxy.port not in listening()
    ports.close()
