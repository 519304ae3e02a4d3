"""A component falls off the network."""

from __future__ import annotations

from seatrial.environment.capability import Capability
from seatrial.faults.processes import ProcessFault
from seatrial.keeper.protocol import Action


class Disconnect(ProcessFault):
    name, in_trials = "disconnect", "disconnected"
    summary = "its container is off its networks: it reaches nothing, and nothing reaches it"
    capability = Capability.DISCONNECT
    action = Action.DISCONNECT
