"""What an operator sees when a service cannot start."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src"
GOOD = {
    "DATABASE_URL": "postgresql://user:correct-horse@localhost:5432/db",
    "RABBITMQ_URL": "amqp://user:battery-staple@localhost:5672/",
}


def start(service: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", f"quantum_queue.{service}"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(SOURCE), **environ},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


@pytest.mark.criterion("AC-90")
@pytest.mark.parametrize("service", ["api", "worker"])
def test_wrong_settings_end_the_process_with_one_line(service: str) -> None:
    ended = start(service, RABBITMQ_URL=GOOD["RABBITMQ_URL"], DATABSE_URL=GOOD["DATABASE_URL"])
    assert ended.returncode == 2
    assert ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"{service}: cannot start: DATABASE_URL")
    assert "did you mean DATABASE_URL" in line
    assert "correct-horse" not in line


@pytest.mark.criterion("AC-91")
def test_a_port_in_use_is_said_to_be_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = start("api", **GOOD, PORT=port)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert "address already in use" in line
    assert port in line


def test_nothing_heavy_is_imported_before_the_settings_are_known() -> None:
    code = (
        "import sys, quantum_queue.api.__main__, quantum_queue.worker.__main__;"
        "print({'asyncpg', 'aiormq', 'starlette', 'qiskit', 'msgspec'} & set(sys.modules))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    assert shown.stdout.strip() == "set()"


WRITES = """
import os
from quantum_queue.contracts import journal, tracing
from quantum_queue.contracts.settings import read_settings
journal.start("api", "DEBUG", read_settings(os.environ).secrets)
tracing.start("api", os.environ)
tracing.stop()
"""


@pytest.mark.parametrize(
    "header", ["authorization: Bearer open-sesame", "open-sesame", "a=open-sesame"]
)
def test_headers_for_a_collector_are_never_logged(header: str) -> None:
    wrong = "not a header at all"  # of which the SDK complains, so that something is logged
    ended = subprocess.run(
        [sys.executable, "-c", WRITES],
        env={
            **os.environ,
            **GOOD,
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
            "OTEL_EXPORTER_OTLP_HEADERS": f"{wrong},{header}",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "Header format invalid" in ended.stderr
    assert "open-sesame" not in ended.stderr
    assert wrong not in ended.stderr
