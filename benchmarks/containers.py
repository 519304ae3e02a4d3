"""`seatrial up --env compose` beside plain `docker compose up`; two servers started in three ways.

Not among those that run by default: `python -m benchmarks containers`, where an engine can be had.
Images are there and the build cache is warm. Plain Compose ends as soon as all is started, so it is
followed by what a script would do: ask the API until it is healthy.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter

from tests.compose.engine import Engine, running_engine, why_not

from benchmarks.measuring import ENVIRON, PYTHON, ROOT, SEATRIAL, Row, by_turns, median, timed

_PROJECT = ROOT / "tests" / "compose" / "projects" / "dispatch"
_TURNS = 5
_HEALTHY = "until curl -fsS http://127.0.0.1:$API_PORT/health; do sleep 0.05; done"
_SERVERS = """
services:
  db: {image: "postgres:15", environment: {POSTGRES_PASSWORD: bench}, ports: [5432]}
  broker: {image: "rabbitmq:3-management", ports: [5672]}
"""
_DECLARED = """
system: servers
compose: compose.yaml
components: {db: {kind: postgres}, broker: {kind: rabbitmq}}
environments: {local: {provider: local}, compose: {provider: compose}}
"""


def measure() -> Iterator[Row]:
    if (reason := why_not()) is not None:
        raise SystemExit(f"containers: {reason}")
    if find_spec("testcontainers") is None:
        raise SystemExit("testcontainers is missing: make bench installs what is measured against")
    with running_engine() as engine, tempfile.TemporaryDirectory() as name:
        ENVIRON.update(engine.variables)  # for Seatrial, Compose and testcontainers alike
        yield _project(engine, Path(name))
        yield from _servers(Path(name))


def _project(engine: Engine, place: Path) -> Row:
    folder = place / "dispatch"
    shutil.copytree(_PROJECT, folder)
    timed(SEATRIAL, "init", folder)

    def ours() -> float:
        return _up(folder)

    def plain() -> float:
        port = str(_free_port())
        compose = (*engine.compose_command, "-f", str(folder / "compose.yaml"))
        began = perf_counter()
        timed(*compose, "up", "-d", "--build", API_PORT=port)
        timed("timeout", "120", "sh", "-c", _HEALTHY, API_PORT=port)
        took = perf_counter() - began
        timed(*compose, "down", "-v", "-t", "1", API_PORT=port)
        return took

    plain()  # builds the images
    seatrial, compose = by_turns(_TURNS, ours, plain)
    ratio = median(seatrial) / median(compose)
    return Row(
        "seatrial up of a compose project",
        "docker compose up, until its API is healthy",
        seatrial,
        compose,
        "at most 1.1x",
        ratio <= 1.1,
        f"{ratio:.2f}x",
    )


def _servers(place: Path) -> Iterator[Row]:
    (place / "compose.yaml").write_text(_SERVERS)
    (place / "seatrial.yaml").write_text(_DECLARED)

    ways = (lambda: _up(place, "local"), lambda: _up(place, "compose"), _testcontainers)
    native, compose, other = by_turns(_TURNS, *ways)
    for words, measured in (("natively", native), ("in containers", compose)):
        yield Row(
            f"PostgreSQL with RabbitMQ by seatrial up, {words}",
            "by testcontainers-python",
            measured,
            other,
            "none",
            True,
            f"{median(measured) / median(other):.2f}x",
        )


def _up(folder: Path, environment: str = "compose") -> float:
    took = timed(SEATRIAL, "up", folder, "--env", environment)
    timed(SEATRIAL, "down", folder, "--env", environment)
    return took


def _testcontainers() -> float:
    """Without its container that removes the others, whose image would have to be fetched."""
    env = {**ENVIRON, "TESTCONTAINERS_RYUK_DISABLED": "true"}
    argv = (str(PYTHON), str(Path(__file__).parent / "by_testcontainers.py"))
    began = perf_counter()
    with subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        took = perf_counter() - began
    if (line, process.returncode) != ("ready\n", 0):
        raise SystemExit(f"testcontainers ended with {process.returncode}")
    return took


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
