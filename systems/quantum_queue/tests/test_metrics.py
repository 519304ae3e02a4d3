"""What a worker counts, and how it is read."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import cast

import pytest
from test_processing import (
    FakeAttempts,
    FakeDelivery,
    FakeSimulator,
    processor,
    run,
)

from quantum_queue.api.metrics import Metrics as ApiMetrics
from quantum_queue.contracts.settings import Settings
from quantum_queue.worker.attempts import NoClaim
from quantum_queue.worker.delivery import Delivery
from quantum_queue.worker.frames import Answer
from quantum_queue.worker.metrics import Metrics, serve
from quantum_queue.worker.simulator import DeadlineExceeded, SimulatorDied

COMPLETED = 'finished_total{status="completed"}'
FAILED = 'finished_total{status="failed"}'
RETRIED = "retried_total"


def value(metrics: Metrics, name: str) -> float | None:
    return metrics.registry.get_sample_value(f"quantum_queue_{name}")


def counted(metrics: Metrics) -> dict[str, float | None]:
    sample = metrics.registry.get_sample_value
    finished = "quantum_queue_tasks_finished_total"
    return {
        COMPLETED: sample(finished, {"status": "completed"}),
        FAILED: sample(finished, {"status": "failed"}),
        RETRIED: value(metrics, "tasks_retried_total"),
    }


def after(settings: Settings, attempts: FakeAttempts, simulator: FakeSimulator) -> Metrics:
    metrics = Metrics()
    worker = processor(settings, attempts, simulator, metrics=metrics)
    run(lambda: worker.handle(cast(Delivery, FakeDelivery())))
    return metrics


@pytest.mark.parametrize(
    ("attempt", "simulator", "counts"),
    [
        (1, FakeSimulator(), {COMPLETED: 1}),
        (1, FakeSimulator(Answer(error="no")), {FAILED: 1}),
        (1, FakeSimulator(DeadlineExceeded()), {FAILED: 1}),
        (1, FakeSimulator(SimulatorDied("x")), {RETRIED: 1}),
        (3, FakeSimulator(SimulatorDied("x")), {FAILED: 1}),
    ],
    ids=["completed", "failed", "too-long", "retried", "gave-up"],
)
def test_what_an_attempt_came_to_is_counted_once(
    settings: Settings, attempt: int, simulator: FakeSimulator, counts: dict[str, float]
) -> None:
    metrics = after(settings, FakeAttempts(attempt=attempt), simulator)
    assert counted(metrics) == {COMPLETED: 0, FAILED: 0, RETRIED: 0} | counts
    assert value(metrics, "task_run_seconds_count") == 1


def test_what_another_attempt_has_taken_over_is_not_counted(settings: Settings) -> None:
    metrics = after(settings, FakeAttempts(taken_over=True), FakeSimulator())
    assert set(counted(metrics).values()) == {0}


@pytest.mark.parametrize(("why", "failed"), [(NoClaim.GAVE_UP, 1), (NoClaim.DEAD, 0)])
def test_a_task_that_gave_up_is_counted_when_it_does(
    settings: Settings, why: NoClaim, failed: int
) -> None:
    metrics = after(settings, FakeAttempts(no_claim=why), FakeSimulator())
    assert counted(metrics)[FAILED] == failed


@pytest.mark.parametrize(("waited", "count"), [(0.5, 1), (None, 0)])
def test_the_time_in_the_queue_is_observed_unless_a_task_was_taken_over(
    settings: Settings, waited: float | None, count: int
) -> None:
    metrics = after(settings, FakeAttempts(waited=waited), FakeSimulator())
    assert value(metrics, "task_queue_seconds_count") == count
    assert value(metrics, "task_queue_seconds_sum") == (waited or 0)


def test_tasks_are_in_flight_while_they_are(settings: Settings) -> None:
    metrics, simulator = Metrics(), FakeSimulator(None)

    async def scenario() -> None:
        worker = processor(settings, FakeAttempts(), simulator, metrics=metrics)
        task = asyncio.create_task(worker.handle(cast(Delivery, FakeDelivery())))
        await simulator.begun.wait()
        assert value(metrics, "tasks_in_flight") == 1
        task.cancel()
        await asyncio.wait({task})

    run(scenario)
    assert value(metrics, "tasks_in_flight") == 0


def test_they_are_served_also_while_somebody_says_nothing() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    serve(Metrics(), listener)
    address = listener.getsockname()
    url = f"http://127.0.0.1:{address[1]}/metrics"
    with socket.create_connection(address), urllib.request.urlopen(url, timeout=5) as answer:
        text = answer.read().decode()
    assert "quantum_queue_tasks_in_flight 0.0" in text
    assert 'quantum_queue_tasks_finished_total{status="failed"} 0.0' in text


def test_who_says_nothing_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quantum_queue.worker.metrics._READ_SECONDS", 0.01)
    listener = socket.create_server(("127.0.0.1", 0))
    serve(Metrics(), listener)
    with socket.create_connection(listener.getsockname(), timeout=10) as silent:
        assert silent.recv(1) == b""


def test_the_readme_names_all_metrics_and_no_others() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    named = set(re.findall(r"^\| `(quantum_queue_\w+)", readme, re.MULTILINE))
    registries = (Metrics().registry, ApiMetrics().registry)
    families = [family for registry in registries for family in registry.collect()]
    exposed = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in families
        if family.name.startswith("quantum_queue_")
    }
    assert named == exposed


def test_a_worker_serves_them_before_its_broker_is_there(settings: Settings) -> None:
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(__file__).parents[1] / "src"),
        "DATABASE_URL": settings.database_url,
        "RABBITMQ_URL": settings.rabbitmq_url,
        "METRICS_PORT": "0",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "quantum_queue.worker"], env=environ, stderr=subprocess.PIPE
    ) as worker:
        try:
            port = address_in_log(worker)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                assert b"quantum_queue_task_run_seconds_count 0.0" in answer.read()
        finally:
            worker.send_signal(signal.SIGTERM)
            worker.communicate(timeout=10)
    assert worker.returncode == 0


def address_in_log(worker: subprocess.Popen[bytes]) -> int:
    assert worker.stderr is not None
    for line in worker.stderr:
        entry = json.loads(line)
        if entry["message"] == "metrics served":
            return int(entry["address"][1])
    raise AssertionError("it ended without serving metrics")


def test_a_metrics_port_in_use_ends_the_worker_with_one_line(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = subprocess.run(
            [sys.executable, "-m", "quantum_queue.worker"],
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(Path(__file__).parents[1] / "src"),
                "DATABASE_URL": settings.database_url,
                "RABBITMQ_URL": settings.rabbitmq_url,
                "METRICS_PORT": port,
            },
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"worker: cannot start: METRICS_PORT {port}: address already in use")
