"""A tiny system of one small web program, with trials that a test chooses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

WEB = Path(__file__).parents[1] / "keeper" / "programs" / "web.py"
GOOD = """
def test_answers(component):
    assert component("web").get("/").status_code == 200
"""


@dataclass(frozen=True)
class Ended:
    code: int
    err: str
    verdict: Any
    report: Any

    @property
    def statuses(self) -> dict[str, str]:
        """By name of the trial."""
        return {trial["name"]: trial["status"] for trial in self.report["trials"]}


@dataclass(frozen=True)
class Tiny:
    folder: Path
    env: Mapping[str, str]

    def alone(self, home: Path) -> Tiny:
        """With a base folder of its own: in the shared one other tests' servers write, too."""
        home.mkdir()
        return replace(self, env={**self.env, "SEATRIAL_HOME": str(home)})

    def declare(self, web: str = "", more: str = "") -> Tiny:
        """`web`: further keys of the component; `more`: further lines of the file."""
        (self.folder / "seatrial.yaml").write_text(
            f"system: tiny\npython: {sys.executable}\ncomponents:\n"
            f"  web: {{kind: http, run: [python, {WEB}], health: /, "
            f"env: {{PORT: '{{web.port}}'}}{web}}}\n{more}"
        )
        return self

    def trials(self, **files: str) -> Tiny:
        """`test_p1_x="..."` is the file trials/test_p1_x.py."""
        (self.folder / "trials").mkdir(exist_ok=True)
        (self.folder / "trials" / "pytest.ini").write_text("[pytest]\n")
        for name, text in files.items():
            (self.folder / "trials" / f"{name}.py").write_text(text)
        return self

    def command(self, *options: str) -> list[str]:
        folder, reports = str(self.folder), str(self.folder / "reports")
        what = [sys.executable, "-P", "-m", "seatrial", "run", folder, "--json"]
        return [*what, "--report-dir", reports, *options]

    def run(self, *options: str) -> Ended:
        done = subprocess.run(
            self.command(*options),
            capture_output=True,
            text=True,
            env=self.env,
            timeout=120,
            check=False,
        )
        return self.ended(done.returncode, done.stdout, done.stderr)

    def ended(self, code: int, out: str, err: str) -> Ended:
        file = self.folder / "reports" / "report.json"
        report = json.loads(file.read_text()) if file.exists() else None
        return Ended(code, err, json.loads(out) if out.strip() else None, report)


def seatrial(tiny: Tiny, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """A command of Seatrial's, to its end; `environ` are further variables for it."""
    return subprocess.run(
        [*tiny.command()[:4], *words],
        env={**tiny.env, **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def tiny(tmp_path: Path, seatrial_home: Path) -> Tiny:
    folder = tmp_path / "tiny"
    folder.mkdir()
    # without those plugins of pytest that happen to be installed: they take seconds to import
    alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "NO_COLOR": "1"}
    environ = {**os.environ, **alone, "SEATRIAL_HOME": str(seatrial_home)}
    return Tiny(folder, environ).declare().trials(test_p1_web=GOOD)
