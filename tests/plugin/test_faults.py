"""Faults are reverted whatever happens, and have the deployment to themselves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from seatrial.environment.deployment import Deployment
from seatrial.outcome import State
from seatrial.waiting import eventually

from .conftest import ALONE, PROGRAMS, TINY, Yard

pytest_plugins = ("pytester",)


def test_every_fault_takes_effect_and_is_reverted(yard: Yard, up: Deployment) -> None:
    yard.trials(
        "test_p1_faults.py",
        """
        import pytest

        def state(deployment): return deployment.statuses()["worker"].state.value

        @pytest.mark.parametrize("name, expected", [
            ("stopped", "stopped"), ("killed", "stopped"), ("paused", "paused"),
        ])
        def test_fault(deployment, fault, name, expected):
            with getattr(fault, name)("worker"):
                assert state(deployment) == expected
            assert state(deployment) == "ready"

        def test_failing(fault):
            with fault.stopped("worker"):
                assert False, "in the middle"

        def test_that_forgets(fault):
            fault.paused("worker").__enter__()

        def test_of_nothing(fault):
            fault.stopped("wroker")
        """,
    )
    told = yard.run()
    assert told.outcomes == {
        "test_fault[stopped-stopped]": "passed",
        "test_fault[killed-stopped]": "passed",
        "test_fault[paused-paused]": "passed",
        "test_failing": "failed",
        "test_that_forgets": "passed",
        "test_of_nothing": "failed",
    }
    assert "in the middle" in told.trial("test_failing")["error"]
    assert told.trial("test_failing")["finding"] is None
    assert "did you mean worker?" in told.trial("test_of_nothing")["error"]
    assert up.statuses()["worker"].state is State.READY
    assert told.all("finding") == [], "its own fault is no finding"


def test_what_a_fault_brings_down_with_it_is_no_finding(yard: Yard, up: Deployment) -> None:
    yard.trials(
        "test_p1_both.py",
        """
        import os, pathlib, signal
        from seatrial.keeper.protocol import Action

        def test_with_a_fault(deployment, fault, eventually):
            with fault.paused("web"):
                os.kill(deployment.statuses()["worker"].pids[0], signal.SIGKILL)
                eventually(lambda: deployment.statuses()["worker"].state.value == "exited",
                           timeout=10)
                deployment.act(Action.START, "worker")
        """,
    )
    told = yard.run()
    assert told.outcomes == {"test_with_a_fault": "passed"}, told.text
    assert told.all("finding") == []


def test_what_ends_after_the_fault_is_a_finding(yard: Yard, up: Deployment) -> None:
    yard.trials(
        "test_p1_lost.py",
        """
        import pathlib
        from seatrial.waiting import eventually  # which does not give up when a component ends

        def test_with_a_fault(deployment, fault):
            with fault.stopped("worker"):
                pass
            pathlib.Path("END").touch()  # it ends soon after it has started again
            eventually(lambda: deployment.statuses()["worker"].state.value == "exited")
        """,
    )
    told = yard.run()
    assert told.exit == pytest.ExitCode.OK
    assert told.outcomes == {"test_with_a_fault": "failed"}
    assert [f["finding"]["id"] for f in told.all("finding")] == ["worker.exited"]


def test_what_does_not_come_back_is_a_finding(yard: Yard) -> None:
    (yard.folder / "web.py").write_text((PROGRAMS / "web.py").read_text())
    yard.declare(TINY.replace("{programs}/web.py", "web.py"))
    yard.trials(
        "test_p1_lost.py",
        """
        import pathlib

        def test_with_a_fault(fault):
            with fault.stopped("web"):
                pathlib.Path("web.py").unlink()

        def test_next(): pass
        """,
    )
    told = yard.run()
    assert told.outcomes == {"test_with_a_fault": "failed", "test_next": "blocked"}
    assert "INTERNALERROR" not in told.text
    assert [f["finding"]["id"] for f in told.all("finding")] == ["web.exited"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_in_a_fault(yard: Yard, up: Deployment, how: signal.Signals) -> None:
    yard.trials(
        "test_p1_stop.py",
        """
        import pathlib, time

        def test_with_a_fault(fault):
            with fault.stopped("worker"):
                pathlib.Path("broken").touch()
                time.sleep(60)
        """,
    )
    command = [sys.executable, "-m", "pytest", *ALONE, "trials"]
    with subprocess.Popen(command, cwd=yard.folder, stdout=subprocess.DEVNULL) as run:
        eventually((yard.folder / "broken").exists, timeout=60, what="the fault is on")
        assert up.statuses()["worker"].state is State.STOPPED
        os.kill(run.pid, how)
        assert run.wait(30) == (2 if how is signal.SIGINT else -how)
    eventually(
        lambda: up.statuses()["worker"].state,
        lambda state: state is State.READY,
        timeout=10,
        what="the worker is back",
    )


def test_interrupted_while_it_breaks(yard: Yard, up: Deployment) -> None:
    """Ctrl-C in the middle of the request: the answer that nobody read must not be taken for the
    next one's, and the fault is reverted all the same."""
    yard.trials(
        "test_p1_stop.py",
        """
        def test_with_a_fault(deployment, fault):
            client = deployment._client
            read, act = client._read, client.act

            def interrupted(deadline):
                client._read = read
                raise KeyboardInterrupt

            def sent_but_not_read(*args, **options):
                client._read, client.act = interrupted, act
                client.act(*args, **options)

            client.act = sent_but_not_read
            with fault.stopped("worker"):
                assert False, "not reached"
        """,
    )
    told = yard.run()
    assert told.exit == pytest.ExitCode.INTERRUPTED
    assert "INTERNALERROR" not in told.text
    assert up.statuses()["worker"].state is State.READY


@pytest.mark.usefixtures("installed_plugins")
def test_faults_and_trials_do_not_overlap(yard: Yard, up: Deployment) -> None:
    """Four xdist workers: while one has a fault, no trial of another one runs."""
    yard.trials(
        "test_p1_many.py",
        """
        import pathlib, pytest, time

        @pytest.mark.parametrize("number", range(6))
        def test_with_a_fault(fault, number):
            with fault.paused("worker"):
                pathlib.Path("fault").touch()
                time.sleep(0.05)
                pathlib.Path("fault").unlink()

        @pytest.fixture
        def late(request):
            # asks for a fault in the middle, holding the shared lock until then
            return request.getfixturevalue("fault")

        @pytest.mark.parametrize("number", range(6))
        def test_with_a_late_fault(late, number):
            with late.paused("worker"):
                pathlib.Path("fault").touch()
                time.sleep(0.05)
                pathlib.Path("fault").unlink()

        @pytest.mark.parametrize("number", range(30))
        def test_without(deployment, number):
            for _ in range(5):
                assert not pathlib.Path("fault").exists()
                assert deployment.statuses()["worker"].state.value == "ready"
                time.sleep(0.01)
        """,
    )
    told = yard.run("-n4")
    assert told.exit == pytest.ExitCode.OK, told.text
    assert len(told.outcomes) == 42
    assert set(told.outcomes.values()) == {"passed"}


def test_fault_outside_the_trials_is_refused(yard: Yard, up: Deployment) -> None:
    (yard.folder / "test_unit.py").write_text("def test_any(fault): pass\n")
    told = yard.run(paths=("test_unit.py",))
    assert told.exit == pytest.ExitCode.TESTS_FAILED
    assert "`fault` belongs to trials" in told.text
