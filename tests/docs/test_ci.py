"""The CI examples are valid by the schemas of those who run them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from seatrial.compose.workflow import PROMOTE, ROLLBACK, Workflow
from tests.docs.documents import ROOT, blocks, sections

DOCUMENT = ROOT / "docs" / "ci.md"


def refused(file: Path) -> str:
    """What GitLab's schema has against the file; "" where it is valid."""
    argv = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.gitlab-ci"]
    argv += ["--data-transform", "gitlab-ci", str(file)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.fixture
def gitlab(tmp_path: Path) -> Path:
    (example,) = blocks(DOCUMENT, "yml")
    file = tmp_path / "gitlab-ci.yml"
    file.write_text(example.text)
    return file


def test_the_example_for_gitlab(gitlab: Path) -> None:
    assert refused(gitlab) == ""


def test_a_bad_one_would_be_refused(gitlab: Path) -> None:
    gitlab.write_text(gitlab.read_text().replace("when: always", "when: sometimes"))
    assert "sometimes" in refused(gitlab)


def test_the_steps_for_github_are_those_that_init_writes() -> None:
    written = Workflow("compose", ".", ".", "docker compose").github()
    (table,) = sections(DOCUMENT)["GitHub"].tables
    named = [line.partition("name: ")[2] for line in written.splitlines() if "- name: " in line]
    assert [row[0] for row in table] == named
    prose = sections(DOCUMENT)["GitHub"].text
    used = [line.partition("uses: ")[2] for line in written.splitlines() if "uses: " in line]
    assert len(used) == 3
    assert [action for action in used if f"`{action}`" not in prose] == []
    assert f"`{PROMOTE}`" in prose
    assert f"`{ROLLBACK}`" in prose
