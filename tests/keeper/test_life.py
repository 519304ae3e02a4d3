"""A deployment lives as long as its leases, and nothing of it outlives its keeper."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from seatrial.environment import deployment as environment
from seatrial.errors import KeeperError, Refused
from seatrial.keeper import client, places, processes
from seatrial.keeper.places import Place
from seatrial.keeper.protocol import Action, Event
from seatrial.outcome import Cause, State
from seatrial.waiting import eventually

from .conftest import Fleet

SLEEPER = "  one: {kind: process, run: [python, '{P}/sleeper.py'], ready: notify}\n"
DAEMON = "  one: {kind: process, run: [python, '{P}/daemon.py'], ready: notify}\n"
WEB = "  web: {kind: http, run: [python, '{P}/web.py'], health: /, env: {PORT: '{web.port}'}}\n"

Gone = Callable[[str], None]


def keeper_of(place: Place) -> int:
    state = client.read_state(place)
    assert state is not None
    return state.keeper


def test_ends_with_its_last_lease(fleet: Fleet, gone: Gone) -> None:
    first = fleet.up(SLEEPER)
    second = client.attach(first.place)
    assert second is not None
    first.close()
    assert second.status().components["one"].state is State.READY
    second.close()
    gone(first.place.id)
    client.wait_until_gone(first.place)
    assert not first.place.folder.exists()


def test_the_next_start_finds_a_copy_laid_up(fleet: Fleet, gone: Gone) -> None:
    of_others = set(places.cache().glob("*.spare"))
    first = fleet.up("  db: {kind: postgres, database: laid_up}\n")
    (spare,) = eventually(
        lambda: set(places.cache().glob("*.spare")) - of_others, what="a copy is laid up"
    )
    number = (spare / "PG_VERSION").stat().st_ino
    first.close()
    gone(first.place.id)
    second = fleet.up("  db: {kind: postgres, database: laid_up}\n")
    assert (second.place.data / "db-0" / "data" / "PG_VERSION").stat().st_ino == number


STUBBORN = "trap : TERM; while :; do sleep 1; done"


def test_what_ignores_its_stop_signal_is_gone_in_time_when_the_lease_is_lost(
    fleet: Fleet, gone: Gone
) -> None:
    keys = f"run: [sh, -c, '{STUBBORN}'], ready: started, grace: 60"
    started = fleet.up(f"  one: {{kind: process, {keys}}}\n  db: {{kind: postgres}}\n")
    started.close()
    gone(started.place.id)


@pytest.mark.parametrize("private", [True, False], ids=["private", "of up"])
def test_a_deployment_leaves_not_even_its_lock(fleet: Fleet, private: bool) -> None:
    system = fleet.system(SLEEPER)
    started = fleet.start(system, None if private else Place.of(system.folder, "local"))
    started.wait_until_ready(lambda event: None)
    assert started.place.lock_file.exists()
    started.down()
    assert not started.place.lock_file.exists()


def test_lives_on_when_kept_until_down(fleet: Fleet, gone: Gone) -> None:
    first = fleet.up(SLEEPER)
    first.keep(3600)
    first.close()
    second = client.attach(first.place)
    assert second is not None
    assert second.status().kept
    second.down()
    gone(first.place.id)


def test_kept_but_idle_ends(fleet: Fleet, gone: Gone) -> None:
    first = fleet.up(SLEEPER)
    first.keep(0.05)
    first.close()
    gone(first.place.id)


@pytest.mark.parametrize("program", [SLEEPER, DAEMON], ids=["child", "grandchild"])
def test_nothing_survives_a_killed_keeper(fleet: Fleet, gone: Gone, program: str) -> None:
    started = fleet.up(program)
    assert processes.marked(processes.DEPLOYMENT, started.place.id)
    os.kill(keeper_of(started.place), signal.SIGKILL)
    gone(started.place.id)


def test_nothing_survives_a_killed_guardian(fleet: Fleet, gone: Gone) -> None:
    started = fleet.up(SLEEPER)
    found = processes.stat_of(keeper_of(started.place))
    assert found is not None
    os.kill(found.parent, signal.SIGKILL)
    gone(started.place.id)


def kill_both(started: client.KeeperClient) -> None:
    """As `pkill -9 -f seatrial` does."""
    keeper = keeper_of(started.place)
    found = processes.stat_of(keeper)
    assert found is not None
    os.kill(keeper, signal.SIGSTOP)  # or it would shut down in order when its guardian dies
    for number in (found.parent, keeper):
        os.kill(number, signal.SIGKILL)
    client.wait_until_gone(started.place)


def test_what_a_killed_keeper_and_guardian_left_ends_with_down(fleet: Fleet) -> None:
    system = fleet.system(DAEMON)
    started = fleet.start(system, Place.of(system.folder, "local"))
    started.wait_until_ready(lambda event: None)
    kill_both(started)
    assert len(processes.marked(processes.DEPLOYMENT, started.place.id)) == 2
    assert environment.end(system)
    assert processes.marked(processes.DEPLOYMENT, started.place.id) == []
    assert not started.place.folder.exists()
    assert not environment.end(system)


def test_what_a_killed_keeper_and_guardian_left_ends_with_the_next_start(fleet: Fleet) -> None:
    started = fleet.up(SLEEPER)
    bystander = fleet.up(SLEEPER)
    kill_both(started)
    assert processes.marked(processes.DEPLOYMENT, started.place.id)
    fleet.up(SLEEPER)
    assert processes.marked(processes.DEPLOYMENT, started.place.id) == []
    assert not started.place.folder.exists()
    assert bystander.status().components["one"].state is State.READY


def test_of_several_that_start_at_once_one_starts_and_the_others_attach(fleet: Fleet) -> None:
    system = fleet.system(SLEEPER)
    together = threading.Barrier(4)

    def up(number: int) -> environment.Deployment:
        together.wait()
        return environment.attach_or_start(system)

    with ThreadPoolExecutor(4) as threads:
        deployments = list(threads.map(up, range(4)))
    try:
        for one in deployments:
            one.wait_until_ready()
        assert sorted(one.attached for one in deployments) == [False, True, True, True]
    finally:
        for one in deployments:
            one.close()
        client.wait_until_gone(deployments[0].place)


def test_a_daemonised_grandchild_is_ended_in_order(fleet: Fleet) -> None:
    started = fleet.up(DAEMON)
    line = next(line for line in started.logs("one") if line.startswith("grandchild"))
    grandchild = processes.identify(int(line.split()[1]))
    assert grandchild is not None
    assert grandchild.alive
    started.down()
    assert not grandchild.alive


def test_a_client_killed_before_ready_leaves_nothing(
    fleet: Fleet, gone: Gone, tmp_path: Path
) -> None:
    never = "  one: {kind: process, run: [sleep, '600'], ready: notify}\n"
    system = fleet.system(never)
    place = Place.private()
    script = (
        "import os, sys; from pathlib import Path\n"
        "from seatrial.declaration.load import load; from seatrial.kinds.registry import KINDS\n"
        "from seatrial.keeper import client; from seatrial.keeper.places import Place\n"
        "s = load(Path(sys.argv[1]), KINDS, environment=None, variables=os.environ)\n"
        "client.start(s, Place(sys.argv[2])).wait_until_ready(lambda e: print(e, flush=True))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(system.file), place.id], stdout=subprocess.PIPE
    ) as impatient:
        assert impatient.stdout is not None
        while b"starting" not in impatient.stdout.readline():
            pass
        assert processes.marked(processes.DEPLOYMENT, place.id)
        impatient.kill()
    gone(place.id)


def test_a_second_start_is_refused_and_attach_finds_the_first(fleet: Fleet) -> None:
    system = fleet.system(SLEEPER)
    place = Place.of(system.folder, "local")
    fleet.start(system, place)
    with pytest.raises(KeeperError, match="already running"):
        client.start(system, place)
    found = client.attach(place)
    assert found is not None
    found.close()


def test_a_differing_declaration_is_refused_with_the_difference(fleet: Fleet) -> None:
    first = fleet.system(SLEEPER)
    place = Place.of(first.folder, "local")
    fleet.start(first, place).wait_until_ready(lambda event: None)
    client.refuse_if_different(first, place)
    other = fleet.system(SLEEPER.replace("notify}", "notify, grace: 3, env: {PASSWORD: hunter22}}"))
    with pytest.raises(Refused) as refused:
        client.refuse_if_different(other, place)
    text = str(refused.value)
    assert "- one.grace: 10.0" in text.replace("-one", "- one")
    assert "+ one.grace: 3.0" in text.replace("+one", "+ one")
    assert "hunter22" not in text


def test_the_same_system_from_another_home_is_another_deployment(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A keeper ends whatever bears its deployment's mark: two homes must not share one."""
    system = fleet.system(SLEEPER)
    first = fleet.start(system, Place.of(system.folder, "local"))
    first.wait_until_ready(lambda event: None)
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("SEATRIAL_HOME", str(tmp_path / "home"))
        second = client.start(system, Place.of(system.folder, "local"))
        second.wait_until_ready(lambda event: None)
        second.down()
    # The timeline knows of an exit before a request that comes after it is answered.
    events = first.events(since=first.status().last_event, wait=0.5)
    assert [event.detail for event in events] == []
    assert first.status().components["one"].state is State.READY


