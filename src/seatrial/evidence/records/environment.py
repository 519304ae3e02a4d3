"""Records about the deployment: how it came up, and what state its parts were in, when."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from seatrial.evidence.records.base import Record
from seatrial.outcome import Cause, State


class DeployedImage(BaseModel):
    """What containers of a component were made of."""

    model_config = ConfigDict(frozen=True)

    reference: str  # that they were made from: "postgres:15"
    id: str  # "sha256:...", of the engine that runs it
    digests: tuple[str, ...] = ()  # "NAME@sha256:...", of each registry that knows it


class DeployedComponent(BaseModel):
    model_config = ConfigDict(frozen=True)

    name: str
    kind: str
    state: State
    endpoints: dict[str, tuple[str, ...]]  # masked URLs, one a replica
    version: str | None = None
    started_in_ms: float | None = None
    images: tuple[DeployedImage, ...] = ()


class EnvironmentUp(Record):
    """`attached`: the deployment was there before this run, and stays."""

    type: Literal["environment_up"] = "environment_up"
    attached: bool
    components: tuple[DeployedComponent, ...]
    capabilities: tuple[str, ...]
    duration_s: float


class EnvironmentFailed(Record):
    """The environment did not come up. `component` is the one that failed first."""

    type: Literal["environment_failed"] = "environment_failed"
    component: str | None
    cause: Cause | None
    error: str
    fix: str = ""
    log_tail: tuple[str, ...] = ()


class StateChanged(Record):
    """One entry of the keeper's time line; `at` is when it happened."""

    type: Literal["state_changed"] = "state_changed"
    seq: int
    component: str
    replica: int | None  # None: the component as a whole
    state: State
    detail: str = ""
    by_fault: bool = False  # a fault of a trial's own did it


class LogKept(Record):
    """A component's log was collected into the run's folder (redacted)."""

    type: Literal["log_kept"] = "log_kept"
    component: str
    file: str  # relative to the run's folder
    bytes: int
    truncated: bool
