"""`seatrial up --env compose` beside plain `docker compose up`, and `seatrial check` of what that
started; two servers started in three ways.

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
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter

from tests.compose.engine import Engine, running_engine, why_not

from benchmarks.measuring import (
    ENVIRON,
    PYTHON,
    ROOT,
    SEATRIAL,
    Row,
    by_turns,
    median,
    ratio_by_turns,
    timed,
)

_PROJECT = ROOT / "tests" / "compose" / "projects" / "dispatch"
_TURNS = 5
_UPS = 15  # health checks go by seconds, so that one is slower than another by a whole one
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
        folder = Path(name) / "dispatch"
        shutil.copytree(_PROJECT, folder)
        timed(SEATRIAL, "init", folder)
        yield _project(engine, folder)
        yield _check(engine, folder)
        yield from _servers(Path(name))


def _project(engine: Engine, folder: Path) -> Row:
    def ours() -> float:
        return _up(folder)

    def plain() -> float:
        with _running(engine, folder) as (_, took):
            return took

    plain()  # builds the images
    seatrial, compose = by_turns(_UPS, ours, plain)
    ratio = ratio_by_turns(seatrial, compose)
    return Row(
        "seatrial up of a compose project",
        "docker compose up, until its API is healthy",
        seatrial,
        compose,
        "at most 1.1x",
        ratio <= 1.1,
        f"{ratio:.2f}x by turns, {median(seatrial) / median(compose):.2f}x of the medians",
    )


def _check(engine: Engine, folder: Path) -> Row:
    """Of a project that its owner started: the ten minutes' third step."""
    with _running(engine, folder) as (compose, _):
        timed(SEATRIAL, "check", folder)
        checked, asked = by_turns(
            11, lambda: timed(SEATRIAL, "check", folder), lambda: timed(*compose, "ps")
        )
    ratio = median(checked) / median(asked)
    return Row(
        "seatrial check of a compose project that runs",
        "docker compose ps",
        checked,
        asked,
        "< 5 s",
        median(checked) < 5,
        f"{ratio:.2f}x",
    )


@contextmanager
def _running(engine: Engine, folder: Path) -> Iterator[tuple[tuple[str, ...], float]]:
    """The project started by Compose alone: the command for it, and the seconds until healthy."""
    port = str(_free_port())
    compose = ("env", f"API_PORT={port}", *engine.compose_command, "-f", f"{folder}/compose.yaml")
    began = perf_counter()
    timed(*compose, "up", "-d", "--build")
    timed("timeout", "120", "sh", "-c", _HEALTHY, API_PORT=port)
    took = perf_counter() - began
    try:
        yield compose, took
    finally:
        timed(*compose, "down", "-v", "-t", "1")


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
