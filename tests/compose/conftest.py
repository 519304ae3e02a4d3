"""An engine, projects that know nothing of Seatrial, and its command line beside them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.compose.engine import COMPOSE_1, COMPOSE_2, Engine, has, running_engine, why_not

PROJECTS = Path(__file__).parent / "projects"
#: The variables by which projects publish fixed ports: a test must use none that is taken.
PORTS = ("WEB_PORT", "AMQP_PORT", "GATEWAY_PORT", "API_PORT")


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    reason = why_not()
    if os.environ.get("SEATRIAL_NO_DOCKER") == "1":
        pytest.skip("SEATRIAL_NO_DOCKER=1")
    if reason is not None:
        if os.environ.get("CI"):
            pytest.fail(f"{reason}; SEATRIAL_NO_DOCKER=1 leaves these tests out")
        pytest.skip(reason)
    with running_engine() as one:
        yield one


@pytest.fixture(params=("2", "1"))
def either(engine: Engine, request: pytest.FixtureRequest) -> Engine:
    """The engine with Compose 2, and with Compose 1."""
    if request.param == "2":
        if engine.compose_command != COMPOSE_2:
            pytest.skip("this run is with Compose 1")
        return engine
    old = engine.with_compose_1()
    if has(COMPOSE_2, old.env):
        pytest.skip("Compose 2 belongs to this machine, and Seatrial takes it where it is")
    if not has(COMPOSE_1, old.env):
        pytest.skip("docker-compose is not installed")
    return old


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Project:
    """A copy of a project, in a folder of its name, and Seatrial beside it."""

    folder: Path
    env: Mapping[str, str]

    @property
    def name(self) -> str:
        return self.folder.name

    def seatrial(self, *words: str, timeout: float = 400) -> Ended:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "seatrial", *words],
            cwd=self.folder,
            env=dict(self.env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def becomes(self, files: Mapping[str, str]) -> Project:
        """The same with these files instead of its own."""
        for file in self.folder.iterdir():
            file.unlink()
        for name, text in files.items():
            (self.folder / name).parent.mkdir(exist_ok=True)
            (self.folder / name).write_text(text)
        return self

    def shell(self, command: str) -> Ended:
        """What the user types."""
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=self.folder,
            env=dict(self.env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def pytest(self, *words: str) -> Ended:
        words = ("-p", "no:cacheprovider", "-p", "no:asyncio", "-p", "no:xdist", *words)
        done = subprocess.run(
            [sys.executable, "-P", "-m", "pytest", "-q", *words],
            cwd=self.folder,
            env=dict(self.env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)


Copy = Callable[..., Project]


@pytest.fixture
def copy(tmp_path: Path, seatrial_home: Path) -> Copy:
    """Makes a copy of a project, without an engine in reach unless one is given."""

    def one(name: str, engine: Engine | None = None) -> Project:
        folder = tmp_path / name
        shutil.copytree(PROJECTS / name, folder)
        env = dict(os.environ if engine is None else engine.env)
        env = {k: v for k, v in env.items() if not k.startswith(("PYTEST", "COMPOSE"))}
        env["SEATRIAL_HOME"] = str(seatrial_home)
        env |= dict.fromkeys(PORTS, "0")
        env["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), env["PATH"]))
        if engine is None:
            env["DOCKER_HOST"] = "unix:///nonexistent/docker.sock"
        return Project(folder, env)

    return one
