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
from pathlib import Path

import pytest

from quantum_queue.contracts.settings import Settings

PATIENCE = 30.0  # s


@contextmanager
def api(settings: Settings) -> Iterator[tuple[subprocess.Popen[bytes], tuple[str, int]]]:
    """An API whose database and broker are away, and where it listens."""
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(__file__).parents[1] / "src"),
        "DATABASE_URL": settings.database_url,
        "RABBITMQ_URL": settings.rabbitmq_url,
        "PORT": "0",
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


def until_refused(address: tuple[str, int]) -> None:
    """Until the process has begun to stop: it takes no more connections."""
    for _ in range(10_000):
        try:
            socket.create_connection(address, timeout=PATIENCE).close()
        except ConnectionRefusedError:
            return
    pytest.fail("it goes on to take connections")
