"""Where no engine can be had, its tests are skipped with the reason; in a CI they fail."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TREE = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("variables", "outcome"),
    [
        ({}, "1 skipped"),
        ({"CI": "true"}, "1 error"),
        ({"CI": "true", "SEATRIAL_NO_DOCKER": "1"}, "1 skipped"),
    ],
    ids=["laptop", "ci", "ci without docker"],
)
def test_without_docker(tmp_path: Path, variables: dict[str, str], outcome: str) -> None:
    env = {
        name: value
        for name, value in os.environ.items()
        if name not in ("CI", "SEATRIAL_NO_DOCKER") and not name.startswith("PYTEST")
    }
    one = "tests/compose/test_running.py::test_a_file_that_is_gone"
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", one]
    done = subprocess.run(
        argv,
        cwd=TREE,
        env=env | {"PATH": str(tmp_path)} | variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert outcome in done.stdout.splitlines()[-1], done.stdout + done.stderr
    reason = "SEATRIAL_NO_DOCKER=1" if "skipped" in outcome and variables else "docker is not"
    assert reason in done.stdout
