"""Reading circuits: what is borne, what is refused, and where the message points."""

from __future__ import annotations

import pytest

from quantum_queue.worker.circuit import read_program
from quantum_queue.worker.frames import Order
from quantum_queue.worker.reasons import CircuitError
from quantum_queue.worker.runner import Runner, outcomes

BELL = "OPENQASM 3; qubit[2] q; h q[0]; cx q[0], q[1]; measure q;"


@pytest.fixture(scope="module")
def runner() -> Runner:
    return Runner(max_qubits=24)


def test_the_example_of_the_specification(runner: Runner) -> None:
    counts = runner.run(Order(circuit=BELL, shots=10_000)).counts
    assert counts is not None
    assert set(counts) == {"00", "11"}
    assert sum(counts.values()) == 10_000
    # Ten standard deviations of a fair coin.
    assert abs(counts["00"] - 5000) < 500


def copies(uses: int) -> str:
    return f"gate g a {{ {'x a; ' * 1000} }} qubit q; {'g q; ' * uses} measure q;"


def test_a_gate_without_parameters_counts_for_its_copies() -> None:
    """Were a copy as cheap as what it copies, the second would be let through."""
    assert read_program(copies(15), max_qubits=1).outcome_bits
    with pytest.raises(CircuitError, match="the limit is 100000 steps"):
        read_program(copies(30), max_qubits=1)


CERTAIN = [
    # The most significant bit is left.
    ("qubit[2] q; bit[2] c; x q[0]; c = measure q;", "01"),
    ("OPENQASM 3.0; include 'stdgates.inc'; qubit[2] q; x q[1]; bit[2] c = measure q;", "10"),
    ("qreg q[2]; creg c[2]; x q[0]; measure q -> c;", "01"),
    # Several registers: the one declared last is left, and no space between.
    ("bit a; bit[2] b; qubit[3] q; x q[0]; a = measure q[0]; b[0] = measure q[1];", "001"),
    # Without a target: the measured qubits, in the order of the qubits.
    ("qubit[3] q; x q[0]; measure q[2]; measure q[0];", "01"),
    ("qubit[2] a; qubit[2] b; x b[1]; measure a; measure b;", "1000"),
    ("qubit[2] q; bit[2] unused; x q[0]; measure q;", "01"),
    ("qubit q; x q; measure q; x q; measure q;", "0"),
    ("x $1; measure $1;", "1"),
    ("qubit[3] q; bit c; x q[0]; c = measure q[0]; if (c) { x q[2]; } measure q;", "1011"),
    # Names of the program win over the implied library, and over what the simulator calls so.
    ("gate h a { x a; } qubit q; h q; measure q;", "1"),
    ("gate ecr a, b { x a; x b; } qubit[2] q; ecr q[0], q[1]; measure q;", "11"),
    ("gate r(t) a { rx(t) a; } qubit q; r(pi) q; measure q;", "1"),
    ("qubit x; qubit[2] s; U(pi, 0, pi) x; measure x;", "1"),
    # Modifiers, broadcasts and definitions of definitions.
    ("qubit[3] q; x q[0]; x q[1]; ctrl(2) @ x q[0], q[1], q[2]; measure q;", "111"),
    ("qubit[2] q; negctrl @ x q[0], q[1]; measure q;", "10"),
    ("gate a t { x t; } gate b t { a t; a t; a t; } qubit[2] q; b q; measure q;", "11"),
    ("// a comment\n/* and\nanother */ qubit q; reset q; barrier q; measure q;", "0"),
]


@pytest.mark.parametrize(("text", "outcome"), CERTAIN)
def test_a_circuit_with_one_outcome(runner: Runner, text: str, outcome: str) -> None:
    answer = runner.run(Order(circuit=text.replace("'", '"'), shots=20))
    assert (answer.counts, answer.error) == ({outcome: 20}, None)


REFUSED = [
    ("hello world", "line 1, column 12: unexpected end of the text"),
    ("OPENQASM 3;\nqubit[2] q;\nh q[0]", "line 3, column 7"),
    ("OPENQASM 3;\nqubit[2] q;\nh q[0] @;", "line 3, column 8: unexpected '@'"),
    ("OPENQASM 3;\n qubit €q;", "line 2, column 8"),
    ("qubit q;\n\n  foo q;\nmeasure q;", "line 3, column 3: gate 'foo' is not defined"),
    ("qubit q;\nU(0, 0) q;", "line 2, column 1"),
    ("qubit[2] q;\nh q[5];\nmeasure q;", "line 2, column"),
    ("qubit[2] q;\ncx q[0], q[0];", "line 2, column 1: duplicate"),
    ("qubit[2] q; bit[3] c;\nc = measure q;", "line 2, column 1"),
    ("qubit q;\nmeasure q -> c;", "line 2, column 14: Undefined symbol 'c'"),
    ("int a = 3;", "line 1, column 1"),
    ('include "mine.inc"; qubit q; measure q;', "line 1, column 1"),
    ("OPENQASM 2.0; qreg q[1];", "OpenQASM 2.0 is not supported"),
    ("qubit q; h q;", "measures nothing"),
    ("// nothing", "no statement"),
    ("OPENQASM 3;", "no statement"),
    ("input float a; qubit q; rx(a) q; measure q;", "inputs without a value: a"),
    ("qubit[25] q; measure q;", "needs 25 qubits or more; the limit is 24"),
    ("qubit[20] a;\nqubit[20] b; measure a;", "line 2, column 1: the circuit needs 40 qubits"),
    ("qubit[999999999999] q; measure q;", "the limit is 24"),
    ("x $999999999; measure $0;", "the limit is 24"),
    ("bit[999999999] c;", "1024 classical bits"),
    ("qubit q; bit c; measure q", "end of the text"),
]


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_a_circuit_that_can_never_run(text: str, reason: str) -> None:
    with pytest.raises(CircuitError) as caught:
        read_program(text, max_qubits=24)
    assert reason in str(caught.value)


def test_what_the_simulator_cannot_do_is_an_answer_not_a_crash(runner: Runner) -> None:
    answer = runner.run(Order(circuit="qubit q; box { h q; } measure q;", shots=1))
    assert answer.counts is None
    assert answer.error and "box" in answer.error


def test_the_parser_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CircuitError):
        read_program("qubit €q;", max_qubits=1)
    assert capfd.readouterr() == ("", "")


def test_outcomes_take_the_chosen_bits_and_add_up() -> None:
    assert outcomes({"0x5": 3, "0x7": 4, "0x0": 1}, (0, 2)) == {"00": 1, "11": 7}
