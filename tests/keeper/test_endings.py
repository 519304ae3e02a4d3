"""How a deployment ends: in time, whatever is being done to it, and with nothing left."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from pydantic import BaseModel

from seatrial.declaration.models import System
from seatrial.environment import deployment as environment
from seatrial.errors import KeeperError
from seatrial.keeper import client, leftovers, life, processes
from seatrial.keeper import protocol as p
from seatrial.keeper.places import Place, cache
from seatrial.keeper.protocol import Action
from seatrial.keeper.server import Server
from seatrial.keeper.timeline import Timeline
from seatrial.kinds.postgres.binaries import find_server, run_as
from seatrial.kinds.postgres.template import Template
from seatrial.outcome import State
from seatrial.waiting import eventually_async

from .conftest import Fleet
from .test_life import SLEEPER, STUBBORN, keeper_of, kill_both

Gone = Callable[[str], None]

SLOW_AGAIN = (
    "  one:\n    kind: process\n    ready: notify\n"
    "    run: [sh, -c, 'if test -e again; then sleep 20; fi; touch again; "
    "exec python3 {P}/sleeper.py']\n"
)


def stubborn(grace: float) -> str:
    return (
        f"  one: {{kind: process, run: [sh, -c, '{STUBBORN}'], ready: started, grace: {grace}}}\n"
    )


def test_an_ending_deployment_gives_no_more_leases(fleet: Fleet) -> None:
    started = fleet.up(stubborn(2))
    started.ask(p.Down())
    with pytest.raises(KeeperError, match="is ending"):
        started.keep(3600)
    with pytest.raises(KeeperError, match="is ending"):
        started.act(Action.RESTART, "one")
    assert client.attach(started.place) is None  # it has waited for the end
    assert processes.marked(processes.DEPLOYMENT, started.place.id) == []


def test_who_finds_an_ending_deployment_starts_it_anew(fleet: Fleet) -> None:
    system = fleet.system(stubborn(2))
    place = Place.of(system.folder, "local")
    started = fleet.start(system, place)
    started.wait_until_ready(lambda event: None)
    started.keep(3600)
    before = keeper_of(place)
    started.ask(p.Down())
    anew = environment.attach_or_start(system)
    try:
        assert not anew.attached
        assert keeper_of(place) != before
        anew.wait_until_ready()
    finally:
        anew.close()


def test_a_fault_is_mended_before_its_lock_is_given_back(fleet: Fleet) -> None:
    slow = SLOW_AGAIN.replace("sleep 20", "sleep 0.5")
    waiting = fleet.up(slow)
    broken = client.attach(waiting.place)
    assert broken is not None
    broken.lock("exclusive")
    broken.act(Action.STOP, "one", hold=True)
    broken.close()
    waiting.lock("shared", wait=30)
    assert waiting.status().components["one"].state is State.READY


def test_nothing_is_mended_of_what_ends_anyway(fleet: Fleet, gone: Gone) -> None:
    started = fleet.up(SLOW_AGAIN)
    started.act(Action.STOP, "one", hold=True)
    started.close()
    gone(started.place.id)
    client.wait_until_gone(started.place, 1.0)


def test_it_ends_in_time_in_the_middle_of_a_restart(fleet: Fleet, gone: Gone) -> None:
    started = fleet.up(SLOW_AGAIN)
    last = started.status().last_event
    other = client.attach(started.place)
    assert other is not None

    def restart() -> None:
        with contextlib.suppress(KeeperError, OSError, ValueError):  # it is cut off
            started.act(Action.RESTART, "one")

    restarting = threading.Thread(target=restart)
    restarting.start()
    while not any(event.state is State.STARTING for event in other.events(last, wait=5)):
        pass
    other.close()
    started.close()
    restarting.join()
    gone(started.place.id)
    client.wait_until_gone(started.place, 1.0)


def test_an_action_goes_on_without_its_client_where_others_stay(fleet: Fleet) -> None:
    slow = SLOW_AGAIN.replace("sleep 20", "sleep 0.5")
    stays = fleet.up(slow)
    last = stays.status().last_event
    leaves = client.attach(stays.place)
    assert leaves is not None

    def restart() -> None:
        with contextlib.suppress(KeeperError, OSError, ValueError):
            leaves.act(Action.RESTART, "one")

    restarting = threading.Thread(target=restart)
    restarting.start()
    while not any(event.state is State.STARTING for event in stays.events(last, wait=5)):
        pass
    leaves.close()
    restarting.join()
    stays.act(Action.START, "one")  # waits for its turn
    assert stays.status().components["one"].state is State.READY


@contextmanager
def hung(place: Place) -> Iterator[None]:
    """Its keeper stands still; in the end it goes on, if it is there."""
    keeper = processes.identify(keeper_of(place))
    assert keeper is not None
    os.kill(keeper.number, signal.SIGSTOP)
    try:
        yield
    finally:
        if keeper.alive:
            os.kill(keeper.number, signal.SIGCONT)


def test_a_hung_keeper_is_named_and_can_be_ended(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = fleet.system(SLEEPER)
    place = Place.of(system.folder, "local")
    started = fleet.start(system, place)
    started.wait_until_ready(lambda event: None)
    monkeypatch.setattr(client, "_ATTACH_SECONDS", 0.5)
    monkeypatch.setattr(leftovers, "IN_ORDER_SECONDS", 0.2)
    with hung(place):
        with pytest.raises(KeeperError, match="does not answer") as error:
            client.attach(place)
        assert "seatrial down" in (error.value.hint or "")
        assert environment.end(system)
        assert processes.marked(processes.DEPLOYMENT, place.id) == []
        assert not place.state_file.exists()
        assert not environment.end(system)


def test_a_process_that_only_has_the_number_of_a_keeper_is_left_alone(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = fleet.up(SLEEPER)
    state = client.read_state(started.place)
    assert state is not None
    text = started.place.state_file.read_text()
    other = text.replace(f'"keeper_started": {state.keeper_started}', '"keeper_started": 1')
    assert other != text
    started.place.state_file.write_text(other)
    monkeypatch.setattr(leftovers, "IN_ORDER_SECONDS", 0.2)
    with pytest.raises(KeeperError, match="cannot be found"):
        leftovers.end_by_force(started.place)
    assert started.status().ready


@pytest.mark.parametrize("private", [True, False], ids=["private", "of up"])
def test_what_a_killed_guardian_left_goes_with_the_next_start(fleet: Fleet, private: bool) -> None:
    system = fleet.system(SLEEPER)
    place = Place.private() if private else Place.of(system.folder, "local")
    started = fleet.start(system, place)
    started.wait_until_ready(lambda event: None)
    found = processes.stat_of(keeper_of(place))
    assert found is not None
    os.kill(found.parent, signal.SIGKILL)
    client.wait_until_gone(place)
    assert place.folder.exists()  # else this test shows nothing
    fleet.up(SLEEPER)
    assert not place.folder.exists()
    assert not place.lock_file.exists()


def test_the_log_of_a_crash_stays_until_the_same_deployment_starts_again(fleet: Fleet) -> None:
    system = fleet.system(SLEEPER)
    place = Place.of(system.folder, "local")
    started = fleet.start(system, place)
    started.wait_until_ready(lambda event: None)
    os.kill(keeper_of(place), signal.SIGKILL)
    client.wait_until_gone(place)
    log = place.keeper_log
    log.write_text("what happened")
    fleet.up(SLEEPER)
    assert log.read_text() == "what happened"
    assert not environment.end(system)


def test_leftovers_of_others_that_cannot_be_ended_do_not_hinder_a_start(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = fleet.system(SLEEPER)
    left = fleet.start(system, Place.of(system.folder, "local"))
    left.wait_until_ready(lambda event: None)
    kill_both(left)
    with monkeypatch.context() as immortal:
        immortal.setattr(processes, "end_all", lambda *_, **__: [1])
        fleet.up(SLEEPER)
        with pytest.raises(KeeperError, match="cannot be ended: 1"):
            client.start(system, left.place)
    assert environment.end(system)


def test_a_template_that_somebody_else_makes_does_not_hold_up_the_end(fleet: Fleet) -> None:
    server = find_server(None)
    template = Template(server, "seatrial", "held")
    lock = cache() / f"postgres-{template.digest(run_as())}.lock"
    with open(lock, "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        started = fleet.start(
            fleet.system("  db: {kind: postgres, user: seatrial, database: held}\n")
        )
        seen, last = False, 0
        while not seen:
            events = started.events(last, wait=5)
            seen, last = any(e.state is State.STARTING for e in events), events[-1].seq
        started.close()
        client.wait_until_gone(started.place, 5.0)


class Owner:
    """Stands behind a server, or a keeper's life, and has a defect in `start` or in `act`."""

    failure: p.Failure | None = None
    ready = True
    capabilities: frozenset[str] = frozenset()
    edges = ()
    network_faults = ()
    apart = ()
    secrets = ()

    def __init__(self) -> None:
        self.ended = False

    def statuses(self) -> dict[str, p.ComponentStatus]:
        return {"one": p.ComponentStatus(name="one", kind="process", state=State.READY)}

    async def start(self) -> None:
        raise RuntimeError("a defect in start")

    async def look(self) -> None:
        pass

    async def usage(self, component: str, replica: int | None) -> p.Usage:
        return p.Usage(cpu_s=0, memory_bytes=0, processes=0)

    async def act(
        self, action: Action, component: str, replica: int | None, *, by_fault: bool = False
    ) -> None:
        if action is Action.START:
            raise RuntimeError("a defect in act")

    def log_tail(self, component: str, lines: int) -> tuple[str, ...]:
        return ()

    async def end(self, *, hurry: bool) -> None:
        self.ended = True


