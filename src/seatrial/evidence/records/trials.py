"""Records that the pytest plugin writes: what was collected, and what became of it."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from seatrial.evidence.records.base import Record
from seatrial.outcome import Outcome, Priority


class SessionStarted(Record):
    type: Literal["session_started"] = "session_started"
    session: str  # "p1", or "p2-p3"
    worker: str = "main"  # the xdist worker, or "main"


class Collected(Record):
    """What the session is going to run; one that never reports an outcome is not measured."""

    type: Literal["collected"] = "collected"
    session: str
    trials: tuple[tuple[str, Priority], ...]  # (node id, priority)


class CollectionFailed(Record):
    """A file could not be collected: its trials count as errored at `priority`."""

    type: Literal["collection_failed"] = "collection_failed"
    session: str
    node: str
    priority: Priority
    error: str


class TrialFinished(Record):
    """The outcome of one trial over set-up, call and tear-down. `attempt` counts retries from 1."""

    type: Literal["trial_finished"] = "trial_finished"
    session: str
    node: str  # pytest's node id
    name: str
    file: str
    priority: Priority
    outcome: Outcome
    duration_s: float
    attempt: int = 1
    reason: str = ""  # why skipped, blocked or not measured
    error: str = ""  # the failure as pytest shows it
    finding: str | None = None  # id of the finding that a blocked or failed trial cites
    assertions_checked: int | None = None  # None where pytest's assertion hook is off
    assertions_passed: int | None = None
    needs: tuple[str, ...] = ()  # components
    criteria: tuple[str, ...] = ()
    properties: tuple[tuple[str, str], ...] = ()


class BudgetMeasured(Record):
    """A time budget held against a measurement, both in seconds."""

    type: Literal["budget_measured"] = "budget_measured"
    node: str  # the trial's node id, or the file for a budget of a whole file
    name: str
    priority: Priority
    limit_s: float
    measured_s: float | None  # None: not measured


class RequestMade(Record):
    """One request that a trial sent through a Seatrial client; bodies are capped and redacted."""

    type: Literal["request_made"] = "request_made"
    node: str
    component: str
    request: str  # "POST /tasks"
    status: int | None
    duration_ms: float
    sent: str = ""
    received: str = ""


class FaultChanged(Record):
    """A trial put a fault on, or took it off again."""

    type: Literal["fault_changed"] = "fault_changed"
    node: str
    fault: str  # in words
    began: bool


class SteadyMoment(BaseModel):
    """While a steady state was watched, it did not hold from `at` on, for so many seconds."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    at: AwareDatetime
    offset_s: float  # after the watch began
    duration_s: float
    found: str  # the first value, or exception, that did not satisfy


class SteadyWatched(Record):
    """A condition that a trial held for the length of a block."""

    type: Literal["steady_watched"] = "steady_watched"
    node: str
    what: str
    outcome: Outcome  # passed, failed or not_measured
    reason: str = ""  # why it did not pass
    allowed: str = ""  # "at most 2 s"; "" is never
    duration_s: float
    samples: int
    failing: int  # of the samples
    longest_gap_s: float  # between two samples
    moments: tuple[SteadyMoment, ...] = ()  # the first of them
    more_moments: int = 0  # that are not listed


class LedgerClosed(Record):
    """What trials created was removed; `left` things could not be, and `error` says why."""

    type: Literal["ledger_closed"] = "ledger_closed"
    session: str
    created: int
    removed: int
    left: int
    retained: int = 0
    error: str = ""


class ProcessLeft(Record):
    """A process that a session's trials started was still there when the session had ended; the
    run has ended it."""

    type: Literal["process_left"] = "process_left"
    session: str
    pid: int
    command: str  # its program


class SessionFinished(Record):
    type: Literal["session_finished"] = "session_finished"
    session: str
    worker: str = "main"
    pytest_exit: int
    duration_s: float
