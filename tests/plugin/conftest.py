"""A small system of real processes in a pytester project, and what a run of its trials wrote."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from seatrial.declaration.load import load
from seatrial.declaration.models import System
from seatrial.environment.deployment import Deployment, start
from seatrial.keeper import processes
from seatrial.kinds.registry import KINDS
from seatrial.waiting import eventually

PROGRAMS = Path(__file__).parent / "programs"

TINY = """
system: tiny
python: {python}
components:
  web: {{kind: http, run: [python, "{programs}/web.py"], env: {{PORT: "{{web.port}}"}}, health: /}}
  worker:
    kind: process
    run: [python, "{programs}/worker.py"]
    ready: started
    env: {{WEB: "{{web.url}}"}}
"""

STORE = """
  store: {{kind: postgres, database: things, user: tester}}
  schema:
    kind: task
    run: [python, "{programs}/schema.py"]
    env: {{DATABASE_URL: "{{store.url}}"}}
    needs: [store]
clean_up:
  store:
    find: "SELECT count(*) FROM things WHERE key = ANY(%(keys)s)"
    remove: ["DELETE FROM things WHERE key = ANY(%(keys)s)"]
"""

#: The plugin alone: `home` keeps out those that happen to be installed, and take long to import.
ALONE = ("-p", "seatrial", "-p", "no:cacheprovider")


@dataclass
class Told:
    """How a pytest process ended, and the evidence that it left."""

    exit: int
    text: str
    records: list[dict[str, Any]] = field(default_factory=list)

    def all(self, kind: str) -> list[dict[str, Any]]:
        return [record for record in self.records if record["type"] == kind]

    @property
    def outcomes(self) -> dict[str, str]:
        """By the trial's name; of several attempts the last."""
        return {r["name"]: r["outcome"] for r in self.all("trial_finished")}

    def trial(self, name: str) -> dict[str, Any]:
        return next(r for r in reversed(self.all("trial_finished")) if r["name"] == name)


class Yard:
    """A system folder with trials, and ways to run them."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.folder = pytester.path

    def declare(self, text: str = TINY) -> None:
        text = text.format(python=sys.executable, programs=PROGRAMS)
        (self.folder / "seatrial.yaml").write_text(text)

    def trials(self, name: str, source: str) -> Path:
        file = self.folder / "trials" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(dedent(source))
        return file

    def ini(self, text: str) -> None:
        (self.folder / "pytest.ini").write_text("[pytest]\n" + dedent(text))

    @property
    def deployments(self) -> list[str]:
        """The ids of all deployments of the tiny system that were ever started here."""
        return [file.name for file in self.folder.glob("started/*")]

    @property
    def system(self) -> System:
        return load(self.folder, KINDS, environment=None, variables=os.environ)

    def run(
        self,
        *options: str,
        paths: tuple[str, ...] = ("trials",),
        evidence: bool = True,
        plugins: tuple[str, ...] = (),
    ) -> Told:
        """pytest on the trials, as a process of its own."""
        wanted = ("--seatrial-evidence", "run") if evidence else ()
        every = (*ALONE, *plugins, *wanted, *options, *paths)
        done = self.pytester.runpytest_subprocess(*every, timeout=120)
        text = done.stdout.str() + done.stderr.str()
        return Told(int(done.ret), text, self.evidence())

    def evidence(self) -> list[dict[str, Any]]:
        files = self.folder.glob("run/evidence/*.jsonl")
        lines = [line for file in files for line in file.read_text().splitlines()]
        return sorted((json.loads(line) for line in lines), key=lambda record: record["at"])


@pytest.fixture(scope="session")
def warm() -> Iterator[Path]:
    """Templates of servers, made once for all tests."""
    with open_folder() as folder:
        yield folder


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, warm: Path) -> Iterator[Path]:
    """Deployments of these tests do not meet those of anybody else."""
    with open_folder() as home:
        (home / "cache").symlink_to(warm)
        monkeypatch.setenv("SEATRIAL_HOME", str(home))
        for name in ("SEATRIAL_HANDOVER", "TEST_POLL_INTERVAL", "PYTEST_ADDOPTS"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        yield home


@pytest.fixture
def installed_plugins(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loaded as in anybody's environment, in the workers of xdist too."""
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that a server's unprivileged user may pass through; pytest's own are closed."""
    with tempfile.TemporaryDirectory(prefix="st-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)
        yield Path(name)


@pytest.fixture
def yard(pytester: pytest.Pytester, home: Path) -> Iterator[Yard]:
    """Declares the tiny system; afterwards, nothing that was started may be left."""
    yard = Yard(pytester)
    yard.declare()
    yield yard
    for identifier in yard.deployments:
        eventually(
            lambda identifier=identifier: processes.marked(processes.DEPLOYMENT, identifier),
            lambda left: left == [],
            timeout=5.0,
            what=f"no process of {identifier} is left",
        )


@pytest.fixture
def up(yard: Yard) -> Iterator[Deployment]:
    """The system, already up as by `seatrial up`: runs attach to it, and it stays."""
    with start(yard.system) as deployment:
        deployment.wait_until_ready()
        yield deployment
        deployment.down()
