"""The report holds what the evidence holds, and report.json is what its schema promises."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.evidence import records as r
from seatrial.evidence.redaction import Redactor
from seatrial.outcome import Connection, Health, Outcome, Priority, State, Verdict
from seatrial.report.json import as_json
from seatrial.report.model import REPORT_VERSION, ImagePart, report_schema
from tests.unit.evidence import builder as b
from tests.unit.report.sample import HOSTILE, everything, report_of
from tests.unit.report.schema import problems

SCHEMA: dict[str, Any] = report_schema()
RUNS = {
    "good": b.run_with(),
    "everything": everything(),
    "hostile": everything(HOSTILE),
    "empty": b.evidence([]),
    "cut off": b.run_without(r.RunStarted, r.RunFinished, r.EnvironmentUp),
}


@pytest.mark.parametrize("run", RUNS)
def test_report_json_is_what_its_schema_promises(run: str) -> None:
    report = json.loads(as_json(report_of(RUNS[run])))
    assert problems(report, SCHEMA, SCHEMA) == []


def test_the_schema_notices_what_is_wrong() -> None:
    report = json.loads(as_json(report_of(everything())))
    for spoil in (
        lambda one: one.pop("verdict"),
        lambda one: one.update(verdict="maybe"),
        lambda one: one["trials"][0].pop("assertions_checked"),
        lambda one: one["trials"][0].update(duration_s="1 s"),
        lambda one: one["counts"].update(p9={}),
        lambda one: one["components"][0].update(status="fine"),
    ):
        spoilt = copy.deepcopy(report)
        spoil(spoilt)
        assert problems(spoilt, SCHEMA, SCHEMA)


def test_every_key_is_always_there() -> None:
    for definition in [SCHEMA, *SCHEMA["$defs"].values()]:
        assert set(definition.get("properties", {})) == set(definition.get("required", []))


def test_the_run_and_its_verdict() -> None:
    report = report_of(b.run_with())
    assert report.report_version == REPORT_VERSION
    assert (report.system, report.run_id) == ("shop", "20300102T030405Z-abc123")
    assert (report.verdict, report.exit_code) == (Verdict.GO, 0)
    assert report.started == b.START
    assert report.finished is not None
    assert report.duration_s == 12.5
    assert report.reasons[0].text == "2 p1 trials passed"
    assert report.pass_fail_skip[Outcome.BLOCKED] == "fail"


def test_the_environment_with_masked_endpoints_and_versions() -> None:
    leaking = r.DeployedComponent(
        name="broker", kind="rabbitmq", state=State.READY, endpoints={"amqp": ("amqp://u:pw@h/",)}
    )
    up = r.EnvironmentUp(attached=True, components=(leaking,), capabilities=("logs",), duration_s=1)
    report = report_of(b.evidence([b.run_started(), up, b.health(b.API, version="1.2.3")]))
    assert report.environment.endpoints == {"broker": {"amqp": ("amqp://u:***@h/",)}}
    assert report.environment.versions == {b.API: "1.2.3"}
    assert report.environment.attached is True


def test_what_was_judged_is_named_by_its_image() -> None:
    images = report_of(b.run_with()).environment.images
    assert images == {
        b.DB: (ImagePart(reference="postgres:15", id=b.IMAGE_ID, digests=(b.DIGEST,)),)
    }


def test_components_show_health_connection_time_and_error() -> None:
    shown = {one.name: one for one in report_of(everything("refused")).components}
    api, database, migrate = shown[b.API], shown[b.DB], shown["migrate"]
    assert (api.status, api.connection, api.response_time_ms, api.error) == (
        Health.HEALTHY,
        Connection.CONNECTED,
        3.25,
        None,
    )
    assert (database.status, database.connection) == (Health.UNHEALTHY, Connection.DISCONNECTED)
    assert database.error == "refused"
    assert migrate.note == "it leaves no trace"


def test_a_component_that_nobody_looked_at_is_shown_as_unknown() -> None:
    [*_, mailhog] = report_of(b.run_without(r.ComponentHealth)).components
    assert (mailhog.name, mailhog.status) == ("mailhog", Health.UNKNOWN)
    assert mailhog.connection is None
    assert mailhog.error == "it was not looked at"


def test_unhealthy_once_is_shown_as_unhealthy() -> None:
    run = b.run_of(b.health(b.API, Health.UNHEALTHY, error="503"), b.health(b.API))
    assert report_of(run).components[0].status is Health.UNHEALTHY


def test_trials_and_their_counts() -> None:
    report = report_of(everything("boom"))
    trials = {trial.name: trial for trial in report.trials}
    failed, flaky, lost = trials["test_failed"], trials["test_flaky"], trials["test_lost"]
    assert (failed.status, failed.result, failed.gist) == (Outcome.FAILED, "fail", "boom")
    assert failed.error == "def t():\nE   boom"
    assert (flaky.status, flaky.flaky, flaky.attempts) == (Outcome.PASSED, True, 2)
    assert (flaky.assertions_checked, flaky.assertions_passed) == (5, 5)
    assert (failed.assertions_checked, failed.assertions_passed) == (None, None)
    assert (lost.status, lost.result, lost.duration_s) == (Outcome.NOT_MEASURED, "skip", None)
    assert trials["test_blocked"].finding == "postgres.refused"
    assert report.counts[Priority.P1] == {
        Outcome.PASSED: 3,
        Outcome.FAILED: 1,
        Outcome.ERRORED: 1,
        Outcome.BLOCKED: 1,
        Outcome.SKIPPED: 1,
        Outcome.NOT_MEASURED: 1,
    }
    assert report.counts[Priority.P2][Outcome.FAILED] == 1


def test_findings_and_expectations_stand_once_and_as_they_failed() -> None:
    failed = b.expectation("e", Outcome.FAILED, found="x")
    run = b.run_with(b.finding(), failed, b.finding(), b.expectation("e"))
    report = report_of(run)
    [finding] = report.findings
    assert (finding.id, finding.exit_code, finding.blocks) == ("postgres.refused", 3, (b.API,))
    [shown] = [one for one in report.expectations if one.id == "e"]
    assert shown.status is Outcome.FAILED


def test_budgets() -> None:
    kept = {one.name: one.kept for one in report_of(everything("late")).budgets}
    assert kept == {"an id within 500 ms": True, "late": False, "never": None}


def test_what_was_exercised() -> None:
    shown = report_of(everything()).exercised
    assert [(one.request, one.count) for one in shown.requests] == [
        ("GET /tasks/{id}", 2),
        ("POST /tasks", 1),
    ]
    assert shown.components == (b.API, b.WORKER)
    assert shown.criteria == ("C-7",)
    assert shown.activities == ("status tracking",)


def test_what_only_failing_trials_touched_was_not_exercised() -> None:
    run = b.run_with(b.trial("t::x", Outcome.FAILED, needs=("ghost",), criteria=("C-9",)))
    shown = report_of(run).exercised
    assert "ghost" not in shown.components
    assert "C-9" not in shown.criteria


@pytest.mark.parametrize(
    ("request_line", "shown"),
    [
        ("GET /tasks/12/items/7", "GET /tasks/{id}/items/{id}"),
        ("GET /v1/health", "GET /v1/health"),
        ("DELETE /files/a%20b", "DELETE /files/{id}"),
        ("GET /t/0123456789abcdef", "GET /t/{id}"),
        ("GET /decade", "GET /decade"),
    ],
)
def test_identifiers_in_paths_are_folded(request_line: str, shown: str) -> None:
    made = r.RequestMade(node="n", component="a", request=request_line, status=200, duration_ms=1)
    assert report_of(b.run_with(made)).exercised.requests[0].request == shown


def test_the_time_line() -> None:
    line = [(one.component, one.text) for one in report_of(everything()).timeline]
    assert line[0] == (None, "the run started")
    assert (b.WORKER, "paused (replica 1), by a fault") in line
    assert line[-1] == (None, "the run ended")
    offsets = [one.offset_s for one in report_of(everything()).timeline]
    assert offsets == sorted(offsets)
    assert offsets[0] == 0


@given(text=st.text(max_size=60))
@settings(max_examples=40, deadline=None)
def test_any_text_can_be_reported(text: str) -> None:
    report = json.loads(as_json(report_of(everything(text))))
    assert problems(report, SCHEMA, SCHEMA) == []
    assert report["trials"]


def test_a_report_is_redacted_as_its_evidence_was() -> None:
    redactor = Redactor(["correct-horse"])
    text = as_json(report_of(everything(redactor.redact("found correct-horse"))))
    assert "correct-horse" not in text
    assert "found ***" in text
