"""A report of checks as records of evidence."""

from __future__ import annotations

from typing import Literal

from seatrial.checks.report import CheckReport
from seatrial.evidence.records import ChecksDone, ComponentHealth, Expectation, Finding


def records_of(
    report: CheckReport, moment: Literal["before", "after"] = "before"
) -> list[ComponentHealth | Expectation | Finding | ChecksDone]:
    """All records of one pass, `ChecksDone` last. `moment`: before or after the trials."""
    return [
        *report.components,
        *report.expectations,
        *(Finding(finding=finding) for finding in report.findings),
        ChecksDone(moment=moment, duration_ms=report.duration_ms),
    ]