def test_attach_where_nothing_runs(fleet: Fleet) -> None:
    assert client.attach(Place.private()) is None


def test_an_early_exit_is_named_with_its_last_words(fleet: Fleet) -> None:
    system = fleet.system(
        SLEEPER + "  bad: {kind: process, run: [python, '{P}/failing.py'], ready: notify}\n"
    )
    status = fleet.start(system).wait_until_ready(lambda event: None)
    assert status.failure is not None
    assert status.failure.component == "bad"
    assert status.failure.cause is Cause.EXITED
    assert "exit code 7" in status.failure.found
    assert status.failure.log == ("the table `orders` does not exist",)


@pytest.mark.parametrize("code", [0, 4])
def test_what_ends_at_once_has_not_started(fleet: Fleet, code: int) -> None:
    run = f"[sh, -c, 'echo no DATABASE_URL; exit {code}']"
    one = f"  one: {{kind: process, run: {run}, ready: started}}\n"
    status = fleet.start(fleet.system(one)).wait_until_ready(lambda event: None)
    assert status.failure is not None
    assert (status.failure.component, status.failure.cause) == ("one", Cause.EXITED)
    assert f"exit code {code}" in status.failure.found
    assert status.failure.log == ("no DATABASE_URL",)


def test_an_end_while_others_still_start_fails_the_start(fleet: Fleet) -> None:
    never = "  slow: {kind: process, run: [sleep, '600'], ready: notify}\n"
    started = fleet.start(fleet.system(never + SLEEPER))

    def end_it(event: Event) -> None:
        if (event.component, event.state) == ("one", State.READY):
            pid = started.status().components["one"].pids[0]
            assert pid is not None
            os.kill(pid, signal.SIGKILL)

    failure = started.wait_until_ready(end_it).failure
    assert failure is not None
    assert (failure.component, failure.cause) == ("one", Cause.EXITED)


