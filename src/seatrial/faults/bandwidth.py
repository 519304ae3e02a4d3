"""A slow line."""

from __future__ import annotations

from pydantic import Field

from seatrial.faults.fault import Octets
from seatrial.faults.network import OneWayFault
from seatrial.keeper.network.impairment import Impairment


class Bandwidth(OneWayFault):
    name, in_trials = "bandwidth", "bandwidth"
    summary = "a connection carries no more than so much a second"

    rate: Octets = Field(description="bytes a second, of each connection and direction: 64KB")

    def impairment(self) -> Impairment:
        return Impairment(share=self.share, direction=self.direction, rate=self.rate)

    @property
    def what(self) -> str:
        return f"bandwidth of {self.rate:g} bytes a second"
