"""A report of checks as records of evidence."""

from __future__ import annotations

from seatrial.checks.report import CheckReport
from seatrial.evidence.records import ChecksDone, ComponentHealth, Expectation, Finding


def records_of(
    report: CheckReport,
) -> list[ComponentHealth | Expectation | Finding | ChecksDone]:
    """All records of one pass, `ChecksDone` last."""
    return [
        *report.components,
        *report.expectations,
        *(Finding(finding=finding) for finding in report.findings),
        ChecksDone(duration_ms=report.duration_ms),
    ]
