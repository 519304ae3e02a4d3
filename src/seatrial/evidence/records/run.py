"""Records that `run` writes: what was asked for, and how the run itself ended."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from seatrial.evidence.records.base import EVIDENCE_VERSION, Record
from seatrial.outcome import Priority


class GraphEdge(BaseModel):
    """`who` cannot work without `whom`."""

    model_config = ConfigDict(frozen=True)

    who: str
    whom: str
    why: str  # "needs", or the reference, such as "env.DATABASE_URL -> postgres.sql"


class DeclaredComponent(BaseModel):
    model_config = ConfigDict(frozen=True)

    name: str
    kind: str
    priority: Priority


class RunStarted(Record):
    """The first record: everything that a verdict needs is frozen here or in later records."""

    type: Literal["run_started"] = "run_started"
    evidence_version: int = EVIDENCE_VERSION
    run_id: str
    system: str
    environment: str
    provider: str
    seatrial_version: str
    python_version: str
    platform: str
    declaration: str  # the resolved declaration as JSON text, secrets redacted
    declaration_digest: str
    components: tuple[DeclaredComponent, ...]
    graph: tuple[GraphEdge, ...]
    sessions: tuple[tuple[Priority, ...], ...]  # the pytest sessions planned, in order
    drills: tuple[str, ...] | None = None  # those planned; None: it is no exercise, but a run


class SessionSkipped(Record):
    """A planned pytest session did not take place, because p1 did not pass, say."""

    type: Literal["session_skipped"] = "session_skipped"
    priorities: tuple[Priority, ...]
    reason: str


class Interrupted(Record):
    type: Literal["interrupted"] = "interrupted"
    signal: str


class Crashed(Record):
    """Seatrial itself failed: an exception that is a bug, or pytest ended abnormally."""

    type: Literal["crashed"] = "crashed"
    where: str
    error: str


class RunFinished(Record):
    type: Literal["run_finished"] = "run_finished"
    duration_s: float
