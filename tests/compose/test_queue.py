"""The queue's whole P1 suite in containers: the same trials, the same checks, the same report."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.compose.engine import Engine

pytestmark = pytest.mark.engine

SYSTEM = Path(__file__).parents[2] / "systems" / "quantum_queue"
LEFT_OUT = shutil.ignore_patterns(".seatrial", "__pycache__", "*.egg-info", "reports")


@pytest.fixture(scope="session")
def python_image(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where images stand in: a Python to which pip installs what this machine's pip can get."""
    if not engine.stands_in:
        return "python:3.11-slim"
    folder = tmp_path_factory.mktemp("python")
    requirements = str(SYSTEM / "requirements.txt")
    pip = [sys.executable, "-m", "pip", "download", "-q", "-r", requirements, "-d", "wheels"]
    subprocess.run(pip, cwd=folder, check=True, timeout=500)
    (folder / "Dockerfile").write_text(
        "FROM python:3.11-slim\n"
        "RUN rm -f /usr/lib/python3*/EXTERNALLY-MANAGED\n"
        "COPY wheels /opt/wheels\n"
        "ENV PIP_NO_INDEX=1 PIP_FIND_LINKS=/opt/wheels\n"
    )
    engine.docker("build", "-q", "-t", "python-with-wheels", str(folder))
    return "python-with-wheels"


def test_p1_in_containers(
    engine: Engine, python_image: str, seatrial_home: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "quantum_queue"
    shutil.copytree(SYSTEM, folder, ignore=LEFT_OUT)
    before = engine.everything()
    env = {name: value for name, value in engine.env.items() if "PYTEST" not in name}
    env |= {
        "SEATRIAL_HOME": str(seatrial_home),
        "QUANTUM_QUEUE_PYTHON": sys.executable,
        "PYTHON_IMAGE": python_image,
        "PYTHONPATH": str(folder / "src") + os.pathsep + env.get("PYTHONPATH", ""),
    }
    words = ("run", "--env", "compose", "-p", "p1", "--json", "--report-dir", "reports")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "seatrial", *words],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=550,
        check=False,
    )
    said = done.stdout + done.stderr
    assert json.loads(done.stdout)["verdict"] == "go", said
    report = json.loads((folder / "reports" / "report.json").read_text())
    outcomes = {trial["name"]: trial["status"] for trial in report["trials"]}
    assert len(outcomes) >= 5
    assert set(outcomes.values()) == {"passed"}, outcomes
    assert engine.everything() == before
