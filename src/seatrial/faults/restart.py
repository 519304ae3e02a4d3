"""A component is gone for a moment, and then another process."""

from __future__ import annotations

from seatrial.environment.capability import Capability
from seatrial.environment.deployment import Deployment
from seatrial.faults.processes import ProcessFault
from seatrial.keeper.protocol import Action


class Restart(ProcessFault):
    name, in_trials = "restart", "restarted"
    summary = "it is stopped and started again before the block begins"
    capability = Capability.RESTART
    action = Action.RESTART
    lasts = False

    def begin(self, deployment: Deployment, key: str) -> None:
        deployment.act(self.action, self.component, self.replica)

    def end(self, deployment: Deployment, key: str) -> None:
        """Nothing is left to do, unless it was cut off half-way."""
        deployment.act(Action.START, self.component, self.replica)
