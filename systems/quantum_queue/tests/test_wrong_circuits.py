"""Wrong programs, and what their authors are told: what is wrong, and where."""

# ruff: noqa: E501  (a message stands on one line, as its reader sees it)

from __future__ import annotations

import re

import pytest

from quantum_queue.worker.circuit import read_program
from quantum_queue.worker.reasons import CircuitError

# The program, and the whole message. Lines and columns count from 1.
WRONG = [
    ("OPENQASM 3\nqubit q;", "syntax error: line 2, column 1: unexpected 'qubit'"),
    ("qubit q\nmeasure q;", "syntax error: line 2, column 1: unexpected 'measure'"),
    ("qubit q;\nrx(0.1 q;", "syntax error: line 2, column 8: unexpected 'q'"),
    ("qubit q;\nx q;;;\n}", "syntax error: line 2, column 5: unexpected ';'"),
    ("qubit[2] q;\nif (q) x", "syntax error: line 2, column 9: unexpected end of the text"),
    (
        "gate g a { measure a; }\nqubit q; g q; measure q;",
        "syntax error: line 1, column 12: cannot have a non-unitary 'measure' instruction in a gate",
    ),
    (
        "gate g a { reset a; }\nqubit q; g q; measure q;",
        "syntax error: line 1, column 12: cannot have a non-unitary 'reset' instruction in a gate",
    ),
    ("gate g a { x b; }\nqubit q; g q; measure q;", "line 1, column 14: Undefined symbol 'b'"),
    (
        "qubit b;\ngate g a { x b; }\nqubit q; g q; measure q;",
        "line 2, column 14: Symbol b is not visible in the scope of a gate",
    ),
    ("gate g a { g a; }\nqubit q; g q; measure q;", "line 1, column 12: gate 'g' is not defined"),
    (
        "gate g a, a { x a; }\nqubit q; measure q;",
        "line 1, column 1: Symbol 'a' already inserted in symbol table in this scope: Scope.GATE",
    ),
    (
        "gate g a { x a; }\ngate g a { y a; }\nqubit q; g q; measure q;",
        "line 2, column 1: 'g' is already defined. Previous definition on line 1",
    ),
    (
        "gate g(t) a { rx(t) a; }\nqubit q;\ng q;\nmeasure q;",
        "line 3, column 1: gate 'g' takes 1 parameters, not 0",
    ),
    ("gate g(t) a { rx(1/t) a; }\nqubit q;\ng(0) q;\nmeasure q;", "line 1, column 18: type error"),
    (
        "gate g a { x a; }\nqubit[2] q;\ng q[0], q[1];\nmeasure q;",
        "line 3, column 1: gate 'g' takes 1 qubits here, not 2",
    ),
    (
        "gate g a { if (c) { x a; } }\nbit c; qubit q; g q; measure q;",
        "line 1, column 16: Undefined symbol 'c'",
    ),
    ("qubit q;\nx;\nmeasure q;", "line 2, column 1: expressions as statements are not supported"),
    ("qubit q;\nrx q;\nmeasure q;", "line 2, column 1: gate 'rx' takes 1 parameters, not 0"),
    ("qubit q;\nrx(1, 2) q;\nmeasure q;", "line 2, column 1: gate 'rx' takes 1 parameters, not 2"),
    ("qubit q;\nh(0.1) q;\nmeasure q;", "line 2, column 1: gate 'h' takes 0 parameters, not 1"),
    ("qubit q;\nrx(theta) q;\nmeasure q;", "line 2, column 4: Undefined symbol 'theta'"),
    ("qubit q;\nx p;\nmeasure q;", "line 2, column 3: required a qubit or qubit register"),
    ("qubit[2] q;\nx q[2];\nmeasure q;", "line 2, column 3: 'q' has no such index"),
    ("qubit[2] q;\nx q[-3];\nmeasure q;", "line 2, column 3: 'q' has no such index"),
    (
        "qubit[2] q;\nx q[0.5];\nmeasure q;",
        "line 2, column 3: unsupported index type: 'const float'",
    ),
    (
        "qubit[2] q;\nx q[0][0];\nmeasure q;",
        "line 2, column 3: only indexing (qu)bit arrays is supported, not 'qubit'",
    ),
    (
        "qubit q;\nx q[0];\nmeasure q;",
        "line 2, column 3: only indexing (qu)bit arrays is supported, not 'qubit'",
    ),
    (
        "qubit q;\nqubit q;\nmeasure q;",
        "line 2, column 1: Symbol 'q' already inserted in symbol table in this scope: Scope.GLOBAL",
    ),
    (
        "qubit q;\nbit q;\nmeasure q;",
        "line 2, column 1: Symbol 'q' already inserted in symbol table in this scope: Scope.GLOBAL",
    ),
    ("bit q;\nx q;\nmeasure q;", "line 2, column 3: required a qubit or qubit register"),
    (
        "qubit[2] a; qubit[3] b;\ncx a, b;\nmeasure a;",
        "line 2, column 1: mismatched lengths in gate broadcast",
    ),
    ("qubit[2] q;\ncx q, q;\nmeasure q;", "line 2, column 1: duplicate bit arguments"),
    ("qubit[2] q;\ncx q[0];\nmeasure q;", "line 2, column 1: gate 'cx' takes 2 qubits here, not 1"),
    ("qubit[2] q;\nbit c;\nc = measure q;", "line 3, column 1: register size error"),
    ("qubit q;\nbit c;\nmeasure q -> d;", "line 3, column 14: Undefined symbol 'd'"),
    (
        "qubit q;\nbit c;\nc[0] = measure q;",
        "line 3, column 1: only indexing (qu)bit arrays is supported, not 'bit'",
    ),
    ("qubit q;\nbit[2] c;\nc[2] = measure q;", "line 3, column 1: 'c' has no such index"),
    ("qubit q; bit c;\nq = measure c;", "line 2, column 1: required a bit or bit register"),
    ("qubit[n] q;\nmeasure q;", "line 1, column 6: Undefined symbol 'n'"),
    ("const int n = 2.5;\nqubit[n] q; measure q;", "line 1, column 15: required an integer"),
    ("const int n = m;\nqubit[n] q; measure q;", "line 1, column 15: Undefined symbol 'm'"),
    (
        "const int n = 2;\nconst int n = 3; qubit q; measure q;",
        "line 2, column 1: Symbol 'n' already inserted in symbol table in this scope: Scope.GLOBAL",
    ),
    (
        "const bool b = true;\nqubit q; measure q;",
        "line 1, column 1: only constants of type int, uint, float and angle are supported",
    ),
    ("qubit[0] q;\nmeasure q;", "line 1, column 6: a register needs a size of 1 or more, not 0"),
    ("qubit[2.5] q;\nmeasure q;", "line 1, column 6: required a constant integer"),
    (
        "bit[0] c;\nqubit q; measure q;",
        "line 1, column 4: a register needs a size of 1 or more, not 0",
    ),
    ("qubit q;\nrx(1 / 0) q;\nmeasure q;", "line 2, column 1: division by zero"),
    ("qubit q;\nrx(1e999) q;\nmeasure q;", "line 2, column 4: the number is not finite"),
    ("qubit q;\nrx(true) q;\nmeasure q;", "line 2, column 4: required an angle-like value"),
    ('qubit q;\nrx("01" + q) q;\nmeasure q;', "line 2, column 4: type error"),
    (
        "qubit[2] q;\nctrl @ x q[0];\nmeasure q;",
        "line 2, column 1: gate 'x' takes 2 qubits here, not 1",
    ),
    (
        "qubit[2] q;\nctrl(0) @ x q[0], q[1];\nmeasure q;",
        "line 2, column 1: a control needs 1 qubit or more",
    ),
    (
        "qubit[2] q;\nctrl(1.5) @ x q[0], q[1];\nmeasure q;",
        "line 2, column 6: required a constant integer",
    ),
    ("qubit q;\npow @ x q;\nmeasure q;", "syntax error: line 2, column 5: unexpected '@'"),
    (
        "qubit q;\npow(1e10) @ x q;\nmeasure q;",
        "line 2, column 1: the exponent must lie within 1e+09 of zero",
    ),
    (
        "qubit q;\nbreak;\nmeasure q;",
        "syntax error: line 2, column 1: 'break' statement outside loop",
    ),
    (
        "qubit q; bit c;\nif (c) { continue; }\nmeasure q;",
        "syntax error: line 2, column 10: 'continue' statement outside loop",
    ),
    (
        "qubit q;\nfor float x_ in [0:2] { x q; }\nmeasure q;",
        "line 2, column 1: only integer loop variables are supported",
    ),
    (
        "qubit q;\nfor int i in [0:] { x q; }\nmeasure q;",
        "line 2, column 15: the range of a loop must have a start and an end",
    ),
    (
        "qubit q;\nfor int i in [0:0:4] { x q; }\nmeasure q;",
        "line 2, column 15: the step of a range must not be zero",
    ),
    (
        "qubit[2] q;\nfor int i in [1:2] {\n  x q[i];\n}\nmeasure q;",
        "line 3, column 5: 'q' has no such index",
    ),
    ("qubit q; bit c;\nif (c == 2) { x q; }\nmeasure q;", "line 2, column 5: a bit is 0 or 1"),
    (
        "qubit q; bit[2] c;\nif (c) { x q; }\nmeasure q;",
        "line 2, column 5: conditions must be 'bit == const bool' or 'bitarray == const int', not 'bit[2]'",
    ),
    (
        "qubit q; bit[2] c;\nif (c != 1) { x q; }\nmeasure q;",
        "line 2, column 5: only '==' is supported in register comparisons",
    ),
    (
        "qubit q; bit[2] c;\nif (c[0] && c[1]) { x q; }\nmeasure q;",
        "line 2, column 5: unhandled binary operator '&&'",
    ),
    (
        "qubit q;\nif (q) { x q; }\nmeasure q;",
        "line 2, column 5: conditions must be 'bit == const bool' or 'bitarray == const int', not 'qubit'",
    ),
    (
        "qubit q;\nif (true) { x q; }\nmeasure q;",
        "line 2, column 5: conditions must be 'bit == const bool' or 'bitarray == const int', not 'const bool'",
    ),
    (
        "qubit q;\nlet a = q;\nmeasure a;",
        "line 2, column 9: aliases must be of registers of either clbits or qubits, not 'qubit'",
    ),
    (
        "qubit[2] q;\nlet a = q ++ q;\nmeasure a;",
        "line 2, column 1: Register bits must not be duplicated",
    ),
    ("qubit[2] q; bit[2] c;\nlet a = q ++ c;\nmeasure a;", "line 2, column 9: type error"),
    (
        "qubit q;\nx $0;\nmeasure q;",
        "line 2, column 3: Physical qubit referenced in virtual addressing mode. Mixing modes not currently supported",
    ),
    (
        "x $0;\nqubit q;\nmeasure q;",
        "line 2, column 1: Virtual qubit declared in physical addressing mode. Mixing modes not currently supported",
    ),
    ("qubit q;\ndelay[q] q;\nmeasure q;", "line 2, column 6: required a constant duration"),
    (
        'qubit q;\ninclude "qelib1.inc";\nmeasure q;',
        "line 2, column 1: non-stdgates imports not currently supported",
    ),
    ("OPENQASM 2.0;\nqreg q[1];", "line 1: OpenQASM 2.0 is not supported; write OPENQASM 3;"),
    ("OPENQASM 4;\nqubit q; measure q;", "line 1: OpenQASM 4 is not supported; write OPENQASM 3;"),
    ("qubit q;\nbarrier p;\nmeasure q;", "line 2, column 9: required a qubit or qubit register"),
    ("qubit q;\nreset 3;\nmeasure q;", "syntax error: line 2, column 7: unexpected '3'"),
    ("qubit q;\n/* never closed", "line 2, column 1: syntax error: a comment that is never closed"),
    (
        "qubit q;\nx q; # a comment\nmeasure q;",
        "syntax error: line 2, column 6: token recognition error at: '# '",
    ),
    (
        "qubit q;\nx 'q';\nmeasure q;",
        "syntax error: line 2, column 3: token recognition error at: '''",
    ),
    ("qubit q;\nX q;\nmeasure q;", "line 2, column 1: gate 'X' is not defined"),
    ("qubit q;\ncnot q, q;\nmeasure q;", "line 2, column 1: gate 'cnot' is not defined"),
    ("from qiskit import QuantumCircuit\n", "syntax error: line 1, column 13: unexpected 'import'"),
    ('{"circuit": 1}', "syntax error: line 1, column 2: token recognition error at: '\"c'"),
    ("   \n\t ", "the circuit holds no statement"),
    ("qubit 2q;\nmeasure 2q;", "syntax error: line 1, column 7: unexpected '2'"),
    ("qubit q;\ncx q, q;\nmeasure q;", "line 2, column 1: duplicate bit arguments"),
    (
        "input float t;\nqubit q; rx(t) q; measure q;",
        "line 1, column 1: the circuit has inputs without a value: t",
    ),
    (
        "qubit[25] q;\nmeasure q;",
        "line 1, column 1: the circuit needs 25 qubits or more; the limit is 24",
    ),
    ("bit[1025] c;\nqubit q; measure q;", "line 1, column 1: the limit is 1024 classical bits"),
    ("qubit q;\nh q;", "the circuit measures nothing, so it has no counts; add a measurement"),
]
WITHOUT_A_PLACE = {
    "the circuit holds no statement",
    "the circuit measures nothing, so it has no counts; add a measurement",
}