def test_a_program_that_is_not_there(fleet: Fleet) -> None:
    status = fleet.start(
        fleet.system("  bad: {kind: process, run: [no-such-program]}\n")
    ).wait_until_ready(lambda event: None)
    assert status.failure is not None
    assert "no-such-program" in status.failure.found


def test_a_slow_start_is_given_up_in_time(fleet: Fleet) -> None:
    never = "  one: {kind: process, run: [sleep, '600'], ready: notify, start_timeout: 0.2}\n"
    status = fleet.start(fleet.system(never)).wait_until_ready(lambda event: None)
    assert status.failure is not None
    assert status.failure.cause is Cause.TIMEOUT
    assert "READY=1" in status.failure.found


def test_needs_are_waited_for_and_references_are_not(fleet: Fleet) -> None:
    started = fleet.up(
        "  last: {kind: process, run: [python, '{P}/sleeper.py'], ready: notify, needs: [first]}\n"
        "  first: {kind: task, run: [python, -c, '1']}\n" + WEB
    )
    seen = [(event.component, event.state) for event in started.events()]
    assert seen.index(("first", State.DONE)) < seen.index(("last", State.STARTING))


def test_a_reserved_port_is_given_up_for_a_program_that_cannot_share_it(fleet: Fleet) -> None:
    stubborn = WEB.replace("{PORT:", "{WITHOUT_REUSE: '1', PORT:")
    assert fleet.up(stubborn).status().components["web"].state is State.READY


def test_a_fixed_port_that_is_taken(fleet: Fleet) -> None:
    port = fleet.up(WEB).status().components["web"].endpoints["http"][0].port
    system = fleet.system(WEB.replace("health:", f"port: {port}, health:"), folder="other")
    status = fleet.start(system).wait_until_ready(lambda event: None)
    assert status.failure is not None
    assert status.failure.cause is Cause.PORT_IN_USE
    assert str(port) in status.failure.expected


def test_a_program_that_listens_elsewhere_is_told_where(fleet: Fleet) -> None:
    with socket.socket() as free:  # not the port that it is given, whoever else comes
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        system = fleet.system(_web_at(port).replace("health:", "start_timeout: 8, health:"))
        events: list[Event] = []
        status = fleet.start(system).wait_until_ready(events.append)
    assert status.failure is not None
    assert status.failure.cause is Cause.REFUSED
    given = status.components["web"].endpoints["http"][0].address
    found = f"it runs, but listens at 127.0.0.1:{port}, and not at {given}"
    assert found == status.failure.found
    assert "{web.port}" in status.failure.fix
    assert "more time would not help" in status.failure.fix
    # It was not silent until then, and told it once.
    starting = [event.detail for event in events if event.state is State.STARTING]
    assert starting == ["", found]


def test_a_program_that_wants_a_port_of_somebody_else_is_told_so(fleet: Fleet) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        system = fleet.system(_web_at(other.getsockname()[1]))
        status = fleet.start(system).wait_until_ready(lambda event: None)
    assert status.failure is not None
    assert status.failure.cause is Cause.PORT_IN_USE
    given = status.components["web"].endpoints["http"][0].port
    assert f"another address, for port {given} is free" in status.failure.found
    assert "{web.port}" in status.failure.fix


