"""Two runs at once, four pytest workers in each, beside a developer's own servers."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from seatrial.keeper import processes
from tests.plugin.conftest import open_folder

from .conftest import Called, Change, Queue

pytestmark = pytest.mark.long

POSTGRES, AMQP = 5432, 5672  # the one exception from free ports: this is where a developer's are
OWN = f"""
system: own
python: {sys.executable}
components:
  postgres: {{kind: postgres, port: {POSTGRES}, database: quantum_db, user: developer}}
  rabbitmq: {{kind: rabbitmq, port: {AMQP}, vhost: quantum}}
"""


def patient(declaration: dict[str, Any]) -> None:
    """Two runs and nine servers share one machine: answers may take their time."""
    for component in declaration["components"].values():
        component["time_limit"] = 20


def taken(port: int) -> bool:
    with closing(socket.socket()) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


class Developer:
    """PostgreSQL and RabbitMQ at the default ports, with the names that the queue uses too."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self.urls = json.loads(queue.seatrial("endpoints", "--json").out)
        with psycopg.connect(self.urls["postgres"]["sql"], autocommit=True) as link:
            link.execute("CREATE TABLE tasks (note text)")
            link.execute("INSERT INTO tasks VALUES ('mine')")

    def seen(self) -> object:
        """What could have been disturbed: data, objects, settings, and what a check says."""
        with psycopg.connect(self.urls["postgres"]["sql"]) as link:
            rows = link.execute("SELECT note FROM tasks").fetchall()
            names = link.execute(
                "SELECT datname FROM pg_database UNION ALL SELECT rolname FROM pg_roles "
                "UNION ALL SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
            ).fetchall()
            started = link.execute("SELECT pg_postmaster_start_time()").fetchall()
        states = self._queue.seatrial("status", "--json").document["components"]
        checked = self._queue.seatrial("check", "--json").document["findings"]
        return rows, names, started, {n: s["state"] for n, s in states.items()}, checked

    def broker(self) -> set[processes.Pid]:
        """Its processes; now and then it starts another one to help it."""
        marked = processes.marked(processes.COMPONENT, self._marker)
        return {one for number in marked if (one := processes.identify(number)) is not None}

    @property
    def _marker(self) -> str:
        (state,) = Path(self._queue.env["SEATRIAL_HOME"]).glob("d/*/state.json")
        return f"{state.parent.name}/rabbitmq-0"


@pytest.fixture
def developer(tmp_path: Path) -> Iterator[Developer]:
    if ports := [port for port in (POSTGRES, AMQP) if taken(port)]:
        pytest.skip(f"somebody's own servers are there already: {ports}")
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "seatrial.yaml").write_text(OWN)
    with open_folder() as home:
        queue = Queue(folder, {**os.environ, "SEATRIAL_HOME": str(home), "NO_COLOR": "1"})
        up = queue.seatrial("up")
        assert up.code == 0, up.err
        yield Developer(queue)
        assert queue.seatrial("down").code == 0


def run(queue: Queue) -> Called:
    return queue.seatrial("run", "--json", "-p", "p1", "--", "-n", "4", timeout=600)


@pytest.mark.timeout(900)
def test_they_do_not_disturb_each_other(
    declared: Callable[[Change], Queue], developer: Developer
) -> None:
    before, broker = developer.seen(), developer.broker()
    assert broker
    queue = declared(patient)
    with ThreadPoolExecutor(2) as both:
        runs = list(both.map(run, (queue, queue)))
    for one in runs:
        assert one.code == 0, one.out + one.err
    assert len({one.document["run"] for one in runs}) == 2
    assert developer.seen() == before
    assert developer.broker() >= broker
