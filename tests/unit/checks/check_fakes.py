"""Kinds in memory, and small systems made of them: the checks know no others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from seatrial.checks.look import Seen
from seatrial.declaration.models import (
    Component,
    ComponentConfig,
    EnvironmentConfig,
    Location,
    Model,
    Reference,
    System,
)
from seatrial.kinds import registry
from seatrial.kinds.base import CheckResult, Context, Endpoint, Kind, ProbeResult, Target
from seatrial.kinds.process.config import ProcessConfig
from seatrial.kinds.task.config import TaskConfig
from seatrial.outcome import Cause, Connection, Health, Outcome, Priority

WELL = ProbeResult(Health.HEALTHY, Connection.CONNECTED, 1.0, version="1.0")
ALIASES = {"postgres": ("database", "db"), "rabbitmq": ("queue", "broker")}


def unwell(cause: Cause | None = Cause.REFUSED, **more: Any) -> ProbeResult:
    health = Health.UNKNOWN if cause in (None, Cause.NOT_MEASURED) else Health.UNHEALTHY
    said = {"expected": "it is well", "found": f"it is {cause}", "fix": "mend it"} | more
    return ProbeResult(health, Connection.DISCONNECTED, 1.0, cause, **said)


def warned(cause: Cause, **more: Any) -> ProbeResult:
    said = {"expected": "it is well", "found": f"it is {cause}", "fix": "mend it"} | more
    return ProbeResult(Health.HEALTHY, Connection.CONNECTED, 1.0, cause, **said)


def result(
    id: str,
    outcome: Outcome = Outcome.FAILED,
    cause: Cause | None = None,
    priority: Priority = Priority.P1,
    found: str = "",
    subject: str = "",
) -> CheckResult:
    if cause is None and outcome is Outcome.FAILED:
        cause = Cause.SCHEMA_DRIFT
    return CheckResult(
        id, id.partition(".")[0], id, priority, outcome, cause, found=found or id, subject=subject
    )


class Anything(Model):
    """Expectations of a fake."""


def component(
    name: str,
    *needs: str,
    kind: str = "",
    refers: dict[str, str] | None = None,
    expects: bool = False,
    **settings: Any,
) -> Component:
    """`refers`: variable -> owner. The kinds `process` and `task` get their own configuration."""
    kind = kind or name
    model = {"process": ProcessConfig, "task": TaskConfig}.get(kind, ComponentConfig)
    references = tuple(
        Reference(name, owner, "sql", "url", f"env.{variable}")
        for variable, owner in (refers or {}).items()
    )
    config = model.model_validate({"kind": kind, "needs": needs} | settings)
    expect = Anything() if expects else None
    return Component(name, kind, config, expect, references, Location(Path("x"), 1, 1))


def seen(one: Component, probe: ProbeResult = WELL, *results: CheckResult) -> Seen:
    called = (one.name, one.kind, *ALIASES.get(one.kind, ()))
    provides = registry.KINDS[one.kind].provides if one.kind in ("process", "task") else frozenset()
    return Seen(one, probe, results, called, provides)


def system(*components: Component) -> System:
    return System(
        name="shop",
        folder=Path(),
        file=Path("seatrial.yaml"),
        components={one.name: one for one in components},
        environment="local",
        environments={"local": EnvironmentConfig(provider="local")},
        python=None,
    )


def target(one: Component) -> Target:
    return Target(one.name, one.kind, one.config, {"x": (Endpoint("x", "h", 1),)})


Facet = Callable[..., Any]


@dataclass(frozen=True)
class FakeKind(Kind):
    """A kind whose facets are given as functions instead of being imported."""

    probing: Facet | None = None
    expecting: Facet | None = None

    @property
    def probe(self) -> Any:
        return self.probing

    @property
    def expectations(self) -> Any:
        return self.expecting


@dataclass
class Kinds:
    """Registers fake kinds; the registry is itself again after the test."""

    monkeypatch: pytest.MonkeyPatch
    calls: list[str] = field(default_factory=list)

    def add(
        self,
        name: str,
        probe: Facet | ProbeResult = WELL,
        expect: Facet | Sequence[CheckResult] | None = None,
        endpoints: tuple[str, ...] = ("x",),
    ) -> None:
        async def probing(at: Target, context: Context, deadline: Any) -> ProbeResult:
            self.calls.append(f"probe {at.name}")
            if isinstance(probe, ProbeResult):
                return probe
            answer: ProbeResult = await probe(at, context, deadline)
            return answer

        async def expecting(
            at: Target, expected: Model | None, context: Context, deadline: Any
        ) -> Sequence[CheckResult]:
            self.calls.append(f"expect {at.name}")
            if callable(expect):
                results: Sequence[CheckResult] = await expect(at, expected, context, deadline)
                return results
            return expect or []

        kind = FakeKind(
            name,
            "a fake",
            ComponentConfig,
            endpoints,
            probe_at="",
            also_called=ALIASES.get(name, ()),
            probing=probing,
            expecting=expecting if expect is not None else None,
        )
        self.monkeypatch.setitem(registry.KINDS, name, kind)
