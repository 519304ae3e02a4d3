"""The target cannot be reached, and says so."""

from __future__ import annotations

from seatrial.faults.network import NetworkFault
from seatrial.keeper.network.impairment import Impairment


class Cut(NetworkFault):
    name, in_trials = "cut", "cut"
    summary = (
        "open connections are closed and new ones refused (with a `share`: closed once accepted)"
    )

    def impairment(self) -> Impairment:
        return Impairment(share=self.share, refuse=True)
