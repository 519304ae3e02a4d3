"""`seatrial fault` by hand: it takes effect, and is taken off however the command ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from seatrial.environment.deployment import Deployment
from seatrial.errors import KeeperError
from seatrial.outcome import State
from seatrial.waiting import eventually
from tests.plugin.conftest import TINY, Yard

pytest_plugins = ("pytester",)
SEATRIAL = [sys.executable, "-m", "seatrial"]
CUT = ("cut", "worker", "web")
REFUSED = "ConnectionRefusedError"


@contextmanager
def fault(yard: Yard, *words: str) -> Iterator[subprocess.Popen[str]]:
    """The command, once its fault is on."""
    command = [*SEATRIAL, "fault", *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=yard.folder, text=True, **pipes) as run:  # type: ignore[call-overload]
        try:
            assert run.stderr is not None
            line = run.stderr.readline()
            assert ": on; " in line, line + run.stderr.read()
            yield run
        finally:
            run.kill()


def call(yard: Yard, *words: str) -> subprocess.CompletedProcess[str]:
    command = [*SEATRIAL, "fault", *words]
    return subprocess.run(
        command, cwd=yard.folder, capture_output=True, text=True, timeout=60, check=False
    )


def test_it_lasts_until_ctrl_c(yard: Yard, up: Deployment, asked: Callable[[], str]) -> None:
    assert asked() == "200"
    with fault(yard, *CUT) as run:
        assert asked() == REFUSED
        shown = subprocess.run(
            [*SEATRIAL, "status"], cwd=yard.folder, capture_output=True, text=True, check=True
        )
        assert "a fault is on: cut between worker and web" in shown.stdout
        run.send_signal(signal.SIGINT)
        out, _ = run.communicate(timeout=30)
    assert run.returncode == 0
    assert "cut between worker and web: over after" in out
    assert asked() == "200"


def test_it_lasts_for_a_time(yard: Yard, up: Deployment, asked: Callable[[], str]) -> None:
    done = call(yard, *CUT, "--for", "100ms", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["fault"] == "cut"
    assert told["lasted_s"] >= 0.1
    assert asked() == "200"


def test_a_component_too(yard: Yard, up: Deployment) -> None:
    with fault(yard, "stop", "worker", "--for", "60s") as run:
        assert up.statuses()["worker"].state is State.STOPPED
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=30)
    assert run.returncode == 130, "it did not last as long as it was asked to"
    assert up.statuses()["worker"].state is State.READY
    (before,) = up.statuses()["worker"].pids
    assert call(yard, "restart", "worker").returncode == 0
    assert up.statuses()["worker"].pids != (before,)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_client_leaves_no_fault(
    yard: Yard, up: Deployment, asked: Callable[[], str], how: signal.Signals
) -> None:
    with fault(yard, *CUT) as run:
        assert asked() == REFUSED
        run.send_signal(how)
        run.wait(30)
    eventually(asked, lambda answer: answer == "200", timeout=10, what="the fault is off")


def test_it_has_the_deployment_to_itself(yard: Yard, up: Deployment) -> None:
    with fault(yard, *CUT) as run:
        with pytest.raises(KeeperError, match="was in use"):
            up.lock("shared", 0.1)
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=30)
    up.lock("shared", 10)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("melt", "web"), 2, "there is no fault 'melt'"),
        (("blck-hole", "worker", "web"), 2, "did you mean black-hole?"),
        (("latency", "worker", "web", "--by", "1 parsec"), 2, "is not a duration"),
        (("cut", "web", "worker"), 2, "web has no reference to worker"),
        (("cut", "worker", "wbe"), 2, "did you mean web?"),
        (("cut", "worker", "web", "--endpoint", "sql"), 2, "the endpoint sql of web"),
        (("stop", "wroker"), 2, "did you mean worker?"),
        (("stop", "worker", "--replica", "1"), 2, "worker has no replica 1"),
        (("disconnect", "web"), 3, "local cannot disconnect a component"),
        (("cut", "worker", "web", "--for", "soon"), 2, "'soon' is not a duration"),
    ],
)
def test_what_cannot_be_done_is_refused_kindly(
    yard: Yard, up: Deployment, words: tuple[str, ...], code: int, said: str
) -> None:
    done = call(yard, *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("environment", "code", "said"),
    [
        ("local", 3, "is not up in local"),
        ("there", 3, "cannot disturb the network"),
        ("production", 2, "is protected: network refused"),
    ],
)
def test_environments_that_do_without(yard: Yard, environment: str, code: int, said: str) -> None:
    remote = 'provider: remote, endpoints: {web: "http://127.0.0.1:9"}'
    yard.declare(
        TINY
        + f"""
environments:
  local: {{{{provider: local}}}}
  there: {{{{{remote.replace("{", "{{").replace("}", "}}")}}}}}
  production: {{{{{remote.replace("{", "{{").replace("}", "}}")}, protected: true}}}}
"""
    )
    done = call(yard, *CUT, "--env", environment)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
