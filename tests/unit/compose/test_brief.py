"""What ended early and well though it was taken for a process, and what runs on as a task."""

from __future__ import annotations

import asyncio
import json
import math
from pathlib import Path

import pytest

from seatrial.checks.look import _whole, look
from seatrial.compose.attach import _as_it_lasts
from seatrial.compose.engine import Container
from seatrial.compose.project import read_project
from seatrial.compose.targets import targets
from seatrial.declaration.load import load
from seatrial.kinds.base import Context, ProbeResult, Target, Words
from seatrial.kinds.registry import KINDS
from seatrial.outcome import Cause, Connection, Health, State
from seatrial.waiting import Deadline

from .test_targets import of


def looked_at(
    folder: Path,
    kind: str,
    service: dict[str, object],
    one: Container,
    *,
    attached: float = 0.0,
    waiting: bool = False,
) -> tuple[Target, ProbeResult]:
    """`attached`: for so many seconds, where it is not Seatrial that runs it; `waiting`: another
    one waits for it."""
    needs: dict[str, object] = {"depends_on": ["it"]} if waiting else {}
    services = {"it": {"image": "x"} | service, "other": {"image": "y"} | needs}
    (folder / "compose.yaml").write_text(json.dumps({"services": services}))
    declared = f"system: s\ncompose: compose.yaml\ncomponents: {{it: {{kind: {kind}}}}}"
    (folder / "seatrial.yaml").write_text(declared)
    system = load(folder, KINDS, variables={})
    target = targets(system, read_project(folder / "compose.yaml", {}), [one])["it"]
    target = _as_it_lasts(target, attached)
    context = Context(folder, {"it": target}, folder)
    seen = asyncio.run(look(system.components["it"], target, context, Deadline.after(5)))
    return target, seen.probe


@pytest.mark.parametrize(
    ("service", "runs", "brief"),
    [
        ({}, {}, True),
        ({"restart": "no"}, {}, True),
        ({"restart": "on-failure"}, {}, True),  # the engine has let it end
        ({"restart": "on-failure:3"}, {}, True),
        ({"command": "celery -A app worker"}, {}, False),
        ({}, {"command": "celery -A app worker"}, False),  # as its image says
        ({"restart": "always"}, {}, False),
        ({"ports": [80]}, {}, False),
        ({"ports": [80]}, {"command": "node server.js"}, False),
        ({"ports": [80]}, {"command": "/bin/bash"}, True),  # for people to work in
        ({"ports": [80]}, {"command": "docker-entrypoint.sh node"}, True),
        ({}, {"exit_code": 1}, False),
        ({}, {"lived": 61.0}, False),  # stopped on request, it may be
        ({}, {"lived": -0.01}, True),
        ({}, {"lived": -math.inf}, False),
        ({}, {"status": "dead"}, False),
    ],
)
def test_what_ended_well_in_its_first_minute_may_be_meant_to(
    tmp_path: Path, service: dict[str, object], runs: dict[str, object], brief: bool
) -> None:
    ended = {"status": "exited", "exit_code": 0, "lived": 3.0, "exposed": ()}
    target, found = looked_at(tmp_path, "process", service, of("it", **(ended | runs)))
    assert (target.states == (State.DONE,)) is brief
    assert found.health is (Health.HEALTHY if brief else Health.UNHEALTHY)
    if brief:
        assert found.cause is Cause.STOPPED
        assert "has exited with code 0" in found.found
        assert found.fix.startswith("if it is to end, it is of `kind: task`; else see why: docker")


def test_in_a_project_of_its_own_the_commands_are_ours(tmp_path: Path) -> None:
    words = Words(ended="it has exited with code 0")
    config = KINDS["process"].config.model_validate({"kind": "process"})
    target = Target("it", "process", config, {}, (State.DONE,), words)
    found = _whole(ProbeResult(Health.HEALTHY, Connection.CONNECTED, 0.0), target)
    assert found.fix == "if it is to end, it is of `kind: task`; else see why: seatrial logs it"


def test_what_others_wait_for_is_meant_to_run(tmp_path: Path) -> None:
    ended = of("it", status="exited", exit_code=0, lived=3.0, exposed=())
    target, found = looked_at(tmp_path, "process", {}, ended, waiting=True)
    assert (target.states, found.health) == ((State.STOPPED,), Health.UNHEALTHY)


@pytest.mark.parametrize(("seconds", "lasts"), [(59.0, False), (61.0, True)])
def test_a_task_that_runs_on_may_be_none(tmp_path: Path, seconds: float, lasts: bool) -> None:
    runs = of("it", ran_for=seconds, exposed=())
    target, found = looked_at(tmp_path, "task", {}, runs, attached=seconds)
    assert target.states == ((State.READY,) if lasts else (State.STARTING,))
    assert (found.health, found.cause) == (
        Health.HEALTHY if lasts else Health.UNKNOWN,
        Cause.NOT_MEASURED,
    )
    assert ("still runs, 61 s" in found.found) is lasts
    own, _ = looked_at(tmp_path, "task", {}, runs)
    assert own.states == (State.STARTING,), "what Seatrial starts has to end"


def test_a_task_that_has_ended_badly_is_told_however_long_it_ran(tmp_path: Path) -> None:
    ended = of("it", status="exited", exit_code=2, exposed=())
    target, found = looked_at(tmp_path, "task", {}, ended, attached=99.0)
    assert (target.states, found.health) == ((State.EXITED,), Health.UNHEALTHY)


def test_a_task_that_has_ended_well_is_just_well(tmp_path: Path) -> None:
    ended = of("it", status="exited", exit_code=0, lived=3.0, exposed=())
    target, found = looked_at(tmp_path, "task", {}, ended)
    assert (target.states, found.health, found.cause) == ((State.DONE,), Health.HEALTHY, None)


@pytest.mark.parametrize("last_words", ["", "bye"])
def test_a_process_that_has_ended_well_may_be_a_task(tmp_path: Path, last_words: str) -> None:
    words = {"status": "exited", "exit_code": 0, "lived": 90.0, "last_words": last_words}
    _, found = looked_at(tmp_path, "process", {}, of("it", exposed=(), **words))
    assert found.health is Health.UNHEALTHY
    assert found.fix.endswith("; what is to end is of kind: task")
