"""Faults between two components, from trials: they take effect there, and nowhere for good."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from seatrial.environment.deployment import Deployment
from seatrial.waiting import eventually
from tests.faults.conftest import ask

from .conftest import ALONE, TINY, Yard

pytest_plugins = ("pytester",)

#: What the worker would get of `web`, by the way that it knows.
ASKED = """
from tests.faults.conftest import ask
"""


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))


def test_faults_take_effect_between_the_two_and_are_reverted(yard: Yard, up: Deployment) -> None:
    yard.trials(
        "test_p1_network.py",
        ASKED
        + """
import pytest

@pytest.mark.parametrize("name, parameters, expected", [
    ("cut", {}, {"ConnectionRefusedError"}),
    ("reset", {}, {"ConnectionResetError"}),
    ("black_hole", {}, {"TimeoutError"}),
    ("latency", {"by": "30s"}, {"TimeoutError"}),
    ("latency", {"by": "1ms"}, {"200"}),
    ("bandwidth", {"rate": 1, "direction": "downstream"}, {"TimeoutError"}),
    ("slicing", {"size": 10}, {"200"}),
])
def test_fault(deployment, component, fault, name, parameters, expected):
    assert ask(deployment) == "200"
    with getattr(fault, name)("worker", "web", **parameters):
        assert {ask(deployment)} == expected
        assert component("web").get("/").status_code == 200, "trials look past it"
    assert ask(deployment) == "200"

def test_two_on_an_edge_end_in_any_order(deployment, fault):
    cut, slow = fault.cut("worker", "web"), fault.latency("worker", "web", by="1ms")
    cut.begin()
    slow.begin()
    cut.end()
    assert ask(deployment) == "200"
    slow.end()
    assert ask(deployment) == "200"

def test_failing(deployment, fault):
    with fault.cut("worker", "web"):
        assert False, "in the middle"

def test_that_forgets(deployment, fault):
    fault.cut("worker", "web").__enter__()
    assert ask(deployment) == "ConnectionRefusedError"

def test_after(deployment):
    assert ask(deployment) == "200"

def test_of_nothing(fault):
    with fault.cut("web", "worker"):
        pass

def test_misspelt(fault):
    fault.latncy("worker", "web", by=1)

def test_unmeasured(fault):
    fault.latency("worker", "web", by="a while")
""",
    )
    told = yard.run()
    failed = {name for name, outcome in told.outcomes.items() if outcome != "passed"}
    assert failed == {"test_failing", "test_of_nothing", "test_misspelt", "test_unmeasured"}, (
        told.text
    )
    assert "web has no reference to worker" in told.trial("test_of_nothing")["error"]
    assert "did you mean latency?" in told.trial("test_misspelt")["error"]
    assert "'a while' is not a duration" in told.trial("test_unmeasured")["error"]
    assert told.all("finding") == []
    assert ask(up) == "200"
    changes = [(r["fault"], r["began"]) for r in told.all("fault_changed")]
    assert changes[:2] == [("cut between worker and web", on) for on in (True, False)]
    assert sum(began for _, began in changes) * 2 == len(changes)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_in_a_fault(yard: Yard, up: Deployment, how: signal.Signals) -> None:
    yard.trials(
        "test_p1_stop.py",
        """
        import pathlib, threading

        def test_with_a_fault(fault):
            with fault.cut("worker", "web"):
                pathlib.Path("broken").touch()
                threading.Event().wait(60)
        """,
    )
    command = [sys.executable, "-m", "pytest", *ALONE, "trials"]
    with subprocess.Popen(command, cwd=yard.folder, stdout=subprocess.DEVNULL) as run:
        eventually((yard.folder / "broken").exists, timeout=60, what="the fault is on")
        assert ask(up) == "ConnectionRefusedError"
        os.kill(run.pid, how)
        assert run.wait(30) == (2 if how is signal.SIGINT else -how)
    eventually(lambda: ask(up), lambda answer: answer == "200", timeout=10, what="it is off")


def test_a_cancelled_trial_leaves_no_fault(yard: Yard, up: Deployment) -> None:
    yard.trials(
        "test_p1_async.py",
        ASKED
        + """
import asyncio, pytest

@pytest.mark.asyncio
async def test_cancelled(deployment, fault):
    on = asyncio.Event()

    async def broken():
        async with fault.cut("worker", "web"):
            on.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(broken())
    await on.wait()
    assert await asyncio.to_thread(ask, deployment) == "ConnectionRefusedError"
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(ask, deployment) == "200"
""",
    )
    told = yard.run("-p", "asyncio")
    assert told.outcomes == {"test_cancelled": "passed"}, told.text


def test_a_fault_of_ones_own(yard: Yard, up: Deployment) -> None:
    yard.trials(
        "test_p1_own.py",
        ASKED
        + """
from seatrial.faults.network import NetworkFault
from seatrial.keeper.network.impairment import Impairment

class Flaky(NetworkFault):
    name, in_trials, summary = "flaky", "flaky", "every other connection is refused"

    def impairment(self):
        return Impairment(share=0.5, reset_after=0)

def test_flaky(deployment, fault):
    with fault.apply(Flaky(viewer="worker", target="web")):
        assert [ask(deployment) for _ in range(4)] == ["ConnectionResetError", "200"] * 2
""",
    )
    told = yard.run()
    assert told.outcomes == {"test_flaky": "passed"}, told.text


@pytest.mark.parametrize("protected", [False, True])
def test_elsewhere_the_trial_is_skipped(yard: Yard, up: Deployment, protected: bool) -> None:
    url = up.targets()["web"].endpoint().url
    there = (
        f'provider: remote, protected: {str(protected).lower()}, endpoints: {{{{web: "{url}"}}}}'
    )
    yard.declare(
        TINY + f"\nenvironments: {{{{local: {{{{provider: local}}}}, there: {{{{{there}}}}}}}}}\n"
    )
    yard.trials(
        "test_p1_cut.py",
        """
        import pytest

        def test_cut(fault):
            with fault.cut("worker", "web"):
                assert False, "not reached"

        @pytest.mark.requires("network")
        def test_marked(): pass
        """,
    )
    told = yard.run("--seatrial-env", "there")
    assert set(told.outcomes.values()) == {"skipped"}, told.text
    reason = told.trial("test_cut")["reason"]
    assert ("only trials marked read_only" if protected else "the capability network") in reason


def test_without_proxies_there_is_no_such_fault(yard: Yard) -> None:
    yard.declare(TINY + "\nenvironments: {{local: {{provider: local, proxies: false}}}}\n")
    yard.trials(
        "test_p1_cut.py",
        ASKED
        + """
def test_straight(deployment):
    assert ask(deployment) == "200"
    assert deployment.edges == ()

def test_cut(fault):
    fault.cut("worker", "web")
""",
    )
    told = yard.run()
    assert told.outcomes == {"test_straight": "passed", "test_cut": "skipped"}, told.text
    assert "needs the capability network" in told.trial("test_cut")["reason"]
