"""The simulator process for real: its deadline, its death, its limit of memory."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from quantum_queue.contracts.settings import Settings
from quantum_queue.worker.frames import Order
from quantum_queue.worker.simulator import DeadlineExceeded, Simulator, SimulatorDied

SOURCE = str(Path(__file__).parents[1] / "src")
ENDLESS = Order(circuit="qubit q; bit c; while (!c) { x q; } measure q;", shots=1)
QUICK = Order(circuit="qubit q; x q; measure q;", shots=3)
HUGE = "qubit[24] q; h q; measure q; h q; rx(0.1) q; measure q;"


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", SOURCE)


def with_simulator(settings: Settings, scenario: Callable[[Simulator], Awaitable[None]]) -> None:
    async def main() -> None:
        simulator = Simulator(settings)
        try:
            await simulator.ensure()
            await scenario(simulator)
        finally:
            await simulator.stop()

    asyncio.run(asyncio.wait_for(main(), 60))


def pid_of(simulator: Simulator) -> int:
    assert simulator._process is not None
    return simulator._process.pid


def environment_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


def test_a_circuit_is_stopped_at_its_deadline_and_the_next_one_runs(settings: Settings) -> None:
    async def scenario(simulator: Simulator) -> None:
        with pytest.raises(DeadlineExceeded):
            await simulator.run(ENDLESS)
        assert not simulator.is_running
        await simulator.ensure()
        assert (await simulator.run(QUICK)).counts == {"1": 3}

    with_simulator(replace(settings, task_deadline_seconds=0.3), scenario)


def test_a_process_that_is_killed_is_noticed_and_named(settings: Settings) -> None:
    async def scenario(simulator: Simulator) -> None:
        running = asyncio.create_task(simulator.run(ENDLESS))
        await asyncio.sleep(0)
        os.kill(pid_of(simulator), signal.SIGKILL)
        with pytest.raises(SimulatorDied, match="SIGKILL"):
            await running

    with_simulator(settings, scenario)


def test_signals_for_the_worker_do_not_stop_its_simulator(settings: Settings) -> None:
    async def scenario(simulator: Simulator) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            os.kill(pid_of(simulator), number)
        assert (await simulator.run(QUICK)).counts == {"1": 3}

    with_simulator(settings, scenario)


def test_too_little_memory_is_an_answer_or_an_end_but_no_hang(settings: Settings) -> None:
    async def scenario(simulator: Simulator) -> None:
        try:
            answer = await simulator.run(Order(circuit=HUGE, shots=1))
        except SimulatorDied:
            return
        assert answer.counts is None
        assert answer.error is not None and "memory" in answer.error.lower()

    with_simulator(replace(settings, simulator_memory_mb=64), scenario)


def test_secrets_do_not_reach_the_process(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("DATABASE_URL", "OTEL_EXPORTER_OTLP_HEADERS")
    for name in names:
        monkeypatch.setenv(name, settings.database_url)

    async def scenario(simulator: Simulator) -> None:
        environment = environment_of(pid_of(simulator))
        assert not [name for name in names if name.encode() in environment]

    with_simulator(settings, scenario)
