"""From OpenQASM 3 text to a circuit that the simulator takes.

The text itself is never edited, so each position in a message is a position in what was sent.
"""

from __future__ import annotations

import io
from contextlib import redirect_stderr
from dataclasses import dataclass

import openqasm3
from openqasm3 import ast
from openqasm3.parser import QASM3ParsingError
from qiskit.circuit import QuantumCircuit
from qiskit_qasm3_import import ConversionError

from quantum_queue.worker import bounds
from quantum_queue.worker.reasons import CircuitError, placed, where_parsing_stopped
from quantum_queue.worker.visitor import TolerantVisitor

_BYTE_ORDER_MARK = "\ufeff"  # some editors begin a file with it, and show nothing


@dataclass(frozen=True)
class Program:
    """A circuit, and which of its classical bits make up an outcome, least significant first."""

    circuit: QuantumCircuit
    outcome_bits: tuple[int, ...]


def read_program(text: str, max_qubits: int) -> Program:
    """Return the program in `text`, or raise CircuitError with what is wrong and where."""
    text = text.removeprefix(_BYTE_ORDER_MARK)
    bounds.check_text(text)
    tree = _parse(text)
    visitor = TolerantVisitor(tree, max_qubits)
    try:
        circuit = visitor.convert(tree).circuit
    except ConversionError as error:
        raise CircuitError(placed(error.message)) from None
    if not visitor.measured:
        raise CircuitError("the circuit measures nothing, so it has no counts; add a measurement")
    return Program(circuit, visitor.outcome_bits(circuit))


def _parse(text: str) -> ast.Program:
    try:
        # The parser also prints what it raises.
        with redirect_stderr(io.StringIO()):
            tree = openqasm3.parse(text)
    except QASM3ParsingError as error:
        raise CircuitError(f"syntax error: {where_parsing_stopped(error)}") from None
    if tree.version is not None and tree.version.split(".")[0] != "3":
        message = f"OpenQASM {tree.version} is not supported; write OPENQASM 3;"
        raise CircuitError(f"line {tree.span.start_line if tree.span else 1}: {message}")
    return tree
