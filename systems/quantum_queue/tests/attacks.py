"""Circuits that were written to hurt, and what they are told.

None of them may reach the deadline: each has a bound of its own that answers first.
"""

from __future__ import annotations

from dataclasses import dataclass

TWO_MEGABYTES = 2_000_000
STEPS = "the limit is 100000 steps"
TOKENS = "the limit is 200000 words and signs"
NESTED = "brackets within each other"


@dataclass(frozen=True)
class Attack:
    name: str
    circuit: str
    reason: str
    shots: int = 10


def filled(piece: str, head: str = "qubit q; ", tail: str = " measure q;") -> str:
    """A text of 2 MB."""
    return head + piece * ((TWO_MEGABYTES - len(head) - len(tail)) // len(piece)) + tail


def doubling(times: int) -> str:
    """Gates each of which uses the one before it twice."""
    gates = (f"gate g{n + 1} a {{ g{n} a; g{n} a; }}" for n in range(times))
    return f"gate g0 a {{ x a; }} {' '.join(gates)} qubit q; g{times} q; measure q;"


def doubling_with_angles(times: int) -> str:
    gates = (f"gate g{n + 1}(t) a {{ g{n}(t) a; g{n}(t / 2) a; }}" for n in range(times))
    return f"gate g0(t) a {{ rx(t) a; }} {' '.join(gates)} qubit q; g{times}(1) q; measure q;"


def chained(times: int) -> str:
    gates = (f"gate g{n + 1} a {{ g{n} a; }}" for n in range(times))
    return f"gate g0 a {{ x a; }} {' '.join(gates)} qubit q; g{times} q; measure q;"


def within(opening: str, times: int) -> str:
    return f"qubit q; bit c; {opening * times} x q; {'}' * times} measure q;"


def wide_gate(qubits: int) -> str:
    names = ", ".join(f"a{n}" for n in range(qubits))
    body = " ".join(f"h a{n};" for n in range(qubits))
    operands = ", ".join(f"q[{n}]" for n in range(qubits))
    return (
        f"gate wide {names} {{ {body} }} qubit[{qubits}] q; pow(0.5) @ wide {operands}; measure q;"
    )


ATTACKS = [
    # The text
    Attack("2 MB of gates", filled("x q;"), TOKENS),
    Attack("2 MB of semicolons", filled(";"), TOKENS),
    Attack("2 MB of comments that never close", filled("/* "), "never closed"),
    Attack("2 MB of parentheses", filled("(", "qubit q; rx("), NESTED),
    Attack("2 MB of braces", filled("{"), NESTED),
    Attack("2 MB of brackets", filled("[", "qubit q; x q"), NESTED),
    Attack("2 MB of digits", filled("9", "qubit q; rx(", ") q; measure q;"), "a number of 19999"),
    Attack("2 MB of hexadecimal digits", filled("f", "qubit[0x", "] q; measure q;"), "a number of"),
    Attack("a set of 100,000 values", f"for int i in {{{'1,' * 110_000}1}} {{ }}", TOKENS),
    # Nesting
    Attack("a thousand conditions in each other", within("if (c) {", 1000), NESTED),
    Attack("a thousand loops in each other", within("while (c) {", 1000), NESTED),
    Attack("a sum of 5,000", f"qubit q; rx({'1+' * 5000}1) q; measure q;", "nested too deeply"),
    Attack("5,000 signs", f"qubit q; rx({'-' * 5000}1) q; measure q;", "nested too deeply"),
    Attack("100 gates on each other", chained(100), "gates that use each other; the limit is 32"),
    # Loops and definitions
    Attack("a billion rounds", "qubit q; for int i in [1:1000000000] { x q; } measure q;", STEPS),
    Attack("rounds beyond a machine word", f"for int i in [1:1{'0' * 30}] {{ }}", STEPS),
    Attack("20 loops in each other", within("for int i in [0:1] {", 20), STEPS),
    Attack(
        "a loop that may be left, a billion times",
        "qubit q; bit c; for int i in [1:1000000000] { x q; if (c) { break; } } measure q;",
        STEPS,
    ),
    Attack("2 to the power of 60 gates", doubling(60), STEPS),
    Attack("2 to the power of 60 rotations", doubling_with_angles(60), STEPS),
    # Bits
    Attack("10,000 qubits", "qubit[10000] q; h q; measure q;", "needs 10000 qubits or more"),
    Attack("physical qubit 9,999", "x $9999; measure $0;", "needs 10000 qubits or more"),
    Attack("qubits beyond a machine word", f"qubit[1{'0' * 30}] q;", "the limit is 24"),
    Attack("a billion bits", "bit[1000000000] c;", "1024 classical bits"),
    Attack("2,000 bits one by one", "".join(f"bit c{n};" for n in range(2000)), "1024 classical"),
    Attack("a gate on 2,000 qubits", wide_gate(2000), "needs 2000 qubits or more"),
    Attack(
        "450 names for 24 qubits",
        f"qubit[24] q; {''.join(f'let a{n} = q;' for n in range(450))} measure q;",
        STEPS,
    ),
    Attack(
        "comparing a thousand bits 60 times",
        f"qubit q; bit[1001] c; {'if (c[0:999] == 0) { x q; }' * 60} measure q;",
        STEPS,
    ),
    Attack("broadcasts", f"qubit[24] q; {'h q;' * 4500} measure q;", STEPS),
    Attack("barriers", f"qubit[24] q; {'barrier q;' * 4500} measure q;", STEPS),
    # Modifiers and numbers
    Attack("a trillion controls", "qubit[2] q; ctrl(1000000000000) @ x q[0], q[1];", "or more"),
    Attack("as many on 0", "qubit[2] q; negctrl(1000000000000) @ x q[0], q[1];", "or more"),
    Attack("200 controls", f"qubit[2] q; {'ctrl @ ' * 200} x q[0], q[1];", "needs 200 qubits"),
    Attack("controls of nothing", "qubit[2] q; ctrl(99) @ gphase(1) q[0];", "needs 99 qubits"),
    Attack("an exponent of 18 digits", f"qubit q; pow(1{'0' * 18}) @ h q;", "within 1e+09"),
    Attack("an infinite exponent", "qubit q; pow(1e999) @ h q;", "within 1e+09"),
    Attack("a root of a gate on 16 qubits", wide_gate(16), "pow of a gate on 16 qubits"),
    Attack("an infinite angle", "qubit q; rx(1e999) q; measure q;", "not finite"),
    Attack("an angle that is no number", "qubit q; rx(1e999 - 1e999) q;", "not finite"),
    Attack("an angle of 99 digits", f"qubit q; U(0, 0, 1e300 * {'9' * 99}) q;", "not finite"),
    # The answer, and the shots
    Attack(
        "20 MB of outcomes",
        "qubit[20] q; bit[1000] c; h q; c[0:19] = measure q; measure q;",
        "different outcomes of 1020 bits; the limit is 8000000 bits in all",
        shots=20_000,
    ),
    Attack("a trillion shots", "qubit q; h q; measure q;", "from 1 to 100000", shots=10**12),
    Attack("no shots", "qubit q; h q; measure q;", "from 1 to 100000", shots=0),
    Attack("fewer than none", "qubit q; h q; measure q;", "from 1 to 100000", shots=-1),
]
