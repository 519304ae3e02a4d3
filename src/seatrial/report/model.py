"""The report: everything that any of its renderings shows, as one frozen, published model.

`report.json` is this model; `report_schema()` is its JSON Schema. Fields may be added within a
version; `report_version` rises when one goes or changes its meaning. Times are UTC, URLs masked.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from seatrial.outcome import Cause, Connection, Health, Outcome, Priority, Verdict

REPORT_VERSION = 1

PassFailSkip = Literal["pass", "fail", "skip"]


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class ReasonPart(Part):
    """`exit_code` is what it leads to at p1; `code` names the gate's rule."""

    code: str
    text: str
    subject: str
    priority: Priority
    exit_code: int
    finding: str | None


class ImagePart(Part):
    """What containers were made of: `id` is their engine's, `digests` are those of registries."""

    reference: str
    id: str
    digests: tuple[str, ...]


class EnvironmentPart(Part):
    """`endpoints`: by component and endpoint, one masked URL a replica; `images`: by component."""

    name: str
    provider: str
    attached: bool | None
    endpoints: dict[str, dict[str, tuple[str, ...]]]
    versions: dict[str, str]
    images: dict[str, tuple[ImagePart, ...]]
    capabilities: tuple[str, ...]
    seatrial_version: str
    python_version: str
    platform: str


class ComponentPart(Part):
    name: str
    kind: str
    priority: Priority
    status: Health
    response_time_ms: float | None
    connection: Connection | None
    error: str | None
    cause: Cause | None
    version: str | None
    note: str | None  # why it has no health here


class FindingPart(Part):
    id: str
    component: str
    cause: Cause
    priority: Priority
    exit_code: int
    expected: str
    found: str
    fix: str
    blocks: tuple[str, ...]
    source: str


class ExpectationPart(Part):
    id: str
    component: str
    title: str
    priority: Priority
    status: Outcome
    cause: Cause | None
    expected: str
    found: str
    fix: str
    finding: str | None


class TrialPart(Part):
    """`error` is the failure as pytest shows it, `gist` its one line that says most."""

    name: str
    node: str
    file: str
    session: str
    priority: Priority
    status: Outcome
    result: PassFailSkip
    duration_s: float | None
    error: str
    reason: str
    gist: str
    assertions_checked: int | None
    assertions_passed: int | None
    attempts: int
    flaky: bool
    needs: tuple[str, ...]
    criteria: tuple[str, ...]
    finding: str | None
    properties: tuple[tuple[str, str], ...]


class BudgetPart(Part):
    name: str
    node: str
    priority: Priority
    limit_s: float
    measured_s: float | None
    kept: bool | None  # None: not measured


class SteadyMomentPart(Part):
    """When a steady state did not hold; `offset_s` counts from the start of the watch."""

    at: datetime
    offset_s: float
    duration_s: float
    found: str


class SteadyPart(Part):
    """A condition that a trial held for the length of a block; `allowed` is "" for never broken."""

    what: str
    node: str
    status: Outcome
    reason: str
    allowed: str
    duration_s: float
    samples: int
    failing: int
    longest_gap_s: float
    moments: tuple[SteadyMomentPart, ...]
    more_moments: int

    @property
    def lines(self) -> tuple[str, ...]:
        """Why it did not pass, and each moment when it did not hold."""
        told = [self.reason] if self.reason else []
        told += [f"{m.offset_s:.3f} s, for {m.duration_s:.3f} s: {m.found}" for m in self.moments]
        return (*told, f"and {self.more_moments} more") if self.more_moments else tuple(told)


class RequestPart(Part):
    """Requests of one sort that trials sent; identifiers in the path are shown as {id}."""

    component: str
    request: str
    count: int


class ExercisedPart(Part):
    """What the trials reached: all requests that they sent, and what those that passed stand for.

    An activity is a value of the property `exercises` that a trial recorded.
    """

    requests: tuple[RequestPart, ...]
    components: tuple[str, ...]
    criteria: tuple[str, ...]
    activities: tuple[str, ...]


class LedgerPart(Part):
    session: str
    created: int
    removed: int
    left: int
    retained: int
    error: str


class DrillPart(Part):
    """One deliberate fault. `cause` is what was named, a component and its cause or a trial, and
    `said` its words; `status` is passed where that is right and nothing was left behind."""

    name: str
    title: str
    status: Outcome
    detected: bool
    named: bool
    cause: str | None
    said: str
    by: Literal["check", "trial"] | None
    seconds: float | None  # from when breaking began until it was named
    skipped: str
    left_behind: tuple[str, ...]

    @property
    def line(self) -> str:
        """What became of it, in one line."""
        if self.left_behind:
            return f"left behind: {'; '.join(self.left_behind)}"
        if self.skipped:
            return f"skipped: {self.skipped}"
        if not self.detected:
            return "nothing was said"
        said = f"{self.cause}: {self.said}" if self.said else self.cause or ""
        return said if self.named else f"not named, but {said}"


class MomentPart(Part):
    """One entry of the time line; `offset_s` counts from the start of the run."""

    at: datetime
    offset_s: float
    component: str | None
    text: str


class LogPart(Part):
    component: str
    file: str  # relative to the run's folder
    bytes: int
    truncated: bool


class Report(Part):
    report_version: int
    run_id: str
    system: str
    verdict: Verdict
    exit_code: int
    started: datetime | None
    finished: datetime | None
    duration_s: float | None
    reasons: tuple[ReasonPart, ...]
    warnings: tuple[ReasonPart, ...]
    environment: EnvironmentPart
    components: tuple[ComponentPart, ...]
    findings: tuple[FindingPart, ...]
    expectations: tuple[ExpectationPart, ...]
    trials: tuple[TrialPart, ...]
    counts: dict[Priority, dict[Outcome, int]]  # of trials
    budgets: tuple[BudgetPart, ...]
    steady: tuple[SteadyPart, ...]
    drill_score: float | None  # the share that was detected and named; None without any
    drills: tuple[DrillPart, ...]
    exercised: ExercisedPart
    ledger: tuple[LedgerPart, ...]
    timeline: tuple[MomentPart, ...]
    logs: tuple[LogPart, ...]
    pass_fail_skip: dict[Outcome, PassFailSkip]  # for programs that know only those

    @property
    def score(self) -> str:
        """The score of the drills, for people."""
        good = sum(one.detected and one.named for one in self.drills if not one.skipped)
        done = sum(not one.skipped for one in self.drills)
        shown = "unknown" if self.drill_score is None else f"{self.drill_score:.3g}"
        return f"{shown} ({good} of {done} named)"


def report_schema() -> dict[str, JsonValue]:
    """The JSON Schema of report.json."""
    schema = Report.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
