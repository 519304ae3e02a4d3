"""A component restarted in another way: held, bounded, and put back as it was declared."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seatrial.errors import KeeperError
from seatrial.keeper import client
from seatrial.keeper import protocol as p
from seatrial.keeper.client import KeeperClient
from seatrial.outcome import Cause, State
from seatrial.waiting import eventually

from .conftest import Fleet

ONE = """
  web: {kind: http, run: [python, "{P}/web.py"], env: {PORT: "{web.port}"}}
  one: {kind: process, run: [python, "{P}/sleeper.py"], ready: notify, env: {A: "1", B: "2"}}
"""
SILENT = ("python", "-c", "import signal; signal.pause()")


def alter(started: KeeperClient, component: str = "one", **how: object) -> None:
    fields = {"component": component, "patience": 5.0, **how}
    started.alter(p.Alter.model_validate(fields))


def environ(started: KeeperClient, component: str = "one") -> dict[str, str]:
    (pid,) = started.status().components[component].pids
    parts = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return dict(part.split("=", 1) for part in parts if "=" in part)


def test_it_has_other_variables_until_it_is_restored(fleet: Fleet) -> None:
    started = fleet.up(ONE)
    before = environ(started)
    alter(started, env={"A": "other", "WEB": "{web.url}x"}, unset=("B",))
    altered = environ(started)
    assert altered["A"] == "other"
    assert altered["WEB"].startswith("http://127.0.0.1:")
    assert "B" not in altered
    assert started.status().components["one"].by_fault
    started.restore("one")
    assert environ(started) == before
    assert started.status().components["one"].state is State.READY


def test_that_it_ends_is_no_error(fleet: Fleet) -> None:
    started = fleet.up(ONE)
    alter(started, run=("python", "-c", "raise SystemExit(7)"))
    one = started.status().components["one"]
    assert (one.state, one.causes) == (State.FAILED, (Cause.EXITED,))
    started.restore("one")
    assert started.status().components["one"].causes == (None,)


def test_what_is_not_ready_in_time_is_left_to_say_why(fleet: Fleet) -> None:
    started = fleet.up(ONE)
    alter(started, run=SILENT, patience=0.3)
    one = started.status().components["one"]
    assert one.state is State.FAILED
    (pid,) = one.pids
    assert pid is not None
    os.kill(pid, 0)
    started.restore("one")
    eventually(lambda: not Path(f"/proc/{pid}").exists(), timeout=5)


@pytest.mark.parametrize("restored", [False, True], ids=["cut off", "restored before"])
def test_it_ends_with_the_lease(fleet: Fleet, restored: bool) -> None:
    started = fleet.up(ONE)
    other = client.attach(started.place)
    assert other is not None
    alter(other, env={"A": "other"})
    if restored:
        other.restore("one")
    (pid,) = started.status().components["one"].pids
    other.close()
    with started_lock(started):
        assert environ(started)["A"] == "1"
        if restored:
            assert started.status().components["one"].pids == (pid,), "it is not restarted again"


class started_lock:  # noqa: N801
    """Whoever has the lock finds all mended that its last holder broke."""

    def __init__(self, started: KeeperClient) -> None:
        self._started = started

    def __enter__(self) -> None:
        eventually(
            lambda: self._started.status().components["one"],
            lambda one: one.state is State.READY and not one.by_fault,
            timeout=10,
        )

    def __exit__(self, *_: object) -> None:
        return None


def test_what_it_cannot_be_told(fleet: Fleet) -> None:
    started = fleet.up(ONE)
    with pytest.raises(KeeperError, match="no nobody"):
        alter(started, component="nobody")
    with pytest.raises(KeeperError, match=r"other\.url"):
        alter(started, env={"A": "{other.url}"})
    started.restore("one")
    assert started.status().components["one"].state is State.READY
