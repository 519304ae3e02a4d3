"""API and worker start before their servers are there, and say when they are ready."""

from __future__ import annotations

import os
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from seatrial.waiting import eventually

from .conftest import QUEUE, Queue

KEY = "started-early"
NO_OPENTELEMETRY = {name: "" for name in os.environ if name.startswith("OTEL_")}


class Way(socketserver.ThreadingTCPServer):
    """A port at which connections are refused until `open()`, and passed on from then on."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, url: str) -> None:
        super().__init__(("127.0.0.1", 0), Passing, bind_and_activate=False)
        self.server_bind()  # ours from now on, and nobody listens
        parts = urlsplit(url)
        assert parts.hostname is not None
        assert parts.port is not None
        self.target = (parts.hostname, parts.port)
        self.url = url.replace(f"{parts.hostname}:{parts.port}", f"127.0.0.1:{self.port}")

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @contextmanager
    def open(self) -> Iterator[None]:
        self.server_activate()
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield
        finally:
            self.shutdown()
            thread.join()


class Passing(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, Way)
        with socket.create_connection(self.server.target) as there:
            back = threading.Thread(target=pass_on, args=(there, self.request), daemon=True)
            back.start()
            pass_on(self.request, there)


def pass_on(origin: socket.socket, to: socket.socket) -> None:
    with suppress(OSError):
        while data := origin.recv(65536):
            to.sendall(data)
    for end in (origin, to):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


class Supervised:
    """A service of the queue, and what it tells its supervisor and its log."""

    def __init__(self, service: str, folder: Path, **env: str) -> None:
        self.log = folder / f"{service}.log"
        self._words = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._words.bind(str(folder / service))
        self.told: list[bytes] = []
        with self.log.open("wb") as log:
            self.process = start(service, log, NOTIFY_SOCKET=str(folder / service), **env)

    def ready(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        with suppress(BlockingIOError):
            while True:
                self.told.append(self._words.recv(64))
        return b"READY=1" in self.told

    def has_logged(self, words: str) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        return words in self.log.read_text()

    def end(self) -> None:
        self.process.terminate()
        try:
            assert self.process.wait(20) == 0, self.log.read_text()
        finally:
            self.process.kill()
            self._words.close()


def start(service: str, log: IO[bytes], **env: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", f"quantum_queue.{service}"],
        env={**os.environ, **NO_OPENTELEMETRY, "PYTHONPATH": str(QUEUE / "src"), **env},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
    )


@pytest.fixture
def ways(up: Queue) -> Iterator[tuple[Way, Way]]:
    """To the database and to the broker of the queue that is up; its rows of ours are removed."""
    endpoints = up.seatrial("endpoints").document
    database = endpoints["postgres"]["sql"]
    with Way(database) as to_database, Way(endpoints["rabbitmq"]["amqp"]) as to_broker:
        yield to_database, to_broker
    with psycopg.connect(database) as connection:
        connection.execute("DELETE FROM tasks WHERE idempotency_key = %s", [KEY])


@pytest.fixture
def supervised(ways: tuple[Way, Way], tmp_path: Path) -> Iterator[Callable[..., Supervised]]:
    with ExitStack() as ends:

        def begin(service: str, **env: str) -> Supervised:
            urls = {"DATABASE_URL": ways[0].url, "RABBITMQ_URL": ways[1].url}
            made = Supervised(service, tmp_path, **urls, **env)
            ends.callback(made.end)
            return made

        yield begin


@pytest.mark.criterion("AC-92", "AC-93")
def test_they_start_while_the_servers_are_away_and_recover(
    ways: tuple[Way, Way], supervised: Callable[..., Supervised]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    api, worker = supervised("api", PORT=port), supervised("worker")
    eventually(api.ready, timeout=30, what="the API says that it listens")
    eventually(lambda: worker.has_logged("database away"), timeout=30, what="the worker waits")
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=5) as http:
        away: Any = http.get("/health").json()
        states = (away["status"], away["database_status"], away["queue_status"])
        assert states == ("unhealthy", "disconnected", "disconnected")
        assert http.get("/livez").status_code == 200
        with ways[0].open():
            # The broker is still away: the API is that much better, the worker must not be ready.
            eventually(
                lambda: http.get("/health").json()["status"],
                lambda status: status == "degraded",
                timeout=30,
            )
            eventually(lambda: worker.has_logged("broker away"), timeout=30)
            assert not worker.ready()
            with ways[1].open():
                eventually(lambda: http.get("/health").status_code == 200, timeout=30)
                eventually(worker.ready, timeout=30, what="the worker says that it consumes")
                assert worker.has_logged("consuming")
                posted = http.post(
                    "/tasks",
                    json={"circuit": "OPENQASM 3; qubit q; x q; measure q;", "shots": 5},
                    headers={"Idempotency-Key": KEY},
                ).json()
                task = eventually(
                    lambda: http.get(f"/tasks/{posted['task_id']}").json(),
                    lambda found: found["status"] in ("completed", "failed"),
                    timeout=30,
                )
                assert task["result"] == {"1": 5}
                api.end()
                worker.end()
