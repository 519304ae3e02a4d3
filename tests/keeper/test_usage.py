"""What a component's processes use: seen of those that use it, and not of those that do not."""

from __future__ import annotations

import pytest

from seatrial.keeper.client import ActionFailed
from seatrial.keeper.protocol import Action, Usage
from seatrial.waiting import eventually
from tests.keeper.conftest import Fleet

MIB = 1 << 20
SLEEPER = "  lazy: {kind: process, ready: notify, run: [python, '{P}/sleeper.py']}\n"
HUNGRY = "  hungry: {kind: process, ready: notify, run: [python, '{P}/hungry.py']%s}\n"


def test_memory_and_processes(fleet: Fleet) -> None:
    up = fleet.up(SLEEPER + HUNGRY % "")
    lazy, hungry = up.usage("lazy"), up.usage("hungry")
    assert (lazy.processes, hungry.processes) == (1, 2)
    assert 0 < lazy.memory_bytes < 64 * MIB
    # Both of its processes have all 64 MiB resident, yet they are the same ones.
    assert 64 * MIB < hungry.memory_bytes < 128 * MIB


def test_a_child_that_has_ended_counts(fleet: Fleet) -> None:
    up = fleet.up(SLEEPER + HUNGRY % "")
    assert up.usage("hungry").cpu_s >= 0.5
    assert up.usage("lazy").cpu_s < 0.5


def test_who_computes_is_seen(fleet: Fleet) -> None:
    up = fleet.up(SLEEPER + HUNGRY % ", env: {COMPUTES: 'yes'}")
    before = {name: up.usage(name).cpu_s for name in ("lazy", "hungry")}
    eventually(lambda: up.usage("hungry").cpu_s, lambda now: now > before["hungry"] + 0.3)
    assert up.usage("lazy").cpu_s < before["lazy"] + 0.1


def test_of_one_replica_and_of_what_is_stopped(fleet: Fleet) -> None:
    up = fleet.up(SLEEPER.replace("ready:", "replicas: 2, ready:"))
    assert [up.usage("lazy", one).processes for one in (0, 1)] == [1, 1]
    assert up.usage("lazy").processes == 2
    up.act(Action.STOP, "lazy", 1)
    assert up.usage("lazy", 1) == Usage(cpu_s=0, memory_bytes=0, processes=0)
    assert up.usage("lazy").processes == 1
    with pytest.raises(ActionFailed, match="there is no lazy, replica 2"):
        up.usage("lazy", 2)
