"""A component dies without a goodbye."""

from __future__ import annotations

from seatrial.environment.capability import Capability
from seatrial.faults.processes import ProcessFault
from seatrial.keeper.protocol import Action


class Kill(ProcessFault):
    name, in_trials = "kill", "killed"
    summary = "it is killed (SIGKILL), and started again afterwards"
    capability = Capability.KILL
    action = Action.KILL
