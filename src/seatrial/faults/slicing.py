"""What is sent in one piece arrives in many."""

from __future__ import annotations

from pydantic import Field

from seatrial.faults.fault import Duration, Octets
from seatrial.faults.network import OneWayFault
from seatrial.keeper.network.impairment import Impairment


class Slicing(OneWayFault):
    name, in_trials = "slicing", "slicing"
    summary = "bytes arrive in small pieces, with a `gap` between them"

    size: Octets = Field(description="bytes of a piece, at most: 100")
    gap: Duration | None = Field(None, description="between two pieces: 10ms")

    def impairment(self) -> Impairment:
        gap, piece = self.gap or 0.0, int(self.size)
        return Impairment(share=self.share, direction=self.direction, piece=piece, gap=gap)

    @property
    def what(self) -> str:
        return f"slices of {self.size:g} bytes"