def _web_at(port: int) -> str:
    return WEB.replace("'{web.port}'", f"'{port}'")


def test_an_exit_after_ready_is_on_the_time_line(fleet: Fleet) -> None:
    started = fleet.up(SLEEPER)
    pid = started.status().components["one"].pids[0]
    assert pid is not None
    last = started.status().last_event
    os.kill(pid, signal.SIGKILL)
    event = started.events(last, wait=5.0)[0]
    assert (event.component, event.state) == ("one", State.EXITED)
    assert "SIGKILL" in event.detail
    said = started.status().components["one"].provider  # which checks repeat
    assert said.found == "one ended on its own with signal SIGKILL"
    assert said.killed
    assert said.remedy == "see who killed it (where memory ran out, dmesg tells)"


def test_who_ended_otherwise_was_not_killed(fleet: Fleet) -> None:
    started = fleet.up(SLEEPER)
    pid = started.status().components["one"].pids[0]
    assert pid is not None
    last = started.status().last_event
    os.kill(pid, signal.SIGABRT)
    assert started.events(last, wait=5.0)[0].state is State.EXITED
    said = started.status().components["one"].provider
    assert (said.found, said.killed, said.remedy) == (
        "one ended on its own with signal SIGABRT",
        False,
        "",
    )


def test_replicas_have_ports_and_states_of_their_own(fleet: Fleet) -> None:
    started = fleet.up(WEB.replace("health:", "replicas: 2, health:"))
    web = started.status().components["web"]
    assert len({endpoint.port for endpoint in web.endpoints["http"]}) == 2
    assert web.replicas == (State.READY, State.READY)
    started.act(Action.STOP, "web", 1)
    web = started.status().components["web"]
    assert web.replicas == (State.READY, State.STOPPED)
    assert web.state is State.READY


@pytest.mark.parametrize(
    ("action", "state"),
    [
        (Action.STOP, State.STOPPED),
        (Action.KILL, State.STOPPED),
        (Action.PAUSE, State.PAUSED),
    ],
)
def test_a_held_action_is_undone_with_its_lease(fleet: Fleet, action: Action, state: State) -> None:
    started = fleet.up(SLEEPER)
    other = client.attach(started.place)
    assert other is not None
    other.act(action, "one", hold=True)
    status = started.status().components["one"]
    assert (status.state, status.by_fault) == (state, True)
    other.close()
    eventually(
        lambda: started.status().components["one"],
        until=lambda one: one.state is State.READY and not one.by_fault,
        timeout=5.0,
    )


def test_a_paused_process_stands_still_and_goes_on(fleet: Fleet) -> None:
    started = fleet.up(SLEEPER)
    pid = started.status().components["one"].pids[0]
    assert pid is not None
    started.act(Action.PAUSE, "one")
    eventually(lambda: processes.stat_of(pid), until=lambda s: s is not None and s.state == "T")
    started.act(Action.RESUME, "one")
    eventually(lambda: processes.stat_of(pid), until=lambda s: s is not None and s.state != "T")
    assert started.status().components["one"].state is State.READY


def test_restart_gives_a_new_process(fleet: Fleet) -> None:
    started = fleet.up(WEB)
    before = started.status().components["web"]
    started.act(Action.RESTART, "web")
    after = started.status().components["web"]
    assert after.state is State.READY
    assert after.pids != before.pids
    assert after.endpoints == before.endpoints


def test_what_does_not_come_back_is_said(fleet: Fleet) -> None:
    once = "test ! -e m && touch m && exec python3 {P}/sleeper.py"
    started = fleet.up(f"  once: {{kind: process, run: [sh, -c, '{once}'], ready: notify}}\n")
    with pytest.raises(client.ActionFailed, match="exit code 1"):
        started.act(Action.RESTART, "once")
    assert started.status().components["once"].state is State.FAILED


def test_an_unknown_component_is_named_with_those_there_are(fleet: Fleet) -> None:
    with pytest.raises(KeeperError, match="there is no two") as error:
        fleet.up(SLEEPER).act(Action.STOP, "two")
    assert "one" in (error.value.hint or "")


def test_the_state_and_the_socket_are_for_their_user_alone(fleet: Fleet) -> None:
    place = fleet.up(SLEEPER).place
    assert place.state_file.stat().st_mode & 0o777 == 0o600
    assert place.socket.stat().st_mode & 0o777 == 0o600
    assert place.folder.stat().st_mode & 0o777 == 0o711


def test_a_base_folder_of_somebody_else_is_refused(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    monkeypatch.setenv("SEATRIAL_HOME", str(open_to_all))
    with pytest.raises(KeeperError, match="only this user can write"):
        fleet.start(fleet.system(SLEEPER))
