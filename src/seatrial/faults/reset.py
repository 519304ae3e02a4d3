"""Connections break off."""

from __future__ import annotations

from pydantic import Field

from seatrial.faults.fault import Duration
from seatrial.faults.network import NetworkFault
from seatrial.keeper.network.impairment import Impairment


class Reset(NetworkFault):
    name, in_trials = "reset", "reset"
    summary = "every connection is reset (RST), old ones and new ones, at once or `after` a time"

    after: Duration | None = Field(None, description="how long a connection may live: 500ms")

    def impairment(self) -> Impairment:
        return Impairment(share=self.share, reset_after=self.after or 0.0)
