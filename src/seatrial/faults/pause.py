"""A component hangs."""

from __future__ import annotations

from seatrial.environment.capability import Capability
from seatrial.faults.processes import ProcessFault
from seatrial.keeper.protocol import Action


class Pause(ProcessFault):
    name, in_trials = "pause", "paused"
    summary = "its processes stand still (SIGSTOP): it accepts connections and answers nothing"
    capability = Capability.PAUSE
    action = Action.PAUSE
