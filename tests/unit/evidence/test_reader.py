"""Evidence is read back in full, or it is said what of it could not be."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest

from seatrial.errors import EvidenceError
from seatrial.evidence import reader
from seatrial.evidence import records as r
from seatrial.evidence.reader import RunEvidence, read_run
from seatrial.evidence.records import EVIDENCE_VERSION
from seatrial.outcome import Outcome
from tests.unit.evidence import builder
from tests.unit.evidence.builder import P1, P2, START, collected, evidence, trial

LINE = builder.trial().model_dump_json() + "\n"


def folder_with(tmp_path: Path, **files: str | bytes) -> Path:
    (tmp_path / "evidence").mkdir()
    for name, content in files.items():
        octets = content.encode() if isinstance(content, str) else content
        (tmp_path / "evidence" / f"{name}.jsonl").write_bytes(octets)
    return tmp_path


def test_files_are_merged_in_the_order_of_time(tmp_path: Path) -> None:
    def line(seconds: int) -> str:
        at = START + timedelta(seconds=seconds)
        return r.Crashed(at=at, where=str(seconds), error="e").model_dump_json() + "\n"

    run = read_run(folder_with(tmp_path, a=line(1) + line(4), b=line(2) + line(3)))
    assert [record.where for record in run.all(r.Crashed)] == ["1", "2", "3", "4"]


def test_a_torn_last_line_is_tolerated_and_noted(tmp_path: Path) -> None:
    run = read_run(folder_with(tmp_path, main=LINE + LINE[:-20]))
    assert len(run.records) == 1
    assert run.torn == ("main.jsonl",)
    assert not run.problems


def test_a_last_line_that_lacks_only_its_end_counts(tmp_path: Path) -> None:
    run = read_run(folder_with(tmp_path, main=LINE + LINE[:-1]))
    assert len(run.records) == 2
    assert not run.torn


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (LINE[:-20] + "\n", "JSON"),
        ("\n", "JSON"),
        ('{"type": "drill_scored", "at": "2030-01-01T00:00:00Z"}\n', "drill_scored"),
        ('{"at": "2030-01-01T00:00:00Z"}\n', "discriminator"),
        ('{"type": "run_finished"}\n', "duration_s"),
        (LINE.replace('"passed"', '"succeeded"'), "outcome"),
        ("[]\n", "object"),
        (b"\xff\xfe\n", "JSON"),
        (b"[" * 100_000 + b"\n", "JSON"),
    ],
)
def test_a_line_that_cannot_be_understood_is_a_problem(
    tmp_path: Path, line: str | bytes, reason: str
) -> None:
    octets = line.encode() if isinstance(line, str) else line
    run = read_run(folder_with(tmp_path, main=LINE.encode() + octets + LINE.encode()))
    assert len(run.records) == 2
    [problem] = run.problems
    assert str(problem).startswith("main.jsonl:2: ")
    assert reason in problem.reason


def test_a_time_without_its_zone_is_a_problem(tmp_path: Path) -> None:
    """It cannot be put in order with the others."""
    record = json.loads(LINE)
    record["at"] = record["at"].removesuffix("Z").removesuffix("+00:00")
    run = read_run(folder_with(tmp_path, main=LINE + json.dumps(record) + "\n"))
    assert [problem.line for problem in run.problems] == [2]


def test_an_endless_line_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "LONGEST_LINE", 1000)
    run = read_run(folder_with(tmp_path, main=LINE + "x" * 5000))
    assert len(run.problems) == 1
    assert len(run.records) == 1


def test_fields_of_a_later_version_are_ignored_but_its_number_is_not(tmp_path: Path) -> None:
    later = builder.run_started(evidence_version=EVIDENCE_VERSION + 1).model_dump(mode="json")
    run = read_run(folder_with(tmp_path, main=json.dumps({**later, "weather": "fine"}) + "\n"))
    assert run.started is not None
    [problem] = run.problems
    assert "newer Seatrial" in str(problem)


def test_two_runs_in_one_folder_are_a_problem() -> None:
    run = evidence([*builder.good_run(), builder.run_started(run_id="other")])
    assert "several runs" in str(run.problems[0])
    assert not evidence(builder.good_run()).problems


def test_no_evidence_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="holds no evidence"):
        read_run(tmp_path / "nowhere")
    (tmp_path / "evidence").mkdir()
    with pytest.raises(EvidenceError, match="holds no evidence"):
        read_run(tmp_path)


def test_too_much_evidence_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_with(tmp_path, a=LINE, b=LINE)
    monkeypatch.setattr(reader, "LARGEST_RUN", len(LINE))
    with pytest.raises(EvidenceError, match="read at most"):
        read_run(folder)


def test_what_is_no_file_is_an_error(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, a=LINE)
    os.mkfifo(folder / "evidence" / "b.jsonl")
    with pytest.raises(EvidenceError, match="no regular file"):
        read_run(folder)


# What became of trials


def outcome_of(*records: r.Collected | r.TrialFinished) -> tuple[Outcome, bool]:
    [found] = RunEvidence.of(records).trials
    return found.outcome, found.flaky


def tries(*outcomes: Outcome) -> list[r.TrialFinished]:
    return [trial(outcome=outcome, attempt=n) for n, outcome in enumerate(outcomes, 1)]


@pytest.mark.parametrize(
    ("attempts", "outcome", "flaky"),
    [
        ([Outcome.PASSED], Outcome.PASSED, False),
        ([Outcome.FAILED, Outcome.PASSED], Outcome.PASSED, True),
        ([Outcome.ERRORED, Outcome.FAILED, Outcome.PASSED], Outcome.PASSED, True),
        ([Outcome.PASSED, Outcome.FAILED], Outcome.FAILED, False),
        ([Outcome.ERRORED, Outcome.FAILED], Outcome.FAILED, False),
        ([Outcome.SKIPPED, Outcome.PASSED], Outcome.PASSED, False),
    ],
)
def test_the_last_attempt_counts(attempts: list[Outcome], outcome: Outcome, flaky: bool) -> None:
    assert outcome_of(*tries(*attempts)) == (outcome, flaky)
    assert outcome_of(*reversed(tries(*attempts))) == (outcome, flaky)


def test_a_trial_that_was_collected_and_never_finished_is_not_measured() -> None:
    assert outcome_of(collected(("t::a", P1))) == (Outcome.NOT_MEASURED, False)


def test_trials_that_redaction_gave_one_name_all_count() -> None:
    two = collected((builder.FLOW_TRIAL, P1), (builder.FLOW_TRIAL, P1))
    good, bad = trial(), trial(outcome=Outcome.FAILED)
    assert outcome_of(two, good, good) == (Outcome.PASSED, False)
    assert outcome_of(two, good) == (Outcome.NOT_MEASURED, False)
    assert outcome_of(two, good, bad) == (Outcome.FAILED, False)
    assert outcome_of(two, bad, good) == (Outcome.FAILED, False)
    retried = trial(attempt=2)
    assert outcome_of(two, bad, good, retried) == (Outcome.PASSED, True)
    assert outcome_of(two, bad, bad, retried) == (Outcome.FAILED, False)


def test_what_each_worker_collected_is_the_same_trial() -> None:
    one = collected((builder.FLOW_TRIAL, P1))
    assert outcome_of(one, one, trial()) == (Outcome.PASSED, False)


def test_the_higher_priority_counts_where_records_disagree() -> None:
    run = RunEvidence.of([collected((builder.FLOW_TRIAL, P1)), trial(priority=P2)])
    assert run.trials[0].priority is P1
