"""A component goes away in good order."""

from __future__ import annotations

from seatrial.environment.capability import Capability
from seatrial.faults.processes import ProcessFault
from seatrial.keeper.protocol import Action


class Stop(ProcessFault):
    name, in_trials = "stop", "stopped"
    summary = "it is asked to end (SIGTERM), and started again afterwards"
    capability = Capability.STOP
    action = Action.STOP
