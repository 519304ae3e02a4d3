"""SIGTERM to an API that is in the middle of something."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest

from quantum_queue.contracts.settings import Settings

PATIENCE = 30.0  # s


@contextmanager
def api(
    settings: Settings, **more: str
) -> Iterator[tuple[subprocess.Popen[bytes], tuple[str, int]]]:
    """An API whose database and broker are away, and where it listens."""
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(__file__).parents[1] / "src"),
        "DATABASE_URL": settings.database_url,
        "RABBITMQ_URL": settings.rabbitmq_url,
        "PORT": "0",
        **more,
    }
    with subprocess.Popen(
        [sys.executable, "-m", "quantum_queue.api"], env=environ, stderr=subprocess.PIPE
    ) as process:
        try:
            host, port = said(process, "listening")["address"][:2]
            yield process, (host, int(port))
        finally:
            process.kill()


def said(process: subprocess.Popen[bytes], message: str) -> dict[str, list[str]]:
    assert process.stderr is not None
    for line in process.stderr:
        entry = json.loads(line)
        if entry["message"] == message:
            return dict(entry)
    raise AssertionError(f"it ended without saying {message!r}")


def test_what_was_begun_is_answered_before_the_end(settings: Settings) -> None:
    body = b'{"circuit": ""}'
    with api(settings) as (process, address), socket.create_connection(address) as connection:
        connection.settimeout(PATIENCE)
        head = f"POST /tasks HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
        connection.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 100")  # its body is being read
        process.send_signal(signal.SIGTERM)
        until_refused(address)
        assert select.select([connection], [], [], 0.5)[0] == []  # nobody hangs up meanwhile
        connection.sendall(body)
        assert connection.recv(65536).startswith(b"HTTP/1.1 400")
        assert process.wait(PATIENCE) == 0


def test_a_request_that_does_not_end_keeps_it_for_its_grace_at_most(settings: Settings) -> None:
    with api(settings) as (process, address), socket.create_connection(address) as connection:
        connection.settimeout(PATIENCE)
        head = b"POST /tasks HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n"
        connection.sendall(head + b"Expect: 100-continue\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 100")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0


def ask(connection: HTTPConnection, method: str, path: str) -> tuple[HTTPResponse, bytes]:
    connection.request(method, path)
    response = connection.getresponse()
    return response, response.read()


def test_while_it_drains_it_answers_everybody_and_keeps_nobody(settings: Settings) -> None:
    # Far longer than the test takes: a second signal ends it.
    with api(settings, DRAIN_SECONDS="120") as (process, address):
        kept = HTTPConnection(*address, timeout=PATIENCE)
        assert ask(kept, "GET", "/livez")[0].getheader("Connection") is None
        process.send_signal(signal.SIGTERM)
        for _ in range(10_000):  # until it is told, always on a new connection
            new = HTTPConnection(*address, timeout=PATIENCE)
            told = ask(new, "GET", "/livez")[0]
            new.close()
            assert told.status == 200
            if told.getheader("Connection") == "close":
                break
        else:
            pytest.fail("it goes on as if nothing had been said")
        refused, _ = ask(kept, "POST", "/tasks")  # on the one that was kept, too
        assert (refused.status, refused.getheader("Connection")) == (400, "close")
        new = HTTPConnection(*address, timeout=PATIENCE)
        health, body = ask(new, "GET", "/health")
        assert (health.status, health.getheader("Connection")) == (503, "close")
        assert "stopping" in json.loads(body)["detail"]
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0


def until_refused(address: tuple[str, int]) -> None:
    """Until the process has begun to stop: it takes no more connections."""
    for _ in range(10_000):
        try:
            socket.create_connection(address, timeout=PATIENCE).close()
        except ConnectionError:  # refused, or reset: it was still in the queue of the listener
            return
    pytest.fail("it goes on to take connections")
