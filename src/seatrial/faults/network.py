"""Faults of what passes between two components.

All of them are made of the parts of an `Impairment`, which the proxies of the keeper carry out.
"""

from __future__ import annotations

from abc import abstractmethod

from pydantic import Field

from seatrial.environment.capability import Capability
from seatrial.environment.deployment import Deployment
from seatrial.errors import UsageError
from seatrial.faults.fault import Fault, Share
from seatrial.keeper.network.impairment import Direction, Impairment, NetworkEdge


class NetworkFault(Fault):
    """Something happens to the connections that `viewer` makes to `target`."""

    capability = Capability.NETWORK
    subjects = ("viewer", "target")

    viewer: str = Field(description="the component that connects")
    target: str = Field(description="the component that it connects to, by a {reference} to it")
    endpoint: str | None = Field(None, description="only this endpoint of the target")
    share: Share = Field(1.0, description="the part of the connections that it happens to: 25%")

    @abstractmethod
    def impairment(self) -> Impairment:
        """What is done to each connection, or, with `share`, to that part of them."""

    @property
    def components(self) -> tuple[str, ...]:
        return (self.viewer, self.target)

    def edges(self, deployment: Deployment) -> tuple[NetworkEdge, ...]:
        """Where it takes place. Raises UsageError where the viewer does not refer to the target."""
        between = [e for e in deployment.edges if (e.viewer, e.target) == self.components]
        chosen = tuple(e for e in between if self.endpoint in (None, e.endpoint))
        if not chosen:
            of = f"the endpoint {self.endpoint} of {self.target}" if between else self.target
            there = ", ".join(map(str, deployment.edges)) or "none"
            raise UsageError(
                f"{self.viewer} has no reference to {of}, so nothing of it passes by a proxy",
                hint=f"the edges of this deployment: {there}",
            )
        return chosen

    def check(self, deployment: Deployment) -> None:
        super().check(deployment)
        self.edges(deployment)

    def begin(self, deployment: Deployment, key: str) -> None:
        deployment.impose(key, self.edges(deployment), self.impairment(), str(self))

    def end(self, deployment: Deployment, key: str) -> None:
        deployment.mend(key)

    def __str__(self) -> str:
        part = "" if self.share == 1 else f", {self.share:.0%} of the connections"
        return f"{self.what} between {self.viewer} and {self.target}{part}"

    @property
    def what(self) -> str:
        """In a few words, with its measures."""
        return self.name.replace("-", " ")


class OneWayFault(NetworkFault):
    """A network fault that can be limited to one direction."""

    direction: Direction = Field(
        Direction.BOTH,
        description="upstream (what the viewer sends), downstream (what it is sent), or both",
    )
