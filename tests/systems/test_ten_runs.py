"""The queue's suite ten times in a row, with the system up: no run ends in another way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import Change, Queue

pytestmark = pytest.mark.long

RUNS = 10


def as_it_is(declaration: dict[str, Any]) -> None:
    pass


def test_ten_runs_in_a_row_are_go(declared: Callable[[Change], Queue], tmp_path: Path) -> None:
    queue = declared(as_it_is)
    came_up = queue.seatrial("up", "--json")
    assert came_up.code == 0, came_up.err
    ended, passed = [], set()
    for number in range(RUNS):
        reports = tmp_path / str(number)
        run = queue.seatrial("run", "--json", "--report-dir", str(reports))
        trials = json.loads((reports / "report.json").read_text())["trials"]
        passed.add(sum(one["status"] == "passed" for one in trials))
        flakes = [one["node"] for one in trials if one["status"] not in ("passed", "skipped")]
        ended.append((run.code, run.document["verdict"], flakes))
    # A missed budget at p2 is a warning, and no flake.
    assert [one for one in ended if one != (0, "go", [])] == []
    assert len(passed) == 1
    assert min(passed) > 50
