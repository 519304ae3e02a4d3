"""Client and keeper killed at random moments of real servers' lives: nothing is left after 5 s."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from seatrial.keeper import client, processes
from seatrial.keeper.places import Place
from seatrial.waiting import eventually

from .conftest import Fleet

pytestmark = pytest.mark.long

MOMENTS = 50
LONGEST = 4.0  # s after the start: most of these fall before everything is ready
COMPONENTS = (
    "  db: {kind: postgres}\n"
    "  broker: {kind: rabbitmq}\n"
    "  daemon: {kind: process, run: [python, '{P}/daemon.py'], ready: notify, needs: [db]}\n"
)


def left_of(place: Place) -> list[str]:
    """Command lines of live processes that carry the deployment's marker or name its folder."""
    marked = set(processes.marked(processes.DEPLOYMENT, place.id))
    found = []
    for number in (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()):
        with suppress(OSError):  # it has just ended
            line = Path(f"/proc/{number}/cmdline").read_text(errors="replace")
            if (number in marked or str(place.folder) in line) and _alive(number):
                found.append(line)
    return found


def _alive(number: int) -> bool:
    found = processes.stat_of(number)
    return found is not None and found.state not in "ZX"


def gone_within_five_seconds(place: Place, moment: float) -> None:
    eventually(
        lambda: left_of(place),
        until=lambda left: left == [],
        timeout=5.0,
        what=f"nothing is left of what was killed after {moment:.3f} s",
    )
    client.wait_until_gone(place, 5.0)


def test_the_keeper_killed_at_random_moments(fleet: Fleet) -> None:
    system = fleet.system(COMPONENTS)
    fleet.up(COMPONENTS).close()  # it can come up, and its templates are there
    moments = random.Random(20).sample(range(int(LONGEST * 1000)), MOMENTS)
    for moment in (milliseconds / 1000 for milliseconds in moments):
        place = Place.private()
        started = client.start(system, place)
        time.sleep(moment)  # the moment is what is being tried
        status = started.greeting.status
        assert status is not None
        state = client.read_state(place)
        assert state is not None
        os.kill(state.keeper, signal.SIGKILL)
        gone_within_five_seconds(place, moment)
        started.close()


def test_the_client_killed_at_random_moments_before_ready(fleet: Fleet) -> None:
    system = fleet.system(COMPONENTS)
    fleet.up(COMPONENTS).close()  # it can come up, and its templates are there
    place = Place.of(system.folder, "local")
    command = [sys.executable, "-P", "-m", "seatrial", "up", str(system.folder)]
    moments = random.Random(21).sample(range(int(LONGEST * 1000)), MOMENTS)
    before_ready = 0
    for moment in (milliseconds / 1000 for milliseconds in moments):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as up:
            time.sleep(moment)  # the moment is what is being tried
            up.kill()
        if up.returncode == 0 or asked_to_live_on(place):
            ended = client.attach(place)
            assert ended is not None
            ended.down()
        else:
            before_ready += 1
            gone_within_five_seconds(place, moment)
    assert before_ready >= MOMENTS // 2


def asked_to_live_on(place: Place) -> bool:
    """Whether `up` had got as far as that in the very moment when it was killed."""
    log = place.keeper_log
    return log.exists() and "kept" in log.read_text()
