"""Faults of a component's processes."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from seatrial.environment.deployment import Deployment
from seatrial.errors import UsageError
from seatrial.faults.fault import Fault
from seatrial.keeper.protocol import UNDO, Action


class ProcessFault(Fault):
    """Something is done to a component, or to one of its replicas, and undone afterwards."""

    action: ClassVar[Action]
    subjects = ("component",)

    component: str = Field(description="the component that it happens to")
    replica: int | None = Field(None, ge=0, description="only this one of several, from 0")

    @property
    def components(self) -> tuple[str, ...]:
        return (self.component,)

    def check(self, deployment: Deployment) -> None:
        super().check(deployment)
        last = len(deployment.statuses()[self.component].replicas) - 1
        if self.replica is not None and self.replica > last:
            raise UsageError(
                f"{self.component} has no replica {self.replica}",
                hint=f"it has replicas 0 to {last}" if last > 0 else "it has only one",
            )

    def begin(self, deployment: Deployment, key: str) -> None:
        deployment.act(self.action, self.component, self.replica, hold=True)

    def end(self, deployment: Deployment, key: str) -> None:
        deployment.act(UNDO[self.action], self.component, self.replica)

    def __str__(self) -> str:
        which = "" if self.replica is None else f" (replica {self.replica})"
        return f"{self.name} of {self.component}{which}"
