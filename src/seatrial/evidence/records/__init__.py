"""All record types, and the union that reads any line back."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, TypeAdapter

from seatrial.evidence.records.base import EVIDENCE_VERSION, Record
from seatrial.evidence.records.checks import (
    ChecksDone,
    ComponentHealth,
    Expectation,
    Finding,
    FindingBody,
)
from seatrial.evidence.records.drills import DrillFinished
from seatrial.evidence.records.environment import (
    DeployedComponent,
    DeployedImage,
    EnvironmentFailed,
    EnvironmentUp,
    LogKept,
    StateChanged,
)
from seatrial.evidence.records.run import (
    Crashed,
    DeclaredComponent,
    GraphEdge,
    Interrupted,
    RunFinished,
    RunStarted,
    SessionSkipped,
)
from seatrial.evidence.records.trials import (
    BudgetMeasured,
    Collected,
    CollectionFailed,
    FaultChanged,
    LedgerClosed,
    ProcessLeft,
    RequestMade,
    SessionFinished,
    SessionStarted,
    SteadyMoment,
    SteadyWatched,
    TrialFinished,
)

AnyRecord = Annotated[
    RunStarted
    | SessionSkipped
    | Interrupted
    | Crashed
    | RunFinished
    | EnvironmentUp
    | EnvironmentFailed
    | StateChanged
    | LogKept
    | ComponentHealth
    | Expectation
    | Finding
    | ChecksDone
    | DrillFinished
    | SessionStarted
    | Collected
    | CollectionFailed
    | TrialFinished
    | BudgetMeasured
    | RequestMade
    | FaultChanged
    | SteadyWatched
    | LedgerClosed
    | ProcessLeft
    | SessionFinished,
    Field(discriminator="type"),
]

ANY_RECORD: TypeAdapter[AnyRecord] = TypeAdapter(AnyRecord)

__all__ = [
    "ANY_RECORD",
    "EVIDENCE_VERSION",
    "AnyRecord",
    "BudgetMeasured",
    "ChecksDone",
    "Collected",
    "CollectionFailed",
    "ComponentHealth",
    "Crashed",
    "DeclaredComponent",
    "DeployedComponent",
    "DeployedImage",
    "DrillFinished",
    "EnvironmentFailed",
    "EnvironmentUp",
    "Expectation",
    "FaultChanged",
    "Finding",
    "FindingBody",
    "GraphEdge",
    "Interrupted",
    "LedgerClosed",
    "LogKept",
    "ProcessLeft",
    "Record",
    "RequestMade",
    "RunFinished",
    "RunStarted",
    "SessionFinished",
    "SessionSkipped",
    "SessionStarted",
    "StateChanged",
    "SteadyMoment",
    "SteadyWatched",
    "TrialFinished",
]
