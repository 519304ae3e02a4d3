"""What a circuit may cost, and how it is known before the cost arises.

Whatever passes here can still be slow: that is ended at the task's deadline. These bounds are for
what could never end in time, so that its author is told at once, and why.
"""

from __future__ import annotations

import re

from openqasm3 import ast
from qiskit_qasm3_import import ConversionError

from quantum_queue.worker.reasons import CircuitError, at

MAX_TOKENS = 200_000
"""Words and signs in the text; the parser takes some 50 microseconds for each of them."""

MAX_NESTING = 32
"""Brackets of any kind within each other."""

MAX_NUMBER_CHARACTERS = 100
"""Characters of one number."""

MAX_STEPS = 100_000
"""One for each bit that an operation touches, with loops and gate definitions counted out."""

COST_OF_COPY = 5
"""Steps that it takes to copy one out of the definition of a gate without parameters."""

COST_OF_BINDING = 20
"""The same, of a gate with parameters, which get their values in each copy."""

COST_OF_REGISTER = 10
"""Steps that it takes to put a bit into a register: by `let`, or to compare a part of one."""

MAX_GATE_DEPTH = 32
"""Gate definitions that use each other."""

MAX_POWER_QUBITS = 5
"""Of a gate under `pow`: its matrix is computed, with 4 to the power of this many elements."""

MAX_EXPONENT = 1e9
"""Of `pow`, either sign: beyond, the phases of the matrix are mostly error of rounding."""

MAX_CLASSICAL_BITS = 1024

MAX_RESULT_CHARACTERS = 8_000_000
"""All bit strings of a result together: 100,000 different ones of 80 bits."""

# One alternative always fits, and none looks far ahead in vain: the scan is linear in the text.
_TOKEN = re.compile(
    r"""(?P<comment> //[^\n]* | /\*.*?(?:\*/|\Z) )
      | (?P<string> "[^"\n]*" | \bpragma\b[^\n]* )
      | (?P<number> \.?[0-9][\w.]* )
      | (?P<word> \w+ )
      | (?P<open> [(\[{] )
      | (?P<close> [)\]}] )
      | (?P<sign> \S )""",
    re.DOTALL | re.VERBOSE,
)


def check_text(text: str) -> None:
    """Raise CircuitError if the text is empty, or more than the parser should be given."""
    tokens = depth = 0
    first = ""
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        if kind == "comment":
            if match[0].startswith("/*") and not match[0].endswith("*/"):
                _refuse(text, match, "syntax error: a comment that is never closed")
            continue
        tokens += 1
        first = first or match[0]
        if kind == "open":
            depth += 1
        elif kind == "close":
            depth = max(0, depth - 1)
        if depth > MAX_NESTING:
            _refuse(
                text, match, f"too large: brackets within each other; the limit is {MAX_NESTING}"
            )
        if kind == "number" and len(match[0]) > MAX_NUMBER_CHARACTERS:
            _refuse(text, match, f"too large: a number of {len(match[0])} characters")
        if tokens > MAX_TOKENS:
            reason = f"too large: the limit is {MAX_TOKENS} words and signs; shorten the circuit"
            _refuse(text, match, reason)
    # `OPENQASM 3;` is no statement.
    if tokens <= (3 if first == "OPENQASM" else 0):
        raise CircuitError("the circuit holds no statement")


def _refuse(text: str, match: re.Match[str], reason: str) -> None:
    start = match.start()
    line = text.count("\n", 0, start) + 1
    column = start - text.rfind("\n", 0, start)
    raise CircuitError(at(line, column, reason))


class Budget:
    """What a program has come to so far."""

    def __init__(self) -> None:
        self.steps = 0
        self._cost = 0

    def spend(self, steps: int, node: ast.QASMNode, cost: int = 1) -> None:
        """Count further steps of some cost, or raise ConversionError at `node`: too many."""
        self.steps += steps
        self._cost += steps * cost
        if self._cost > MAX_STEPS:
            message = (
                f"too large: the limit is {MAX_STEPS} steps, "
                "one for each bit that an operation touches, loops and gates counted out"
            )
            raise ConversionError(message, node)
