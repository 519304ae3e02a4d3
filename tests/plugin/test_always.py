"""`always` in trials: from a thread and from a task, and what the evidence says of it."""

from __future__ import annotations

import pytest

from seatrial.environment.deployment import Deployment

from .conftest import Yard

pytest_plugins = ("pytester",)

#: A value to watch, and a wait until it has been looked at so often again.
SEEN = """
import pathlib
import threading
import pytest

class Value:
    def __init__(self): self.now, self.looks, self.most, self.inside = True, 0, 0, 0
    def __call__(self):
        self.looks += 1
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.inside -= 1
        if isinstance(self.now, Exception):
            raise self.now
        return self.now
    async def look(self): return self()

@pytest.fixture
def value(): return Value()

@pytest.fixture
def seen(value, eventually):
    def wait(times=3):
        goal = value.looks + times
        eventually(lambda: value.looks >= goal, timeout=20)
    return wait
"""


def test_what_becomes_of_steady_states(yard: Yard, up: Deployment) -> None:
    yard.trials(
        "test_p1_always.py",
        SEEN
        + """
def test_holds(always, value, seen):
    with always(value, every=0.01, what="it holds"):
        seen()
    looks = value.looks
    threading.Event().wait(0.1)
    assert value.looks == looks, "nobody looks any more"
    assert value.most == 1, "one look at a time"

def test_broken_for_a_while(always, value, seen):
    with always(value, lambda v: v is not None, every=0.01, what="it is there"):
        seen()
        value.now = None
        seen()
        value.now = "back"
        seen()

def test_an_exception_is_not_holding(always, value, seen):
    with always(value, every=0.01):
        value.now = ConnectionError("gone")
        seen()

def test_broken_to_begin_with(always, value):
    value.now = False
    with always(value):
        pathlib.Path("entered").touch()

def test_allowed(always, value, seen):
    with always(value, every=0.01, at_most="30s"):
        value.now = False
        seen()
        value.now = True
        seen()

def test_share_allowed(always, value, seen):
    with always(value, every=0.01, at_most="90%"):
        value.now = False
        seen(1)
        value.now = True
        seen()

def test_failing_otherwise(always, value, seen):
    with always(value, every=0.01, what="it holds"):
        value.now = False
        seen()
        assert False, "in the middle"

def test_a_look_that_hangs(always):
    hang, first = threading.Event(), []

    def look():
        first.append(1)
        if len(first) > 1:
            hang.wait(30)
        return True

    try:
        with always(look, every=0.01, gap=0.2):
            pass_on = threading.Event()
            while len(first) < 2:
                pass_on.wait(0.01)
    finally:
        hang.set()

def test_asynchronous_by_mistake(always, value):
    with always(value.look):
        pass

def test_twice(always, value, seen):
    other = Value()
    with always(value, every=0.01, what="one"), always(other, every=0.01, what="two"):
        seen()
""",
    )
    told = yard.run()
    assert told.outcomes == {
        "test_holds": "passed",
        "test_broken_for_a_while": "failed",
        "test_an_exception_is_not_holding": "failed",
        "test_broken_to_begin_with": "failed",
        "test_allowed": "passed",
        "test_share_allowed": "passed",
        "test_failing_otherwise": "failed",
        "test_a_look_that_hangs": "not_measured",
        "test_asynchronous_by_mistake": "failed",
        "test_twice": "passed",
    }, told.text
    assert told.exit == pytest.ExitCode.TESTS_FAILED
    error = told.trial("test_broken_for_a_while")["error"]
    assert "it is there: did not hold for" in error
    assert " s  None" in error
    assert "ConnectionError: gone" in told.trial("test_an_exception_is_not_holding")["error"]
    assert not (yard.folder / "entered").exists()
    both = told.trial("test_failing_otherwise")["error"]
    assert "in the middle" in both
    assert "meanwhile, it holds: did not hold" in both
    assert "nobody looked for" in told.trial("test_a_look_that_hangs")["reason"]
    assert "write `async with always`" in told.trial("test_asynchronous_by_mistake")["error"]

    watched = {r["node"].rpartition("::")[2]: r for r in told.all("steady_watched")}
    assert watched["test_holds"]["outcome"] == "passed"
    assert watched["test_holds"]["samples"] >= 4
    broken = watched["test_broken_for_a_while"]
    assert broken["outcome"] == "failed"
    assert [moment["found"] for moment in broken["moments"]] == ["None"]
    assert broken["failing"] >= 2
    assert watched["test_allowed"]["allowed"] == "at most 30 s"
    assert watched["test_failing_otherwise"]["outcome"] == "failed"
    assert watched["test_a_look_that_hangs"]["outcome"] == "not_measured"
    assert len([r for r in told.all("steady_watched") if "test_twice" in r["node"]]) == 2


def test_asynchronous(yard: Yard, up: Deployment) -> None:
    yard.trials(
        "test_p1_async.py",
        SEEN
        + """
import asyncio
pytestmark = pytest.mark.asyncio

async def wait_for(value, times=3):
    goal = value.looks + times
    while value.looks < goal:
        await asyncio.sleep(0.005)

async def test_holds(always, value):
    async with always(value.look, every=0.01):
        await wait_for(value)
    looks = value.looks
    await asyncio.sleep(0.05)
    assert value.looks == looks

async def test_broken(always, value):
    async with always(value.look, every=0.01, what="it holds"):
        value.now = False
        await wait_for(value)

async def test_the_loop_is_held_up(always, value):
    async with always(value.look, every=0.01, gap=0.2):
        threading.Event().wait(0.5)

async def test_synchronous_by_mistake(always, value):
    async with always(value):
        pass

async def test_cancelled(always, value):
    async def watching():
        async with always(value.look, every=0.01):
            await asyncio.Event().wait()

    task = asyncio.create_task(watching())
    await wait_for(value)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(asyncio.all_tasks()) == 1, "the watch is over"
""",
    )
    told = yard.run("-p", "asyncio")
    assert told.outcomes == {
        "test_holds": "passed",
        "test_broken": "failed",
        "test_the_loop_is_held_up": "not_measured",
        "test_synchronous_by_mistake": "failed",
        "test_cancelled": "passed",
    }, told.text
    assert "it holds: did not hold for" in told.trial("test_broken")["error"]
    assert "write `with always`" in told.trial("test_synchronous_by_mistake")["error"]
