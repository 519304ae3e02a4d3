"""From OpenQASM 3 text to a circuit that the simulator takes.

The importer of Qiskit is strict; people are not. Its visitor is refined here, on the syntax tree:
the text itself is never edited, so each position in a message is a position in what was sent.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass
from typing import Any

import openqasm3
from openqasm3 import ast
from openqasm3.parser import QASM3ParsingError
from qiskit.circuit import Clbit, QuantumCircuit, Qubit
from qiskit_qasm3_import import ConversionError
from qiskit_qasm3_import.converter import ConvertVisitor, GateBuilder

STANDARD_LIBRARY = "stdgates.inc"
MAX_CLASSICAL_BITS = 4096

_LEXER_POSITION = re.compile(r"L(?P<line>\d+):C(?P<column>\d+): (?P<text>.*)", re.DOTALL)
_IMPORTER_POSITION = re.compile(r"(?P<line>\d+),(?P<column>\d+): (?P<text>.*)", re.DOTALL)
_HARDWARE_QUBIT = re.compile(r"\$(?P<index>\d+)")
_LONGEST_TOKEN = 40


class CircuitError(Exception):
    """A circuit that can never run; the text is for its author."""


@dataclass(frozen=True)
class Program:
    """A circuit, and which of its classical bits make up an outcome, least significant first."""

    circuit: QuantumCircuit
    outcome_bits: tuple[int, ...]


def read_program(text: str, max_qubits: int) -> Program:
    """Return the program in `text`, or raise CircuitError with what is wrong and where."""
    tree = _parse(text)
    visitor = TolerantVisitor(tree, max_qubits)
    try:
        circuit = visitor.convert(tree).circuit
    except ConversionError as error:
        raise CircuitError(_placed(_IMPORTER_POSITION, error.message)) from None
    if circuit.parameters:
        names = ", ".join(sorted(parameter.name for parameter in circuit.parameters))
        raise CircuitError(f"the circuit has inputs without a value: {names}")
    if not visitor.measured:
        raise CircuitError("the circuit measures nothing, so it has no counts; add a measurement")
    return Program(circuit, visitor.outcome_bits(circuit))


def _parse(text: str) -> ast.Program:
    if not _has_statement(text):
        raise CircuitError("the circuit holds no statement")
    try:
        # The parser also prints what it raises.
        with redirect_stderr(io.StringIO()):
            tree = openqasm3.parse(text)
    except QASM3ParsingError as error:
        raise CircuitError(f"syntax error: {_where_parsing_stopped(error, text)}") from None
    if tree.version is not None and tree.version.split(".")[0] != "3":
        message = f"OpenQASM {tree.version} is not supported; write OPENQASM 3;"
        raise CircuitError(f"line {tree.span.start_line if tree.span else 1}: {message}")
    return tree


def _has_statement(text: str) -> bool:
    """Tell whether anything is left without comments and the version (the parser needs it)."""
    bare = re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.DOTALL)
    return bool(re.sub(r"^\s*OPENQASM\s+[0-9.]+\s*;", "", bare).strip())


def _where_parsing_stopped(error: QASM3ParsingError, text: str) -> str:
    if str(error):
        return _placed(_LEXER_POSITION, str(error))
    # The parser stops without a message; the token it stopped at is deep inside the cause.
    cause: BaseException | None = error.__cause__
    while cause is not None:
        nested = next((part for part in cause.args if isinstance(part, BaseException)), None)
        token = getattr(cause, "offendingToken", None)
        if token is not None:
            found = "end of the text" if token.type == -1 else f"'{token.text[:_LONGEST_TOKEN]}'"
            return f"line {token.line}, column {token.column + 1}: unexpected {found}"
        cause = nested
    return "the text is not OpenQASM 3"


def _placed(pattern: re.Pattern[str], message: str) -> str:
    """Put the position of `message` into words; columns count from 1, as editors do."""
    match = pattern.fullmatch(message)
    if match is None:
        return message
    text = match["text"].rstrip(".")
    return f"line {match['line']}, column {int(match['column']) + 1}: {text}"


class TolerantVisitor(ConvertVisitor):
    """Converts a syntax tree, and bears what people write.

    - The standard library is implied, but for the names that the program declares itself.
    - A measurement without a target gets a classical bit for each qubit that it measures.
    - Any trouble has the position of the statement that caused it.
    """

    def __init__(self, tree: ast.Program, max_qubits: int) -> None:
        super().__init__()
        self._max_qubits = max_qubits
        self._declared = _declared_names(tree)
        self._implies_library = not any(
            isinstance(node, ast.Include) and node.filename == STANDARD_LIBRARY
            for node in tree.statements
        )
        self._skips_declared = False
        self._implied: dict[Qubit, Clbit] = {}
        self._targets: set[Clbit] = set()

    @property
    def measured(self) -> bool:
        """Tell whether the program measures anything."""
        return bool(self._implied or self._targets)

    def outcome_bits(self, circuit: QuantumCircuit) -> tuple[int, ...]:
        """Return the classical bits of an outcome, least significant first.

        Normally all that are declared. Where measurements have no target, they come in the order
        of their qubits, and declared bits that nothing is measured into would only add zeros.
        """
        implied = set(self._implied.values())
        declared = [bit for bit in circuit.clbits if bit not in implied]
        if implied:
            used = {
                bit
                for register in circuit.cregs
                if any(bit in self._targets for bit in register)
                for bit in register
            } | self._targets
            declared = [bit for bit in declared if bit in used]
        ordered = [self._implied[qubit] for qubit in circuit.qubits if qubit in self._implied]
        return tuple(circuit.find_bit(bit).index for bit in declared + ordered)

    def visit(self, node: ast.QASMNode, context: Any = None) -> Any:
        """Visit a node, and give a position to whatever goes wrong in it."""
        try:
            return super().visit(node, context)
        except (ConversionError, MemoryError, RecursionError):
            raise
        except Exception as error:
            reason = getattr(error, "message", None) or str(error) or type(error).__name__
            raise ConversionError(str(reason), node) from error

    def visit_Program(self, node: ast.Program, context: Any) -> Any:
        """Define the standard gates first if the program does not ask for them."""
        if self._implies_library:
            self._skips_declared = True
            context = self.visit_Include(ast.Include(filename=STANDARD_LIBRARY), context)
            self._skips_declared = False
        return super().visit_Program(node, context)

    def _define_gate(
        self,
        name: str,
        definition: Any,
        n_parameters: int,
        n_qubits: int,
        definer: Any,
        context: Any,
    ) -> Any:
        if self._skips_declared and name in self._declared:
            return context
        if isinstance(definition, GateBuilder):
            # The simulator knows gates by name: the author's `r` or `ecr` is not Aer's.
            definition._name = f"gate_{name}"
        return super()._define_gate(name, definition, n_parameters, n_qubits, definer, context)

    def visit_QubitDeclaration(self, node: ast.QubitDeclaration, context: Any) -> Any:
        """Declare qubits, unless there would be too many."""
        size = 1 if node.size is None else self._resolve_constant_int(node.size, context)
        self._require_room(context.circuit.num_qubits + size, node)
        return super().visit_QubitDeclaration(node, context)

    def visit_ClassicalDeclaration(self, node: ast.ClassicalDeclaration, context: Any) -> Any:
        """Declare classical bits, unless there would be too many."""
        if isinstance(node.type, ast.BitType) and node.type.size is not None:
            size = self._resolve_constant_int(node.type.size, context)
            if context.circuit.num_clbits + size > MAX_CLASSICAL_BITS:
                message = f"the limit is {MAX_CLASSICAL_BITS} classical bits"
                raise ConversionError(message, node)
        result = super().visit_ClassicalDeclaration(node, context)
        if node.init_expression is not None:
            self._targets.update(_bits(context.symbol_table.get(node.identifier.name, node).data))
        return result

    def visit_QuantumMeasurementStatement(
        self, node: ast.QuantumMeasurementStatement, context: Any
    ) -> Any:
        """Measure into the target, or into bits that are made for the purpose."""
        if node.target is not None:
            target: Any = node.target
            self._targets.update(_bits(self._resolve_carg(target, context)))
            return super().visit_QuantumMeasurementStatement(node, context)
        for qubit in _bits(self._resolve_qarg(node.measure.qubit, context)):
            if qubit not in self._implied:
                self._implied[qubit] = Clbit()
                context.circuit.add_bits([self._implied[qubit]])
            context.circuit.measure(qubit, self._implied[qubit])
        return context

    def _resolve_qarg(self, node: Any, context: Any) -> Any:
        if isinstance(node, ast.Identifier) and (match := _HARDWARE_QUBIT.fullmatch(node.name)):
            self._require_room(int(match["index"]) + 1, node)
        return super()._resolve_qarg(node, context)

    def _require_room(self, qubits: int, node: ast.QASMNode) -> None:
        if qubits > self._max_qubits:
            message = f"the circuit needs {qubits} qubits or more; the limit is {self._max_qubits}"
            raise ConversionError(message, node)


def _declared_names(tree: ast.Program) -> set[str]:
    """Return the names that the program declares at its top level."""
    names = set()
    for node in tree.statements:
        for part in ("name", "qubit", "identifier", "target"):
            identifier = getattr(node, part, None)
            if isinstance(identifier, ast.Identifier) and _declares(node):
                names.add(identifier.name)
    return names


def _declares(node: ast.QASMNode) -> bool:
    kinds = (
        ast.QuantumGateDefinition,
        ast.QubitDeclaration,
        ast.ClassicalDeclaration,
        ast.ConstantDeclaration,
        ast.IODeclaration,
        ast.AliasStatement,
    )
    return isinstance(node, kinds)


def _bits(value: Any) -> Sequence[Any]:
    """Return the bits in what an expression stands for: a bit, a register or a list."""
    if isinstance(value, Qubit | Clbit):
        return (value,)
    return tuple(value)
