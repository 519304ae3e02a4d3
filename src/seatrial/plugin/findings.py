"""Findings that trials make: a component that is down, each written once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from seatrial.declaration.graph import Graph
from seatrial.declaration.models import Component
from seatrial.evidence.records import Finding, FindingBody
from seatrial.outcome import State
from seatrial.plugin.states import Down, cause_of


@dataclass
class Findings:
    """`known` maps a component to the finding that the checks made of it."""

    components: Mapping[str, Component]
    graph: Graph
    known: Mapping[str, str]
    write: Callable[[Finding], None]
    advice: Callable[[str], str]

    def __post_init__(self) -> None:
        self._written: set[str] = set()

    def of_down(self, down: Down) -> str:
        """The id of the finding for a component that was down before the trial: the checks' own,
        or else one that is written now."""
        return self.known.get(down.component) or self._find(down, "up")

    def of_lost(self, down: Down) -> str:
        """The id of the finding for a component that went down during a trial."""
        return self._find(down, "up as long as nobody stops it")

    def _find(self, down: Down, expected: str) -> str:
        component = self.components[down.component]
        cause = cause_of(down, component.kind)
        identifier = f"{down.component}.{cause}"
        if identifier not in self._written:
            self._written.add(identifier)
            body = FindingBody(
                id=identifier,
                component=down.component,
                cause=cause,
                priority=component.config.priority,
                expected=f"{down.component} is {expected}",
                found=str(down),
                fix=self.fix(down),
                blocks=self.graph.above(down.component),
            )
            self.write(Finding(finding=body, source="trial"))
        return identifier

    def fix(self, down: Down) -> str:
        """What to do about a component that is down."""
        return self.advice(_fix(down))


def _fix(down: Down) -> str:
    if down.state in (State.STOPPED, State.PAUSED):
        return f"seatrial restart {down.component}"
    if down.state is State.UNREACHABLE:
        return "seatrial check   (it says why)"
    return f"seatrial logs {down.component}   (why did it end?), then restart it, or run again"
