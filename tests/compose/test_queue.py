"""The queue in containers: its whole P1 suite, and with plain `docker compose up`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import yaml

from seatrial.waiting import eventually
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


def test_plain_compose_up(engine: Engine, python_image: str, tmp_path: Path) -> None:
    """Without Seatrial: from the files alone to a circuit that was simulated."""
    if engine.docker("images", "-q", "quantum-queue").strip():
        pytest.skip("there is an image quantum-queue already, which is not ours to build anew")
    folder = tmp_path / "plain"
    shutil.copytree(SYSTEM, folder, ignore=LEFT_OUT)
    (folder / ".env").write_text(f"PYTHON_IMAGE={python_image}\nAPI_PORT=0\n")
    before = engine.everything()
    try:
        engine.compose(folder, "up", "-d", "--build")
        api = httpx.Client(base_url=f"http://{_published(engine, folder)}", timeout=10)
        with api:
            eventually(lambda: _health(api), lambda code: code == 200, timeout=120)
            posted = api.post("/tasks", json={"circuit": BELL})
            assert posted.status_code < 300, posted.text
            task = eventually(
                lambda: api.get(f"/tasks/{posted.json()['task_id']}").json(),
                lambda found: found["status"] == "completed",
                timeout=60,
            )
        assert set(task["result"]) <= {"00", "11"}
        _is_modest(engine, folder)
    finally:
        engine.compose(folder, "down", "-v", "--rmi", "local", "-t", "1", check=False)
        engine.docker("image", "rm", "quantum-queue", check=False)
    assert engine.everything() == before


BELL = "OPENQASM 3; qubit[2] q; h q[0]; cx q[0], q[1]; measure q;"


def _published(engine: Engine, folder: Path) -> str:
    port = engine.compose(folder, "port", "api", "8001").strip().rpartition(":")[2]
    return f"127.0.0.1:{port}"


def _health(api: httpx.Client) -> int | str:
    try:
        return api.get("/health").status_code
    except httpx.HTTPError as error:
        return type(error).__name__


def _is_modest(engine: Engine, folder: Path) -> None:
    """No service of ours is root; every one has a limit; what is kept is in named volumes."""
    declared = yaml.safe_load((folder / "compose.yaml").read_text())
    for name in ("api", "worker"):
        assert engine.compose(folder, "exec", "-T", name, "id", "-u").strip() != "0", name
    for name in declared["services"]:
        number = engine.compose(folder, "ps", "-q", name).strip() or _ended(engine, folder, name)
        (found,) = json.loads(engine.docker("inspect", number))
        assert found["HostConfig"]["Memory"] > 0, f"{name} has no limit"
        volumes = {m["Name"] for m in found["Mounts"] if m["Type"] == "volume"}
        assert volumes <= {f"{folder.name}_tasks", f"{folder.name}_messages"}, name


def _ended(engine: Engine, folder: Path, service: str) -> str:
    """A container that did its work: not every Compose lists it."""
    labels = {"project": folder.name, "service": service}
    only = (f"--filter=label=com.docker.compose.{key}={value}" for key, value in labels.items())
    return engine.docker("ps", "-aq", *only).strip()
