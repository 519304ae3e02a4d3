"""`seatrial run` of the queue's whole suite with the system up, beside its trials' own time."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measuring import QUEUE, SEATRIAL, Row, median, timed


def measure() -> Iterator[Row]:
    timed(SEATRIAL, "up", QUEUE)
    try:
        timed(SEATRIAL, "check", QUEUE)
        pairs = [_run() for _ in range(5)]
    finally:
        timed(SEATRIAL, "down", QUEUE)
    ours, trials = tuple(one for one, _ in pairs), tuple(other for _, other in pairs)
    ratio = median(ours) / median(trials)
    kept = median(ours) < 30
    what = "seatrial run of the queue's suite"
    yield Row(what, "the trials themselves", ours, trials, "< 30 s", kept, f"{ratio:.2f}x")


def _run() -> tuple[float, float]:
    """Seconds of the whole run, and of its trials by pytest's own account."""
    with tempfile.TemporaryDirectory() as folder:
        took = timed(SEATRIAL, "run", QUEUE, "--report-dir", folder)
        report = json.loads((Path(folder) / "report.json").read_text())
    return took, sum(trial["duration_s"] for trial in report["trials"])
