"""Processes without a port: workers, consumers, schedulers."""

from __future__ import annotations

from seatrial.kinds.base import Kind
from seatrial.kinds.process.config import ProcessConfig
from seatrial.outcome import Cause

KIND = Kind(
    name="process",
    summary="a program without a port; known by its state and by what it consumes",
    config=ProcessConfig,
    endpoints=(),
    probe_at="seatrial.kinds.process.probe:probe",
    launch_at="seatrial.kinds.process.launch:LAUNCH",
    containers_at="seatrial.kinds.process.containers:CONTAINERS",
    provides=frozenset({Cause.NO_CONSUMER, Cause.QUEUE_MISSING}),
)
