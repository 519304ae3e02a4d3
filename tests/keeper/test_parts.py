"""The keeper's parts on their own: lock, ports, processes, time line."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from seatrial.declaration.models import ComponentConfig
from seatrial.errors import KeeperError
from seatrial.keeper import observer, processes, state
from seatrial.keeper.leftovers import remove_lock
from seatrial.keeper.locks import SharedLock
from seatrial.keeper.observer import Observer
from seatrial.keeper.places import Place
from seatrial.keeper.ports import PortReservations, is_taken, listeners
from seatrial.keeper.timeline import Timeline
from seatrial.kinds.base import Context, ProbeResult, Target
from seatrial.outcome import Connection, Health, State
from seatrial.waiting import eventually


def test_the_lock_is_shared_or_exclusive_in_order_of_arrival() -> None:
    async def scenario() -> list[str]:
        lock, order = SharedLock(), []
        assert await lock.acquire("a", "shared", 1)
        assert await lock.acquire("b", "shared", 1)

        async def wait(holder: str, mode: str) -> None:
            assert await lock.acquire(holder, mode, 5)  # type: ignore[arg-type]
            order.append(holder)

        fault = asyncio.create_task(wait("fault", "exclusive"))
        await asyncio.sleep(0)
        late = asyncio.create_task(wait("late", "shared"))  # must not overtake the fault
        await asyncio.sleep(0)
        lock.release("a")
        await asyncio.sleep(0)
        assert order == []
        lock.release("b")
        await fault
        assert order == ["fault"]
        lock.release("fault")
        await late
        return order

    assert asyncio.run(scenario()) == ["fault", "late"]


def test_a_second_lock_of_the_same_holder_is_refused() -> None:
    async def scenario() -> None:
        lock = SharedLock()
        assert await lock.acquire("a", "shared", 1)
        with pytest.raises(KeeperError, match="already holds"):
            await lock.acquire("a", "exclusive", 1)

    asyncio.run(scenario())


def test_a_lock_whose_file_is_just_being_removed_is_not_taken_for_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else the next one would lock another file, and both would run."""
    place, really, removed = Place.private(), state._locked, []

    def late(descriptor: int) -> bool:
        if not removed:
            place.lock_file.unlink()
            removed.append(True)
        return really(descriptor)

    monkeypatch.setattr(state, "_locked", late)
    first = state.try_lock(place)
    assert first is not None
    assert state.try_lock(place) is None
    assert state.is_running(place)
    remove_lock(place)
    assert state.is_running(place)
    os.close(first)
    remove_lock(place)
    assert not place.lock_file.exists()
    assert not state.is_running(place)


def test_giving_up_the_lock_lets_the_next_one_in() -> None:
    async def scenario() -> None:
        lock = SharedLock()
        assert await lock.acquire("a", "shared", 1)
        impatient = asyncio.create_task(lock.acquire("fault", "exclusive", 0.01))
        await asyncio.sleep(0)
        patient = asyncio.create_task(lock.acquire("b", "shared", 5))
        assert await impatient is False
        assert await patient is True

    asyncio.run(scenario())


def test_a_cancelled_waiter_leaves_no_trace() -> None:
    async def scenario() -> None:
        lock = SharedLock()
        assert await lock.acquire("a", "exclusive", 1)
        waiting = asyncio.create_task(lock.acquire("b", "exclusive", 60))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        lock.release("a")
        assert await lock.acquire("c", "exclusive", 0.1)

    asyncio.run(scenario())


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "0.0.0.0", "::", "::ffff:127.0.0.1"])
def test_who_listens_where(host: str) -> None:
    family, both = socket.AF_INET6 if ":" in host else socket.AF_INET, "." in host and ":" in host
    before = set(listeners([os.getpid()]))
    with socket.create_server((host, 0), family=family, dualstack_ipv6=both) as server:
        host = host.removeprefix("::ffff:")
        (found,) = set(listeners([os.getpid()])) - before
        port = server.getsockname()[1]
        assert (found.address, found.port) == (host, port)
        assert found.takes("127.0.0.1", port) is (host != "::1")
        assert not found.takes("127.0.0.1", port - 1)
    assert set(listeners([os.getpid()])) == before


