"""report.json: the model itself."""

from __future__ import annotations

from seatrial.report.model import Report


def as_json(report: Report) -> str:
    return report.model_dump_json(indent=2) + "\n"