@pytest.fixture
def place() -> Iterator[Place]:
    place = Place.private()
    place.folder.mkdir()
    yield place
    leftovers.end_leftovers(place)


def test_everything_is_ended_after_a_defect_in_starting(
    fleet: Fleet, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = Owner()
    owner.ready = False
    monkeypatch.setattr(life, "_owner", lambda *_, **__: owner)
    ours, theirs = socket.socketpair()

    async def live() -> int:
        living = asyncio.create_task(life._live(fleet.system(SLEEPER), place, theirs))
        await eventually_async(lambda: asyncio.sleep(0, owner.failure), timeout=5)
        ours.close()
        return await asyncio.wait_for(living, 10)

    assert asyncio.run(live()) == life.START_FAILED
    assert owner.failure is not None
    assert "a defect in start" in owner.failure.found
    assert owner.ended
    assert not place.socket.exists()


def test_a_defect_in_mending_leaves_no_lease_behind(fleet: Fleet, place: Place) -> None:
    asyncio.run(_leave_with_a_defect(fleet.system(SLEEPER), place))


async def _leave_with_a_defect(system: System, place: Place) -> None:
    said: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context))
    server = Server(system, place, Owner(), Timeline())
    (stays, one), (leaves, two) = socket.socketpair(), socket.socketpair()
    with stays, leaves:
        await server.adopt(one)
        await server.adopt(two)
        lock = p.Lock(mode="exclusive", wait=5)
        await answers(leaves, lock, p.Act(action=Action.STOP, component="one", hold=True))
        leaves.shutdown(socket.SHUT_RDWR)
        await eventually_async(lambda: asyncio.sleep(0, said), timeout=5)  # the defect is said
        assert (await answers(stays, lock))[-1].error is None
        stays.shutdown(socket.SHUT_RDWR)
        async with asyncio.timeout(5):
            await server.over.wait()


async def answers(connection: socket.socket, *requests: BaseModel) -> list[p.Reply]:
    """The greeting and a reply to each request."""
    connection.setblocking(False)
    loop, came = asyncio.get_running_loop(), b""
    for request in requests:
        await loop.sock_sendall(connection, request.model_dump_json().encode() + b"\n")
    async with asyncio.timeout(5):
        while came.count(b"\n") < len(requests) + 1:
            came += await loop.sock_recv(connection, 65_536)
    return [p.Reply.model_validate_json(line) for line in came.splitlines()]


def test_a_lease_is_refused_from_the_moment_when_the_end_is_decided(
    fleet: Fleet, place: Place
) -> None:
    async def scenario() -> None:
        server = Server(fleet.system(SLEEPER), place, Owner(), Timeline())
        ours, theirs = socket.socketpair()
        with ours:
            server.over.set()
            await server.adopt(theirs)
            (refused,) = await answers(ours)
        assert refused.status is None
        assert "is ending" in (refused.error or "")

    asyncio.run(scenario())
