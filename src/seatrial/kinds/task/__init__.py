"""Tasks: programs that run once, such as migrations, and must end with exit code 0."""

from __future__ import annotations

from seatrial.kinds.base import Kind
from seatrial.kinds.task.config import TaskConfig
from seatrial.outcome import Cause

KIND = Kind(
    name="task",
    summary="a program that runs once and must end with exit code 0",
    config=TaskConfig,
    endpoints=(),
    probe_at="seatrial.kinds.task.probe:probe",
    launch_at="seatrial.kinds.task.launch:LAUNCH",
    containers_at="seatrial.kinds.task.containers:CONTAINERS",
    provides=frozenset({Cause.SCHEMA_BEHIND, Cause.QUEUE_MISSING}),
)
