"""Small systems of real processes, and the certainty that nothing of them is left."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from seatrial.declaration.load import load
from seatrial.declaration.models import System
from seatrial.keeper import client, processes
from seatrial.keeper.client import KeeperClient
from seatrial.keeper.places import Place
from seatrial.kinds.registry import KINDS
from seatrial.waiting import eventually

PROGRAMS = Path(__file__).parent / "programs"


@pytest.fixture(autouse=True)
def _own_home(monkeypatch: pytest.MonkeyPatch, seatrial_home: Path) -> None:
    """Deployments of these tests do not meet those of anybody else."""
    monkeypatch.setenv("SEATRIAL_HOME", str(seatrial_home))


class Fleet:
    """Declares systems and starts them; ends all of them when the test is over."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.clients: list[KeeperClient] = []

    def system(self, components: str, *, folder: str = "system") -> System:
        """`components` is the YAML below `components:`; {P} is the folder of the programs."""
        where = self._folder / folder
        where.mkdir(exist_ok=True)
        text = components.replace("{P}", str(PROGRAMS))
        file = where / "seatrial.yaml"
        file.write_text(f"system: tiny\npython: {sys.executable}\ncomponents:\n{text}")
        return load(file, KINDS, environment=None, variables=os.environ)

    def start(self, system: System, place: Place | None = None) -> KeeperClient:
        started = client.start(system, place or Place.private())
        self.clients.append(started)
        return started

    def up(self, components: str) -> KeeperClient:
        """Start and wait until ready; fails the test when it does not come up."""
        started = self.start(self.system(components))
        status = started.wait_until_ready(lambda event: None)
        assert status.failure is None, status.failure
        return started


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    fleet = Fleet(tmp_path)
    yield fleet
    for one in fleet.clients:
        one.close()
    for one in fleet.clients:
        client.wait_until_gone(one.place)
        assert processes.marked(processes.DEPLOYMENT, one.place.id) == []


@pytest.fixture
def gone() -> Callable[[str], None]:
    """Waits until no process of the deployment is left, at most the 5 s that are promised."""

    def wait(deployment: str) -> None:
        eventually(
            lambda: processes.marked(processes.DEPLOYMENT, deployment),
            until=lambda left: left == [],
            timeout=5.0,
            what=f"no process of {deployment} is left",
        )

    return wait
