"""What clients do to components: one after another, on what runs, undone or refused."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import ValidationError

from seatrial.cli import restart
from seatrial.errors import KeeperError
from seatrial.keeper import client, processes
from seatrial.keeper import protocol as p
from seatrial.keeper.places import Place
from seatrial.keeper.protocol import Action
from seatrial.outcome import Cause, State

from .conftest import Fleet
from .test_life import SLEEPER, WEB, Gone, keeper_of


def test_restarts_at_the_same_time_take_turns(fleet: Fleet) -> None:
    started = fleet.up(SLEEPER)
    clients = [client.attach(started.place) for _ in range(4)]
    try:
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda c: c.act(Action.RESTART, "one"), clients))
        marked = processes.marked(processes.COMPONENT, f"{started.place.id}/one-0")
        assert marked == list(started.status().components["one"].pids)
    finally:
        for one in clients:
            assert one is not None
            one.close()


def test_an_action_waits_for_the_start(fleet: Fleet) -> None:
    slow = "  one: {kind: process, run: [sh, -c, 'sleep 0.5; exec python3 {P}/sleeper.py'], "
    started = fleet.start(fleet.system(slow + "ready: notify}\n"))
    last, seen = 0, False
    while not seen:
        events = started.events(last, wait=5)
        seen, last = any(e.state is State.STARTING for e in events), events[-1].seq
    started.act(Action.STOP, "one")
    status = started.status()
    assert status.failure is None
    assert status.components["one"].state is State.STOPPED


def test_a_failed_replica_is_told_when_all_have_been_seen_to(fleet: Fleet) -> None:
    script = (
        'case "$SEATRIAL_COMPONENT" in '
        "*-0) if test -e zero; then sleep 1; fi; touch zero;; "
        "*-1) test ! -e one && touch one || exit 9;; esac; exec python3 {P}/sleeper.py"
    )
    keys = f"replicas: 2, ready: notify, run: [sh, -c, '{script}']"
    started = fleet.up(f"  pair: {{kind: process, {keys}}}\n")
    with pytest.raises(client.ActionFailed, match="exit code 9"):
        started.act(Action.RESTART, "pair")
    assert started.status().components["pair"].replicas == (State.READY, State.FAILED)


def test_what_nothing_undoes_cannot_be_held(fleet: Fleet, gone: Gone) -> None:
    request = p.Act(action=Action.START, component="one").model_copy(update={"hold": True})
    with pytest.raises(ValidationError, match="cannot be held"):
        p.REQUEST.validate_json(request.model_dump_json())
    started = fleet.up(SLEEPER)
    with pytest.raises(KeeperError, match="start cannot be held"):
        started.act(Action.START, "one", hold=True)
    with pytest.raises(KeeperError, match="cannot be held"):  # nor by who does not ask politely
        started.ask(request)
    started.close()
    gone(started.place.id)


def test_what_has_ended_cannot_be_paused(fleet: Fleet) -> None:
    started = fleet.up(SLEEPER)
    pid = started.status().components["one"].pids[0]
    assert pid is not None
    last = started.status().last_event
    os.kill(pid, signal.SIGKILL)
    assert started.events(last, wait=5.0)[0].state is State.EXITED
    with pytest.raises(KeeperError, match="one cannot be paused: it is exited"):
        started.act(Action.PAUSE, "one")
    started.act(Action.RESUME, "one")
    assert started.status().components["one"].state is State.EXITED


def test_a_taken_port_is_on_the_time_line(fleet: Fleet) -> None:
    port = fleet.up(WEB).status().components["web"].endpoints["http"][0].port
    system = fleet.system(WEB.replace("health:", f"port: {port}, health:"), folder="other")
    started = fleet.start(system)
    status = started.wait_until_ready(lambda event: None)
    assert status.failure is not None
    assert status.failure.cause is Cause.PORT_IN_USE
    assert status.components["web"].state is State.FAILED
    states = [event.state for event in started.events()]
    assert states == [State.WAITING, State.STARTING, State.FAILED]


def open_files(place: Place) -> int:
    return len(os.listdir(f"/proc/{keeper_of(place)}/fd"))


ONCE = "if test -e once; then exec sleep 60; fi; touch once; exec python3 {P}/sleeper.py"


@pytest.mark.parametrize(
    "program",
    [
        WEB.replace("web:", "one:").replace("{web.port}", "{one.port}"),
        "  one: {kind: process, run: [sleep, '60'], ready: started}\n",
        "  one:\n    kind: process\n    ready: notify\n    start_timeout: 2\n"
        f"    run: [sh, -c, '{ONCE}']\n",
    ],
    ids=["probe", "started", "notify, but only once"],
)
def test_starts_leave_no_file_open_in_the_keeper(fleet: Fleet, program: str) -> None:
    started = fleet.up(program)
    before = open_files(started.place)
    for _ in range(2):
        try:
            started.act(Action.RESTART, "one")
        except client.ActionFailed:
            assert "notify" in program
    assert open_files(started.place) <= before


def test_restart_waits_for_a_fault_and_does_not_lift_it(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restart, "_LOCK_SECONDS", 0.2)
    system = fleet.system(SLEEPER)
    started = fleet.start(system, Place.of(system.folder, "local"))
    started.wait_until_ready(lambda event: None)
    arguments = ["one", "--system", str(system.folder)]
    started.lock("exclusive")
    started.act(Action.STOP, "one", hold=True)
    with pytest.raises(KeeperError, match="one was not restarted"):
        restart.command.main(arguments, standalone_mode=False)
    assert started.status().components["one"].state is State.STOPPED
    started.act(Action.START, "one")
    started.unlock()
    before = started.status().components["one"].pids
    assert restart.command.main(arguments, standalone_mode=False) == 0
    assert started.status().components["one"].pids != before
