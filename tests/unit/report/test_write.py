"""The four files of a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seatrial.errors import EvidenceError, UsageError
from seatrial.gate.decide import decide
from seatrial.report import write
from seatrial.report.write import require_writable, write_reports
from tests.unit.evidence import builder as b

NAMES = {"report.json", "report.html", "junit.xml", "summary.md"}


def test_all_reports_are_written(tmp_path: Path) -> None:
    run = b.run_with()
    paths = write_reports(run, decide(run), tmp_path / "deep" / "reports")
    assert set(paths) == NAMES
    assert {path.name for path in (tmp_path / "deep" / "reports").iterdir()} == NAMES
    assert json.loads(paths["report.json"].read_text())["verdict"] == "go"
    assert paths["junit.xml"].read_text().startswith("<?xml")
    assert paths["summary.md"].read_text().startswith("# ")
    assert paths["report.html"].read_text().startswith("<!doctype html>")


def test_writing_again_gives_the_same(tmp_path: Path) -> None:
    run = b.run_with()
    first = {n: p.read_bytes() for n, p in write_reports(run, decide(run), tmp_path).items()}
    second = {n: p.read_bytes() for n, p in write_reports(run, decide(run), tmp_path).items()}
    assert first == second


def test_a_report_that_cannot_be_made_leaves_the_old_one_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = b.run_with()
    write_reports(run, decide(run), tmp_path)
    monkeypatch.setitem(write.WRITERS, "summary.md", lambda _: "\ud800")
    with pytest.raises(UnicodeEncodeError):
        write_reports(run, decide(run), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == NAMES
    assert (tmp_path / "summary.md").read_text().startswith("# ")


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    run = b.run_with()
    with pytest.raises(EvidenceError, match="cannot be written"):
        write_reports(run, decide(run), tmp_path / "file" / "reports")


def test_a_folder_that_takes_no_files_is_refused_before_and_one_that_does_is_made(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("")
    for refuses in (tmp_path / "file", tmp_path / "file" / "reports", Path("/proc/reports")):
        with pytest.raises(UsageError, match=f"{refuses} cannot be written") as caught:
            require_writable(refuses)
        assert "--report-dir" in (caught.value.hint or "")
    require_writable(tmp_path / "deep" / "reports")
    assert list((tmp_path / "deep" / "reports").iterdir()) == []
