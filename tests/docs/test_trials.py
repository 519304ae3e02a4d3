"""Trials as documented: the examples run, and fixtures, markers and words are those of the code."""

from __future__ import annotations

import re

from seatrial.environment.capability import Capability
from seatrial.environment.deployment import Deployment
from seatrial.kinds.base import load
from seatrial.ledger.clean_up import Cleaner
from seatrial.outcome import Outcome
from seatrial.plugin import fixtures
from seatrial.plugin.ledger import Ledger
from seatrial.plugin.marks import MARKERS
from seatrial.report.model import Report
from seatrial.report.write import WRITERS
from tests.docs.conftest import WITH_TRIALS, Said
from tests.docs.documents import ROOT, blocks, names, sections

TRIALS = sections(ROOT / "docs" / "trials.md")
REPORTS = sections(ROOT / "docs" / "reports.md")


def _first_column(heading: str) -> list[str]:
    (table,) = TRIALS[heading].tables
    return [name for row in table for name in names(row[0])]


def test_the_examples_pass_in_a_run_of_a_real_shop(said: dict[str, Said]) -> None:
    trials = said["report"].json["trials"]
    examples = [block for file in WITH_TRIALS for block in blocks(file, "python")]
    written = sum(len(re.findall(r"def test_", block.text)) for block in examples)
    assert written >= 6
    assert [(t["name"], t["status"], t["gist"]) for t in trials if t["status"] != "passed"] == []
    assert len(trials) == written
    assert all(trial["assertions_checked"] is not None for trial in trials)
    assert [one for one in said["report"].json["ledger"] if one["left"] or one["error"]] == []
    assert said["run"].json["verdict"] == "go", said["run"].out


def test_every_fixture_is_listed() -> None:
    found = {
        name
        for name, one in vars(fixtures).items()
        if type(one).__name__ == "FixtureFunctionDefinition"
    }
    assert set(_first_column("Fixtures")) == found


def test_every_marker_is_listed() -> None:
    assert set(_first_column("Markers")) == {re.split(r"[:(]", one)[0] for one in MARKERS}


def test_every_capability_is_named() -> None:
    (table,) = TRIALS["Markers"].tables
    (row,) = (row for row in table if "requires" in row[0])
    assert names(row[1]) == [one.value for one in Capability]


def test_every_outcome_is_in_the_table() -> None:
    (table,) = TRIALS["Outcomes"].tables
    assert {names(row[1])[0] for row in table} == {outcome.value for outcome in Outcome}


def test_what_the_ledger_can_do() -> None:
    of_sessions = {"used", "trial_ended", "close"}
    ledger = {name for name in vars(Ledger) if not name.startswith("_")} - of_sessions
    assert set(_first_column("The ledger")) == ledger


def test_what_is_named_of_the_deployment_is_there() -> None:
    (table,) = TRIALS["Fixtures"].tables
    (row,) = (row for row in table if "`deployment`" in row[0])
    assert [name for name in names(row[1]) if not hasattr(Deployment, name)] == []


def test_kinds_that_can_be_cleaned_up_are_those_documented() -> None:
    (table,) = sections(ROOT / "docs" / "declaration.md")["Clean-up"].tables
    documented = {row[0].strip("[").partition("]")[0] for row in table}
    assert documented == {
        name
        for name in ("http", "postgres", "rabbitmq", "process", "task")
        if load(name).cleaner is not None
    }
    assert Cleaner.__doc__


def test_every_field_of_the_report_is_listed() -> None:
    (table,) = REPORTS["report.json"].tables
    assert [name for row in table for name in names(row[0])] == list(Report.model_fields)


def test_every_report_is_listed() -> None:
    (table,) = REPORTS["Reports"].tables
    assert {name for row in table for name in names(row[0])} == set(WRITERS)
