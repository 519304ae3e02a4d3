"""The target does not answer, and nothing says so."""

from __future__ import annotations

from seatrial.faults.network import OneWayFault
from seatrial.keeper.network.impairment import Impairment


class BlackHole(OneWayFault):
    name, in_trials = "black-hole", "black_hole"
    summary = "connections are accepted and then nothing passes; what was held back passes after it"

    def impairment(self) -> Impairment:
        return Impairment(share=self.share, direction=self.direction, hold=True)
