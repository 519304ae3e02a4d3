"""The keeper may open as many files as the system allows, and what it starts as many as before."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from seatrial.keeper.state import read_state

from .conftest import Fleet

SOFT = 1000


@pytest.fixture
def low_limit() -> Iterator[int]:
    """A soft limit on open files as many systems have it; returns the hard one."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (SOFT, before[1]))
    yield before[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def limit_of(pid: int) -> int:
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("Max open files"))
    return int(line.split()[3])


def test_only_the_keeper_may_open_more(low_limit: int, fleet: Fleet) -> None:
    if low_limit <= SOFT:
        pytest.skip("this machine allows no more")
    started = fleet.up('  web: {kind: process, run: [python, "{P}/sleeper.py"], ready: started}')
    state = read_state(started.place)
    assert state is not None
    (program,) = started.status().components["web"].pids
    assert program is not None
    assert (limit_of(state.keeper), limit_of(program)) == (low_limit, SOFT)
