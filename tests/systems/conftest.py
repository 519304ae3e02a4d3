"""The quantum task queue as the command line sees it, in a folder of its own."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

QUEUE = Path(__file__).parents[2] / "systems" / "quantum_queue"
#: What its declaration and its trials name beside them.
PARTS = ("migrations", "alembic.ini", "trials", "circuits", "drills", "spec.md", "compose.yaml")


@dataclass(frozen=True)
class Called:
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Queue:
    """A declaration of the queue (changed, if need be), and `seatrial` called on it."""

    folder: Path
    env: Mapping[str, str]

    def seatrial(
        self, *args: str, env: Mapping[str, str] | None = None, timeout: float = 240
    ) -> Called:
        command, *rest = args
        takes_option = command in ("logs", "restart", "gate", "report")
        where = ["--system", str(self.folder)] if takes_option else [str(self.folder)]
        done = subprocess.run(
            [sys.executable, "-P", "-m", "seatrial", command, *where, *rest],
            capture_output=True,
            text=True,
            timeout=timeout,
            env={**self.env, **(env or {})},
            check=False,
        )
        return Called(done.returncode, done.stdout, done.stderr)


Change = Callable[[dict[str, Any]], None]


def declare(folder: Path, home: Path, change: Change = lambda declaration: None) -> Queue:
    """Write the queue's declaration, changed, into a folder that has the queue's own beside it."""
    declaration = yaml.safe_load((QUEUE / "seatrial.yaml").read_text())
    declaration["python"] = sys.executable
    change(declaration)
    folder.mkdir(exist_ok=True)
    for name in PARTS:
        link = folder / name
        if not link.is_symlink():
            link.symlink_to(QUEUE / name)
    (folder / "seatrial.yaml").write_text(yaml.safe_dump(declaration, sort_keys=False))
    return Queue(folder, {**os.environ, "SEATRIAL_HOME": str(home), "NO_COLOR": "1"})


def trials_module(name: str) -> ModuleType:
    """A module of the queue's trials; they are no package."""
    spec = importlib.util.spec_from_file_location(name, QUEUE / "trials" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where its dataclasses look for what their annotations mean
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def up(seatrial_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Queue]:
    """The queue with two workers, up for all tests that only look, or put back what they change."""

    def two_workers(declaration: dict[str, Any]) -> None:
        declaration["components"]["worker"]["replicas"] = 2

    queue = declare(tmp_path_factory.mktemp("up"), seatrial_home, two_workers)
    came_up = queue.seatrial("up", "--json")
    assert came_up.code == 0, came_up.err
    yield queue
    assert queue.seatrial("down").code == 0


@pytest.fixture
def declared(seatrial_home: Path, tmp_path: Path) -> Iterator[Callable[[Change], Queue]]:
    """Makes changed declarations; whatever was brought up from them is ended."""
    made: list[Queue] = []

    def make(change: Change) -> Queue:
        made.append(declare(tmp_path / f"queue{len(made)}", seatrial_home, change))
        return made[-1]

    yield make
    for queue in made:
        queue.seatrial("down")