def test_a_reserved_port_is_free_for_its_server_and_for_nobody_by_chance() -> None:
    ports = PortReservations()
    try:
        port = ports.reserve()
        assert not is_taken(port)
        with socket.socket() as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind(("127.0.0.1", port))
            server.listen()
            assert is_taken(port)
        assert ports.reserve() != port
    finally:
        ports.close()


def test_a_pid_is_not_mistaken_for_a_later_one() -> None:
    me = processes.identify(os.getpid())
    assert me is not None
    assert me.alive
    assert not processes.Pid(me.number, me.started + 1).alive


def test_a_dead_process_that_nobody_reaped_counts_as_dead() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        eventually(lambda: processes.stat_of(child.pid), until=lambda s: s and s.state == "Z")
        assert child.pid not in processes.descendants(os.getpid())


def test_shared_memory_of_a_killed_server_is_removed_and_no_other() -> None:
    libc = ctypes.CDLL(None)
    mine = libc.shmget(0, 4096, 0o1600)
    script = "import ctypes; print(ctypes.CDLL(None).shmget(0, 4096, 0o1600))"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        theirs = int(child.stdout.read())
    try:
        processes.remove_shared_memory({child.pid})
        assert libc.shmctl(theirs, 0, None) == -1  # IPC_RMID of what is gone
    finally:
        assert libc.shmctl(mine, 0, None) == 0


def test_end_all_ends_what_changed_its_session_and_ignores_sigterm() -> None:
    script = (
        "import os, signal\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "if os.fork() == 0: os.setsid()\n"
        # In one piece: print may write the number and its line's end apart, among the other's.
        "os.write(1, b'%d\\n' % os.getpid()); signal.pause()\n"
    )
    deployment = f"test-{os.getpid()}"
    child = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        env={**os.environ, processes.DEPLOYMENT: deployment},
    )
    with child:
        try:
            assert child.stdout is not None
            numbers = [int(child.stdout.readline()) for _ in range(2)]
            pids = [processes.identify(number) for number in numbers]
            left = processes.end_all([deployment], root=child.pid)
        finally:  # a failure must not leave them, nor wait for them
            processes.send(processes.marked(processes.DEPLOYMENT, deployment), signal.SIGKILL)
        assert left == []
        assert not any(pid is not None and pid.alive for pid in pids)
        child.returncode = -signal.SIGKILL  # reaped by end_all


def test_waiting_for_events_returns_with_the_first() -> None:
    async def scenario() -> list[int]:
        timeline = Timeline()
        await timeline.add("a", None, State.STARTING)
        waiting = asyncio.create_task(timeline.wait(1, 30))
        await asyncio.sleep(0)
        await timeline.add("a", None, State.READY)
        return [event.seq for event in await waiting]

    assert asyncio.run(scenario()) == [2]


def test_a_probe_with_a_defect_does_not_leave_its_last_state_standing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def probe(*_: object) -> ProbeResult:
        if not healthy:
            raise TypeError("a defect")
        return ProbeResult(Health.HEALTHY, Connection.CONNECTED, 1.0)

    def kind(_: str) -> SimpleNamespace:
        return SimpleNamespace(endpoints=(), probe=probe)

    async def scenario() -> None:
        target = Target("one", "process", ComponentConfig(kind="process"), {})

        async def context() -> Context:
            return Context(tmp_path, {"one": target}, tmp_path, "")

        looking = Observer(SimpleNamespace(context=context), Timeline())  # type: ignore[arg-type]
        await looking.start()
        healthy.clear()
        try:
            down = await looking.timeline.wait(1, 5)
            assert [event.state for event in down] == [State.UNREACHABLE]
            assert "TypeError: a defect" in down[0].detail
            healthy.append(True)
            assert [e.state for e in await looking.timeline.wait(2, 5)] == [State.READY]
        finally:
            await looking.end(hurry=True)

    healthy = [True]
    monkeypatch.setattr(observer, "load", kind)
    monkeypatch.setattr(observer, "_PERIOD", 0.01)
    asyncio.run(scenario())
    assert "TypeError" in capsys.readouterr().err  # goes to the keeper's log
