"""What a drill is: one deliberate fault, and what Seatrial must say about it.

Kinds bring drills of their servers (facet `drills_at`), from what is declared of a component; the
room `drills` adds what follows from the graph, and runs them. A drill breaks a deployment through
a `Stage` for the length of a `with`, and leaves it as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from pydantic import JsonValue

from seatrial.declaration.models import Component
from seatrial.kinds.base import Target
from seatrial.outcome import Cause


class Stage(Protocol):
    """What a drill may do to the deployment. All of it is undone when its block ends, and by the
    deployment's keeper when the drill's process does."""

    def target(self, component: str) -> Target:
        """Where the component is reached now, and the states of its replicas."""
        ...

    def altered(
        self,
        component: str,
        *,
        env: Mapping[str, str] = ...,
        unset: Sequence[str] = ...,
        run: Sequence[str] | None = ...,
        config: Mapping[str, JsonValue] = ...,
        becomes_ready: bool = ...,
    ) -> AbstractContextManager[None]:
        """A component restarted with other variables, another command (strings may hold
        references), or other values of its keys in the declaration. That it does not become ready
        is no error; where it is meant to (`becomes_ready`), it gets the time of a slow machine."""
        ...

    def stopped(self, component: str) -> AbstractContextManager[None]: ...

    def paused(
        self, component: str, replica: int | None = None
    ) -> AbstractContextManager[None]: ...

    def killed_from_outside(self, component: str) -> AbstractContextManager[None]:
        """Its processes end on their own, as far as its keeper knows."""
        ...

    def late(self, viewer: str, target: str, seconds: float) -> AbstractContextManager[None]:
        """What `viewer` is sent by `target` comes so much later."""
        ...


@dataclass(frozen=True)
class Drill:
    """One way of breaking a deployment.

    It is detected when a check finds anything that was not there before, and named when a root
    finding (not one in `blocks`) is of a component in `answers`, with one of its causes. Where a
    check cannot know, `trials` are the names of those that must fail, and `says` is a regular
    expression that the error of one of them must match.
    """

    name: str  # "postgres.missing-index"
    title: str
    answers: Mapping[str, frozenset[Cause]]  # component -> right causes
    broken: Callable[[Stage], AbstractContextManager[None]]
    trials: tuple[str, ...] = ()
    says: str = ""
    within: float = 30.0  # s from when breaking begins


class Drills(Protocol):
    """The facet: the drills of one component, from its declaration alone."""

    def __call__(self, component: Component) -> Sequence[Drill]: ...
