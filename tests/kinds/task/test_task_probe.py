"""The probe of tasks: only where a keeper ran them can be said how they ended."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from pydantic import ValidationError

from seatrial.kinds.base import Context, ProbeResult, Target
from seatrial.kinds.task.config import TaskConfig
from seatrial.kinds.task.probe import probe
from seatrial.outcome import Cause, Health, State
from seatrial.waiting import Deadline


def look(*states: State) -> ProbeResult:
    migrate = Target("migrate", "task", TaskConfig(), {}, states)
    context = Context(Path(), {"migrate": migrate}, Path())
    return asyncio.run(probe(migrate, context, Deadline.after(5)))


@pytest.mark.parametrize(
    ("state", "health", "cause"),
    [
        (State.DONE, Health.HEALTHY, None),
        (State.EXITED, Health.UNHEALTHY, Cause.EXITED),
        (State.FAILED, Health.UNHEALTHY, Cause.EXITED),
        (State.STOPPED, Health.UNHEALTHY, Cause.STOPPED),
        (State.STARTING, Health.UNKNOWN, Cause.NOT_MEASURED),
        (State.WAITING, Health.UNKNOWN, Cause.NOT_MEASURED),
    ],
)
def test_by_state(state, health, cause):
    result = look(state)
    assert (result.health, result.cause) == (health, cause)
    assert not result.skipped
    assert "exit code 0" in result.expected or health is Health.HEALTHY


def test_where_nobody_watches_it_is_left_out_visibly():
    result = look()
    assert (result.health, result.cause) == (Health.UNKNOWN, None)
    assert result.skipped


def test_a_task_runs_once():
    with pytest.raises(ValidationError):
        TaskConfig.model_validate({"replicas": 2})
