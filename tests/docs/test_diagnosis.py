"""The table of causes in the documents is the one in the code."""

from __future__ import annotations

import re

import pytest

from seatrial.checks.report import CheckReport
from seatrial.cli.check import print_check
from seatrial.evidence.records import ComponentHealth, Expectation, FindingBody
from seatrial.evidence.redaction import Redactor
from seatrial.kinds.base import Target, Words
from seatrial.kinds.process.config import ProcessConfig
from seatrial.kinds.programs import down_by_states
from seatrial.outcome import CAUSES, Cause, Connection, Health, Outcome, Priority, State
from tests.docs.documents import KINDS, ROOT, blocks, names, sections

DIAGNOSIS = ROOT / "docs" / "diagnosis.md"


def test_the_table_is_the_closed_table_row_by_row() -> None:
    (table,) = sections(DIAGNOSIS)["The causes"].tables
    written = [
        [
            f"`{row.cause}`",
            "all" if row.kinds == ("*",) else ", ".join(row.kinds),
            str(int(row.exit)),
            row.meaning,
        ]
        for row in CAUSES
    ]
    assert table == written


def test_every_cause_is_explained_once_and_in_the_tables_order() -> None:
    text = sections(DIAGNOSIS)["How each is found, and what usually mends it"].text
    heads = re.findall(r"^(\*\*`\w+`\*\*(?:, \*\*`\w+`\*\*)*)", text, re.MULTILINE)
    explained = [name for head in heads for name in names(head)]
    assert explained == [row.cause.value for row in CAUSES]


def test_a_kinds_page_names_the_causes_of_its_kind_and_no_others() -> None:
    words = {cause.value for cause in Cause}
    everywhere = {row.cause.value for row in CAUSES if row.kinds == ("*",)}
    for page in KINDS.glob("*.md"):
        named = {word for word in re.findall(r"`(\w+)`", page.read_text()) if word in words}
        covered = {row.cause.value for row in CAUSES if row.covers(page.stem)}
        assert named <= covered, page.name
        assert covered - everywhere <= named, page.name


def _health(name: str, milliseconds: float | None, error: str | None = None) -> ComponentHealth:
    return ComponentHealth(
        component=name,
        kind="http",
        health=Health.HEALTHY if error is None else Health.UNHEALTHY,
        connection=Connection.CONNECTED,
        response_time_ms=milliseconds,
        error=error,
    )


def test_what_check_is_shown_to_print_is_what_it_prints(capsys: pytest.CaptureFixture[str]) -> None:
    """The sample of README and diagnosis.md; the real thing behind it was seen by hand once."""
    words = Words(found="worker ended on its own with exit code 1; its log: KeyError: 'QUEUE'")
    died = down_by_states(Target("worker", "process", ProcessConfig(), {}, (State.EXITED,), words))
    assert died is not None
    assert died.cause is not None
    consumers = "broker.queue.orders.consumers"
    finding = FindingBody(
        id="worker.exited",
        component="worker",
        cause=died.cause,
        priority=Priority.P1,
        expected=died.expected,
        found=died.found,
        fix=died.fix,
        blocks=(consumers,),
    )
    times = {"db": 6.1, "broker": 24.9, "schema": None, "api": 9.8}
    outcomes = (Outcome.PASSED, Outcome.PASSED, Outcome.PASSED, Outcome.FAILED)
    report = CheckReport(
        duration_ms=58,
        components=(*map(_health, times, times.values()), _health("worker", None, died.found)),
        expectations=tuple(
            Expectation(id=str(n), component="broker", title="", priority=Priority.P1, outcome=one)
            for n, one in enumerate(outcomes)
        ),
        findings=(finding,),
    )
    print_check(report, Redactor())
    printed = "$ seatrial check\n" + capsys.readouterr().out
    for document in (ROOT / "README.md", DIAGNOSIS):
        shown = [b.text for b in blocks(document, "console") if "worker.exited" in b.text]
        assert shown == [printed], document.name
