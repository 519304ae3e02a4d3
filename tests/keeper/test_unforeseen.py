"""What nobody foresaw, in a keeper: told in words, with its traceback in the keeper's log."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import cast

import pytest

from seatrial.errors import KeeperError
from seatrial.keeper import client
from seatrial.keeper import protocol as p
from seatrial.keeper.life import _start
from seatrial.keeper.owner import Owner
from seatrial.keeper.places import Place
from seatrial.keeper.timeline import Timeline

from .conftest import Fleet
from .test_life import SLEEPER

#: Its notification socket has a longer path than any socket may have.
LONG = "a" * 63
TOO_LONG = "  " + LONG + ": {kind: process, ready: notify, run: [sleep, '600']}\n"


def test_a_component_whose_start_fails_in_an_unforeseen_way_is_named(fleet: Fleet) -> None:
    started = fleet.start(fleet.system(TOO_LONG))
    failure = started.wait_until_ready(lambda event: None).failure
    assert failure is not None
    assert failure.component == LONG
    assert failure.found == "OSError: AF_UNIX path too long"
    assert str(started.place.keeper_log) in failure.fix
    assert "Traceback" in started.place.keeper_log.read_text()
    assert "Traceback" not in failure.found + failure.fix


@pytest.mark.parametrize("private", [True, False], ids=["private", "named"])
def test_a_keeper_that_cannot_start_says_why_and_its_log_stays(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, private: bool
) -> None:
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path / ("h" * 90)))  # for a socket, too long a path
    system = fleet.system(SLEEPER)
    place = Place.private() if private else Place.of(system.folder, "local")
    with pytest.raises(
        KeeperError, match="cannot be started: OSError: AF_UNIX path too long"
    ) as caught:
        client.start(system, place)
    assert "Traceback" not in str(caught.value)
    client.wait_until_gone(place)
    log = re.search(r"\S+/keeper\.log", caught.value.hint or "")
    assert log is not None
    assert "Traceback" in Path(log[0]).read_text()


class _Breaks:
    """An owner whose start fails in an unforeseen way."""

    ready = False
    failure: p.Failure | None = None

    async def start(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._divide())

    async def _divide(self) -> None:
        raise ZeroDivisionError("by nothing")


def test_a_start_that_breaks_is_a_failure_and_wakes_who_waits() -> None:
    owner, timeline = _Breaks(), Timeline()

    async def live() -> None:
        waiting = asyncio.create_task(
            timeline.wait(0, 30.0, lambda: owner.failure is not None),
        )
        await asyncio.sleep(0)
        await _start(cast(Owner, owner), Place("x"), timeline)
        assert waiting.done() or await waiting == []

    asyncio.run(asyncio.wait_for(live(), 10))
    assert owner.failure is not None
    assert owner.failure.found == "ZeroDivisionError: by nothing"


def test_a_request_that_breaks_ends_neither_the_connection_nor_the_keeper(fleet: Fleet) -> None:
    started = fleet.up(SLEEPER)
    wrong = p.Alter(component="one", config={"grace": "none"})
    with pytest.raises(client.ActionFailed, match=r"(?s)ValidationError: .*grace") as caught:
        started.alter(wrong)
    assert str(started.place.keeper_log) in (caught.value.hint or "")
    assert started.status().failure is None
