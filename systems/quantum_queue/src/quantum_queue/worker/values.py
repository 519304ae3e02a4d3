"""What expressions stand for: numbers, bits, sets of values."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from openqasm3 import ast
from qiskit.circuit import Clbit, Qubit
from qiskit_qasm3_import import ConversionError
from qiskit_qasm3_import.expression import ValueResolver

from quantum_queue.worker import features


class Values(ValueResolver):
    """Finds out what an expression stands for; says in words why it cannot."""

    def generic_visit(self, node: ast.QASMNode, context: None = None) -> NoReturn:
        """Refuse what nobody knows how to resolve."""
        raise ConversionError(features.reason(node), node)

    def visit_IndexedIdentifier(self, node: ast.IndexedIdentifier) -> Any:
        """Index a register, by a number that is known and within it."""
        try:
            return super().visit_IndexedIdentifier(node)
        except TypeError:
            raise ConversionError("an index must be known before the circuit runs", node) from None
        except IndexError:
            raise ConversionError(f"'{node.name.name}' has no such index", node) from None


def length(values: Sequence[int]) -> int:
    """Return how many values there are, or the largest number that a machine counts to."""
    try:
        return len(values)
    except OverflowError:  # a range of more values than a machine word can count
        return sys.maxsize


def finite(value: float, node: ast.QASMNode) -> float:
    """Return the number, which may be a whole one, as the simulator takes it."""
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ConversionError("the number is not finite", node)
    return number


def bits_in(value: Any) -> Sequence[Any]:
    """Return the bits in what an expression stands for: a bit, a register or a list."""
    if isinstance(value, Qubit | Clbit):
        return (value,)
    return tuple(value)
