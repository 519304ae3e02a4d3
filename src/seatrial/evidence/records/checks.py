"""Records that `checks` writes: health, single expectations, and findings."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from seatrial.evidence.records.base import Record
from seatrial.outcome import Cause, Connection, Health, Outcome, Priority


class ComponentHealth(Record):
    type: Literal["component_health"] = "component_health"
    component: str
    kind: str
    health: Health
    connection: Connection
    response_time_ms: float | None
    version: str | None = None
    error: str | None = None
    cause: Cause | None = None
    skipped: str | None = None  # why it is no part of health here; its health is unknown then


class Expectation(Record):
    """One expectation that was held against an observation, whatever came of it."""

    type: Literal["expectation"] = "expectation"
    id: str
    component: str
    title: str
    priority: Priority
    outcome: Outcome
    cause: Cause | None = None
    expected: str = ""
    found: str = ""
    fix: str = ""
    finding: str | None = None  # id of the finding that it belongs to


class FindingBody(BaseModel):
    """A fault with its root cause: `blocks` are the components and checks that follow from it."""

    model_config = ConfigDict(frozen=True)

    id: str  # stable over runs: "postgres.auth"
    component: str
    cause: Cause
    priority: Priority
    expected: str
    found: str
    fix: str
    blocks: tuple[str, ...] = ()


class Finding(Record):
    type: Literal["finding"] = "finding"
    finding: FindingBody
    source: Literal["check", "trial", "environment", "ledger"] = "check"


class ChecksDone(Record):
    """All checks of one pass ended."""

    type: Literal["checks_done"] = "checks_done"
    duration_ms: float
