"""`seatrial drill` on a tiny system: what it says, and that nothing of it is left."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from seatrial.drills.run import Drilling
from seatrial.drills.stage import DeploymentStage
from seatrial.environment.deployment import start
from seatrial.keeper import processes
from seatrial.kinds.drill import Drill, Stage
from seatrial.outcome import State
from seatrial.waiting import eventually
from tests.plugin.conftest import Yard

pytest_plugins = ("pytester",)
SEATRIAL = [sys.executable, "-m", "seatrial"]

OWN = """
from seatrial.errors import CapabilityMissing
from seatrial.kinds.drill import Drill
from seatrial.outcome import Cause

GONE = {"worker": frozenset({Cause.EXITED})}


def marked(stage):
    run = ("sh", "-c", "touch broken; exec sleep 600")
    return stage.altered("worker", run=run)


def impossible(stage):
    raise CapabilityMissing("there is nothing to break")


DRILLS = [
    Drill("unseen", "nothing that could be seen", GONE, marked, within=60.0),
    Drill("impossible", "does not apply", GONE, impossible),
]
"""


def own(yard: Yard) -> None:
    folder = yard.folder / "drills"
    folder.mkdir()
    (folder / "drill_own.py").write_text(OWN)


def drill(yard: Yard, *words: str) -> subprocess.CompletedProcess[str]:
    return seatrial(yard, "drill", *words)


def seatrial(yard: Yard, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SEATRIAL, *words],
        cwd=yard.folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def assert_nothing_is_left(yard: Yard) -> None:
    assert yard.deployments
    for one in yard.deployments:
        eventually(
            lambda one=one: processes.marked(processes.DEPLOYMENT, one),  # type: ignore[misc]
            lambda left: left == [],
            timeout=5,
        )


def test_all_that_follows_from_the_graph_is_named(yard: Yard) -> None:
    done = drill(yard, "web.*", "worker.exits", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["score"] == 1.0
    causes = {one["name"]: one["cause"] for one in document["drills"]}
    assert causes["worker.exits"] == "worker.exited"
    assert causes["web.crash"] == "web.exited"
    assert causes["web.port-in-use"] == "web.port_in_use"
    assert causes["web.another-program"] == "web.wrong_program"
    assert causes["web.silent"] == "web.timeout"
    assert_nothing_is_left(yard)
    report = reported(yard)
    assert (report["verdict"], report["drill_score"]) == ("go", 1.0)
    assert [one["name"] for one in report["drills"]] == list(causes)
    assert all(one["said"] for one in report["drills"])
    assert {one["status"] for one in report["components"]} == {"healthy"}
    assert {Path(one["file"]).stem for one in report["logs"]} == {"web", "worker"}


def reported(yard: Yard) -> Any:
    """The one report there is; it is shown again by its command, like that of a run."""
    (file,) = yard.folder.glob(".seatrial/runs/*/reports/report.json")
    again = seatrial(yard, "report", "last", "--json")
    assert json.loads(again.stdout) == json.loads(file.read_text())
    return json.loads(file.read_text())


def test_what_does_not_apply_is_skipped_and_that_is_no_go(yard: Yard) -> None:
    own(yard)
    done = drill(yard, "impossible", "worker.away", "--json")
    assert done.returncode == 5, done.stderr
    assert reported(yard)["verdict"] == "inconclusive"
    one, other = json.loads(done.stdout)["drills"]
    assert (one["name"], one["named"], "skipped" in one) == ("worker.away", True, False)
    assert other["skipped"] == "there is nothing to break"


def test_after_what_is_left_behind_no_other_is_begun(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def left(stage: Stage) -> Iterator[None]:
        yield
        (yard.folder / "END").touch()  # at which the worker ends
        eventually(lambda: stage.target("worker").states == (State.EXITED,), timeout=5)

    def never(stage: Stage) -> AbstractContextManager[None]:
        raise AssertionError("it was begun")

    monkeypatch.setattr("seatrial.drills.run._GREEN_SECONDS", 0.5)
    drills = [Drill("left", "", {}, left, within=0.2), Drill("never", "", {}, never)]
    with start(yard.system, name=None) as deployment:
        deployment.wait_until_ready()
        drilling = Drilling(DeploymentStage(deployment), lambda names: ())
        scored = list(drilling.carry_out(drills, drilling.green()))
    (one,) = scored
    assert one.name == "left"
    assert any("worker.exited" in left for left in one.not_mended)


@pytest.mark.parametrize("becomes_ready", [True, False])
def test_what_is_meant_to_start_gets_the_time_for_it(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, becomes_ready: bool
) -> None:
    monkeypatch.setattr("seatrial.drills.stage._BROKEN", 0.1)
    slow = ("sh", "-c", f"sleep 1; exec {sys.executable} -P -m http.server {{web.port}}")
    with start(yard.system, name=None) as deployment:
        deployment.wait_until_ready()
        stage = DeploymentStage(deployment)
        with stage.altered("web", run=slow, becomes_ready=becomes_ready):
            ready = stage.target("web").states == (State.READY,)
    assert ready == becomes_ready


def test_a_system_that_is_not_well_is_not_drilled(yard: Yard) -> None:
    text = (yard.folder / "seatrial.yaml").read_text()
    (yard.folder / "seatrial.yaml").write_text(text + "expect:\n  web: {json: {status: grand}}\n")
    done = drill(yard, "worker.away")
    assert done.returncode == 3
    assert "not well before anything is broken" in done.stderr
    assert_nothing_is_left(yard)
    report = reported(yard)
    assert (report["verdict"], report["drills"]) == ("no_go", [])
    assert [one["id"] for one in report["findings"]] == ["web.health.json.status"]
    assert report["timeline"]
    assert {Path(one["file"]).stem for one in report["logs"]} == {"web", "worker"}


def test_reports_go_where_they_are_wanted(yard: Yard) -> None:
    done = drill(yard, "worker.away", "--report-dir", "shown")
    assert done.returncode == 0, done.stderr
    shown = {file.name: file.read_text() for file in (yard.folder / "shown").iterdir()}
    for name in ("report.html", "summary.md", "junit.xml"):
        assert "worker.away" in shown[name]
        assert "worker.stopped" in shown[name].replace("\\_", "_"), "what was said"
    assert "score 1 (1 of 1 named)" in shown["summary.md"].lower()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_however_it_ends_nothing_is_left(yard: Yard, how: signal.Signals) -> None:
    own(yard)
    broken = Path(yard.folder / "broken")
    with subprocess.Popen(
        [*SEATRIAL, "drill", "unseen"], cwd=yard.folder, stderr=subprocess.PIPE, text=True
    ) as run:
        try:
            eventually(broken.exists, timeout=30)
            run.send_signal(how)
            run.communicate(timeout=30)
        finally:
            run.kill()
    assert run.returncode == (-how if how is signal.SIGKILL else 130)
    assert_nothing_is_left(yard)
    if how is not signal.SIGKILL:
        assert (reported(yard)["verdict"], reported(yard)["drills"]) == ("invalid", [])
