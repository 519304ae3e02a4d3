"""All reports of a run, written to a folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile

from seatrial.errors import EvidenceError
from seatrial.evidence.decision import Decision
from seatrial.evidence.reader import RunEvidence
from seatrial.report.build import build_report
from seatrial.report.html import as_html
from seatrial.report.json import as_json
from seatrial.report.junit import as_junit
from seatrial.report.markdown import as_markdown
from seatrial.report.model import Report
from seatrial.writable import writable

_ANOTHER = "see to its rights and to free space, or name another folder with --report-dir"

WRITERS: dict[str, Callable[[Report], str]] = {
    "report.json": as_json,
    "report.html": as_html,
    "junit.xml": as_junit,
    "summary.md": as_markdown,
}


def require_writable(directory: Path) -> None:
    """Make the folder, and refuse one that takes no files, before there is anything to lose.

    Raises UsageError.
    """
    with writable(directory, _ANOTHER):
        directory.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=directory):
            pass


def write_reports(evidence: RunEvidence, decision: Decision, directory: Path) -> dict[str, Path]:
    """Write every report, each at once or not at all; returns their paths by name.

    Raises EvidenceError where the directory cannot be written.
    """
    report = build_report(evidence, decision)
    paths = {name: directory / name for name in WRITERS}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, render in WRITERS.items():
            _replace(paths[name], render(report))
    except OSError as error:
        raise EvidenceError(
            f"the reports cannot be written to {directory}: {error.strerror}",
            hint=_ANOTHER,
        ) from error
    return paths


def _replace(path: Path, content: str) -> None:
    """Nobody sees half a report: it is written beside its place, then moved there."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(content, encoding="utf-8", newline="\n")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
