"""Circuits that were written to hurt: a clear answer, from a process that lives on.

All but the endless ones are answered before the deadline, by one process after the other of little
memory; the few tests at the end are about that process.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from attacks import ATTACKS, Attack

from quantum_queue.contracts.settings import Settings
from quantum_queue.worker import bounds, simulator
from quantum_queue.worker.circuit import read_program
from quantum_queue.worker.frames import Answer, Order
from quantum_queue.worker.reasons import CircuitError
from quantum_queue.worker.simulator import DeadlineExceeded, Simulator, SimulatorDied

SOURCE = str(Path(__file__).parents[1] / "src")
SETTINGS = Settings(
    database_url="", rabbitmq_url="", task_deadline_seconds=60, simulator_memory_mb=512
)
QUICK = Order(circuit="qubit q; x q; measure q;", shots=3)
ENDLESS = Order(circuit="qubit q; bit c; while (!c) { x q; } measure q;", shots=1)


class Bench:
    """A simulator process and the loop that it is asked on; both outlive one test."""

    def __init__(self, settings: Settings) -> None:
        self._loop = asyncio.Runner()
        self.simulator = Simulator(settings)

    def ask(self, order: Order) -> Answer:
        return self._loop.run(self._ask(order))

    async def _ask(self, order: Order) -> Answer:
        await self.simulator.ensure()
        return await self.simulator.run(order)

    @property
    def pid(self) -> int | None:
        process = self.simulator._process
        return process.pid if process else None

    def close(self) -> None:
        self._loop.run(self.simulator.stop())
        self._loop.close()


@pytest.fixture(scope="module")
def importable() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", SOURCE)
        yield


@pytest.fixture(scope="module")
def bench(importable: None) -> Iterator[Bench]:
    bench = Bench(SETTINGS)
    try:
        yield bench
    finally:
        bench.close()


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_is_answered_and_the_next_circuit_runs(bench: Bench, attack: Attack) -> None:
    answer = bench.ask(Order(circuit=attack.circuit, shots=attack.shots))
    assert answer.counts is None
    assert answer.error is not None and attack.reason in answer.error
    assert len(answer.error) < 600
    assert bench.ask(QUICK).counts == {"1": 3}


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        pytest.param(f"rx({'(' * 29}pi{')' * 29}) q;", "1", id="parentheses"),
        pytest.param(f"{'if (!c) {' * 31} x q; {'}' * 31}", "1", id="conditions"),
        pytest.param(f"{'for int i in [0:0] {' * 31} x q; {'}' * 31}", "1", id="loops"),
        pytest.param(f"for int i in [1:{10_001}] {{ x q; }}", "1", id="10,001 rounds"),
        pytest.param("// a\n" * 20_000 + "x q;", "1", id="comments"),
    ],
)
def test_what_is_large_but_within_the_bounds_runs(bench: Bench, text: str, outcome: str) -> None:
    answer = bench.ask(Order(circuit=f"qubit q; bit c; {text} measure q;", shots=5))
    assert (answer.counts, answer.error) == ({outcome: 5}, None)


@pytest.mark.parametrize("over", [0, 1])
def test_the_bounds_of_the_text_are_exact(over: int) -> None:
    brackets = bounds.MAX_NESTING + over
    digits = bounds.MAX_NUMBER_CHARACTERS + over
    tokens = bounds.MAX_TOKENS + over
    for text in ("(" * brackets + ")" * brackets, "9" * digits, "; " * tokens):
        if over:
            with pytest.raises(CircuitError, match=r"line 1, column \d+: too large: "):
                bounds.check_text(text)
        else:
            bounds.check_text(text)


def test_comments_and_texts_in_quotes_do_not_count() -> None:
    quiet = '// (((\n/* ((( */ include "(((";' * 20
    bounds.check_text(quiet * 20)


@pytest.mark.parametrize("over", [0, 1])
def test_the_bound_of_steps_is_exact(over: int) -> None:
    # Each round is a step, and so is the bit that it touches.
    rounds = bounds.MAX_STEPS // 2 // 20 + over
    text = f"qubit q; for int j in [1:20] {{ for int i in [1:{rounds}] {{ }} }} measure q;"
    loops = text.replace("{ }", "{ reset q; }") if over else text
    if over:
        with pytest.raises(CircuitError, match="100000 steps"):
            read_program(loops, max_qubits=1)
    else:
        assert read_program(loops, max_qubits=1).outcome_bits


def test_a_state_that_does_not_fit_is_refused_before_it_is_allocated(importable: None) -> None:
    bench = Bench(replace(SETTINGS, max_qubits=30, simulator_memory_mb=256))
    try:
        answer = bench.ask(Order(circuit="qubit[30] q; h q; rx(0.1) q; measure q;", shots=1))
        assert answer.error is not None
        assert "Required memory: 16384M, max memory: 256M" in answer.error
        pid = bench.pid
        assert bench.ask(QUICK).counts == {"1": 3}
        assert bench.pid == pid
    finally:
        bench.close()


def test_a_process_that_has_grown_is_replaced_and_others_are_kept(importable: None) -> None:
    bench = Bench(replace(SETTINGS, simulator_memory_mb=24))
    try:
        bench.ask(QUICK)
        first = bench.pid
        assert not bench.ask(QUICK).is_last
        assert bench.pid == first
        large = Order(circuit=f"qubit q; {'x q;' * 2500} measure q;", shots=1)
        assert bench.ask(large).is_last
        assert bench.pid is None
        assert bench.ask(QUICK).counts == {"1": 3}
    finally:
        bench.close()


def test_an_endless_circuit_does_not_hold_up_its_neighbour(importable: None) -> None:
    async def scenario() -> None:
        endless = Simulator(replace(SETTINGS, task_deadline_seconds=1.0))
        neighbour = Simulator(SETTINGS)
        try:
            await asyncio.gather(endless.ensure(), neighbour.ensure())
            stuck = asyncio.create_task(endless.run(ENDLESS))
            assert (await neighbour.run(QUICK)).counts == {"1": 3}
            with pytest.raises(DeadlineExceeded):
                await stuck
            assert (await neighbour.run(QUICK)).counts == {"1": 3}
        finally:
            await endless.stop()
            await neighbour.stop()

    asyncio.run(asyncio.wait_for(scenario(), 120))


def test_an_answer_of_any_size_is_not_read() -> None:
    async def scenario() -> None:
        program = r"import sys; sys.stdout.buffer.write(b'\xff' * 8)"
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=PIPE)
        try:
            with pytest.raises(SimulatorDied, match="4294967295 bytes"):
                await simulator._read(process)
        finally:
            await process.wait()

    asyncio.run(asyncio.wait_for(scenario(), 30))
