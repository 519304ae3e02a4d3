"""The recorded states of all components, followed event by event; nothing is probed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from seatrial.declaration.graph import Graph
from seatrial.environment.deployment import Deployment
from seatrial.keeper.protocol import Event
from seatrial.kinds.base import load
from seatrial.outcome import Cause, State


@dataclass(frozen=True)
class Down:
    """A component that is not up."""

    component: str
    state: State
    detail: str = ""
    cause: Cause | None = None  # as far as its keeper knows it

    @classmethod
    def of(cls, event: Event) -> Down:
        return cls(event.component, event.state, event.detail, event.cause)

    def __str__(self) -> str:
        return f"{self.component} is {self.state}" + (f" ({self.detail})" if self.detail else "")


class States:
    """What the keeper has recorded, as of the events that were applied."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._known: dict[str, Down] = {}  # or up
        self._last = 0
        self._read_all()

    def _read_all(self) -> None:
        status = self._deployment.status()
        self._last = status.last_event
        self._known = {
            name: Down(name, c.state, c.detail, c.cause) for name, c in status.components.items()
        }

    @property
    def last(self) -> int:
        """The number of the last event that is known."""
        return self._last

    def apply(self, events: Sequence[Event]) -> list[Event]:
        """Take in the events after `last`; returns those of whole components."""
        if events and events[0].seq > self._last + 1:  # the keeper has dropped some
            self._read_all()
        whole = [event for event in events if event.replica is None]
        for event in whole:
            self._known[event.component] = Down.of(event)
        if events:
            self._last = max(self._last, events[-1].seq)
        return whole

    def down(self, names: Iterable[str]) -> dict[str, Down]:
        """Those of these components that are not up."""
        found = {name: self._known[name] for name in names if name in self._known}
        return {name: one for name, one in found.items() if not one.state.up}


def root(down: Mapping[str, Down], graph: Graph) -> Down:
    """The one that explains the others: of those that are down, one that needs no other of them."""
    for name, one in reversed(list(down.items())):
        if not down.keys() & set(graph.below(name)):
            return one
    return next(iter(down.values()))  # they refer to each other in a circle


def cause_of(down: Down, kind: str) -> Cause:
    """The cause class that the keeper saw, else the one that the recorded state stands for."""
    if down.cause is not None:
        return down.cause
    if down.state in (State.EXITED, State.FAILED):
        return Cause.EXITED
    if down.state is not State.UNREACHABLE:
        return Cause.STOPPED
    # Seen from outside, a program without an address is known by what it consumes alone.
    return Cause.TIMEOUT if load(kind).endpoints else Cause.NO_CONSUMER