def message_for(text: str) -> str:
    with pytest.raises(CircuitError) as caught:
        read_program(text, max_qubits=24)
    return str(caught.value)


def test_there_are_enough_and_no_program_is_there_twice() -> None:
    assert len({text for text, _ in WRONG}) == len(WRONG) >= 40


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_a_wrong_program_is_answered_with_what_and_where(text: str, message: str) -> None:
    assert message_for(text) == message


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_the_place_is_in_the_text(text: str, message: str) -> None:
    place = re.match(r"(?:syntax error: )?line (\d+)(?:, column (\d+))?: ", message)
    if place is None:
        assert message in WITHOUT_A_PLACE
        return
    lines = text.split("\n")
    assert 1 <= int(place[1]) <= len(lines)
    # One further than the last character is where the text ends.
    assert 1 <= int(place[2] or 1) <= len(lines[int(place[1]) - 1]) + 1


@pytest.mark.parametrize("text", [text for text, _ in WRONG if not text.startswith("OPENQASM")])
def test_the_place_moves_with_the_text(text: str) -> None:
    before, after = message_for(text), message_for("// one line more\n" + text)
    lines = [int(number) for number in re.findall(r"line (\d+)", before)]
    assert [int(number) for number in re.findall(r"line (\d+)", after)] == [n + 1 for n in lines]


def test_a_message_is_short_however_long_the_name() -> None:
    message = message_for(f"qubit q; {'a' * 100_000} q;")
    assert len(message) < 600
    assert message.startswith("line 1, column 10: gate 'aaa")


def test_a_mark_of_byte_order_is_borne_and_moves_nothing() -> None:
    assert message_for("\ufefffoo q;") == message_for("foo q;")
