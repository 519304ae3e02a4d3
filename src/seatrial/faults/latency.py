"""Answers come later."""

from __future__ import annotations

from pydantic import Field

from seatrial.faults.fault import Duration
from seatrial.faults.network import OneWayFault
from seatrial.keeper.network.impairment import Direction, Impairment
from seatrial.units import in_seconds


class Latency(OneWayFault):
    name, in_trials = "latency", "latency"
    summary = "every answer comes later, and with `jitter` by more or less"

    by: Duration = Field(description="how much later, up to 60s: 200ms")
    jitter: Duration | None = Field(None, description="how much it varies, up and down: 50ms")
    direction: Direction = Field(
        Direction.DOWNSTREAM,
        description="downstream (what the viewer is sent), upstream, or both (twice a round trip)",
    )

    def impairment(self) -> Impairment:
        jitter = self.jitter or 0.0
        return Impairment(share=self.share, direction=self.direction, delay=self.by, jitter=jitter)

    @property
    def what(self) -> str:
        jitter = f" +/- {in_seconds(self.jitter)}" if self.jitter else ""
        return f"latency of {in_seconds(self.by)}{jitter}"
