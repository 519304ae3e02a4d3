"""The importer of Qiskit, refined: it bears what people write, and keeps count of what it costs.

The importer is strict; people are not. And it builds whatever it is asked for; here, what a
statement will come to is counted before anything is built.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NoReturn

from openqasm3 import ast
from qiskit.circuit import Clbit, QuantumCircuit, Qubit
from qiskit_qasm3_import import ConversionError, types
from qiskit_qasm3_import.converter import ConvertVisitor, GateBuilder
from qiskit_qasm3_import.data import Scope, Symbol
from qiskit_qasm3_import.state import LocalScope

from quantum_queue.worker import bounds, features
from quantum_queue.worker.reasons import shortened
from quantum_queue.worker.syntax import declared_names, includes, leaves_early
from quantum_queue.worker.values import Values, bits_in, finite, length

STANDARD_LIBRARY = "stdgates.inc"

_HARDWARE_QUBIT = re.compile(r"\$(?P<index>\d+)")
_CONTROLS = (ast.GateModifierName.ctrl, ast.GateModifierName.negctrl)
_COMPARISONS = (ast.BinaryOperator["=="], ast.BinaryOperator["!="])


class TolerantVisitor(ConvertVisitor):
    """Converts a syntax tree, and bears what people write.

    - The standard library is implied, but for the names that the program declares itself.
    - A measurement without a target gets a classical bit for each qubit that it measures.
    - Loops over known values are counted out here, so their variable can be an index.
    - Constants can be declared, and a bit be compared with 0 and 1.
    - Any trouble has the position of the statement that caused it.
    """

    def __init__(self, tree: ast.Program, max_qubits: int) -> None:
        super().__init__()
        self._max_qubits = max_qubits
        self._budget = bounds.Budget()
        self._gate_steps: dict[str, int] = {}
        self._gate_depths: dict[str, int] = {}
        self._depth = 0
        self._declared = declared_names(tree)
        self._implies_library = not includes(tree, STANDARD_LIBRARY)
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
        except ZeroDivisionError:
            raise ConversionError("division by zero", node) from None
        except Exception as error:
            reason = getattr(error, "message", None) or str(error) or type(error).__name__
            raise ConversionError(shortened(str(reason)), node) from error

    def generic_visit(self, node: ast.QASMNode, context: Any = None) -> NoReturn:
        """Refuse what nobody knows how to convert."""
        raise ConversionError(features.reason(node), node)

    def visit_Program(self, node: ast.Program, context: Any) -> Any:
        """Define the standard gates first if the program does not ask for them."""
        if self._implies_library:
            self._skips_declared = True
            context = self.visit_Include(ast.Include(filename=STANDARD_LIBRARY), context)
            self._skips_declared = False
        for statement in node.statements:
            try:
                context = self.visit(statement, context)
            except RecursionError:
                raise ConversionError("nested too deeply", statement) from None
        return context

    def visit_Box(self, node: ast.Box, context: Any) -> NoReturn:
        """Refuse what only the importer could do."""
        self.generic_visit(node)

    # Declarations

    def visit_ConstantDeclaration(self, node: ast.ConstantDeclaration, context: Any) -> Any:
        """Declare a number that never changes."""
        value, found = self._resolve_generic(node.init_expression, context, strict=True)
        if not getattr(found, "const", False) or not isinstance(value, int | float):
            raise ConversionError("a constant needs a number that is known", node.init_expression)
        kind: types.Type = types.Int(const=True)
        if isinstance(node.type, ast.IntType | ast.UintType):
            if not isinstance(found, types.Int | types.Uint):
                raise ConversionError("required an integer", node.init_expression)
        elif isinstance(node.type, ast.FloatType | ast.AngleType):
            value, kind = finite(value, node.init_expression), types.Float(const=True)
        else:
            message = "only constants of type int, uint, float and angle are supported"
            raise ConversionError(message, node)
        name = node.identifier.name
        context.symbol_table.insert(Symbol(name, value, kind, context.scope, node))
        return context

    def visit_QubitDeclaration(self, node: ast.QubitDeclaration, context: Any) -> Any:
        """Declare qubits, unless there would be too many."""
        size = 1 if node.size is None else self._size(node.size, context)
        self._require_room(context.circuit.num_qubits + size, node)
        return super().visit_QubitDeclaration(node, context)

    def visit_ClassicalDeclaration(self, node: ast.ClassicalDeclaration, context: Any) -> Any:
        """Declare classical bits, unless there would be too many."""
        if isinstance(node.type, ast.BitType):
            size = 1 if node.type.size is None else self._size(node.type.size, context)
            self._require_classical_room(context.circuit.num_clbits + size, node)
        result = super().visit_ClassicalDeclaration(node, context)
        if node.init_expression is not None:
            self._targets.update(bits_in(context.symbol_table.get(node.identifier.name, node).data))
        return result

    def visit_IODeclaration(self, node: ast.IODeclaration, context: Any) -> Any:
        """Refuse inputs: nobody is there to give them a value."""
        if node.io_identifier is ast.IOKeyword.input:
            message = f"the circuit has inputs without a value: {node.identifier.name}"
            raise ConversionError(message, node)
        return super().visit_IODeclaration(node, context)

    def visit_AliasStatement(self, node: ast.AliasStatement, context: Any) -> Any:
        """Give bits another name; it holds a place for each of them."""
        result = super().visit_AliasStatement(node, context)
        size = len(context.symbol_table.get(node.target.name, node).data)
        self._budget.spend(size, node, bounds.COST_OF_REGISTER)
        return result

    def visit_QuantumGateDefinition(self, node: ast.QuantumGateDefinition, context: Any) -> Any:
        """Define a gate, and remember what each use of it comes to."""
        self._require_room(len(node.qubits), node)
        before, self._depth = self._budget.steps, 0
        result = super().visit_QuantumGateDefinition(node, context)
        self._gate_steps[node.name.name] = max(1, self._budget.steps - before)
        self._gate_depths[node.name.name] = self._depth + 1
        if self._depth >= bounds.MAX_GATE_DEPTH:
            message = f"gates that use each other; the limit is {bounds.MAX_GATE_DEPTH}"
            raise ConversionError(f"too large: {message}", node)
        return result

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

    # Operations

    def visit_QuantumGate(self, node: ast.QuantumGate, context: Any) -> Any:
        """Apply a gate, unless it would come to too much."""
        name = node.name.name
        controls = self._require_controls(node, context)
        self._require_operands(node, controls, context)
        if name in self._gate_steps:
            self._depth = max(self._depth, self._gate_depths[name])
            width = max((self._width(qubit, context) for qubit in node.qubits), default=1)
            cost = bounds.COST_OF_BINDING if node.arguments else bounds.COST_OF_COPY
            self._budget.spend(self._gate_steps[name] * width, node, cost)
        return super().visit_QuantumGate(node, context)

    def visit_QuantumPhase(self, node: ast.QuantumPhase, context: Any) -> Any:
        """Apply a phase, unless its modifiers ask for too much."""
        self._require_controls(node, context)
        return super().visit_QuantumPhase(node, context)

    def visit_QuantumMeasurementStatement(
        self, node: ast.QuantumMeasurementStatement, context: Any
    ) -> Any:
        """Measure into the target, or into bits that are made for the purpose."""
        if node.target is not None:
            target: Any = node.target
            self._targets.update(bits_in(self._resolve_carg(target, context)))
            return super().visit_QuantumMeasurementStatement(node, context)
        for qubit in bits_in(self._resolve_qarg(node.measure.qubit, context)):
            if qubit not in self._implied:
                self._implied[qubit] = Clbit()
                context.circuit.add_bits([self._implied[qubit]])
            context.circuit.measure(qubit, self._implied[qubit])
        return context

    def _apply_gate_modifier(
        self, modifier: ast.QuantumGateModifier, gate: Any, context: Any
    ) -> Any:
        if modifier.modifier is ast.GateModifierName.pow and modifier.argument is not None:
            exponent = self._resolve_constant_float(modifier.argument, context)
            if not abs(exponent) <= bounds.MAX_EXPONENT:
                message = f"the exponent must lie within {bounds.MAX_EXPONENT:g} of zero"
                raise ConversionError(message, modifier)
            if gate.num_qubits > bounds.MAX_POWER_QUBITS:
                message = f"pow of a gate on {gate.num_qubits} qubits; the limit is"
                raise ConversionError(f"{message} {bounds.MAX_POWER_QUBITS}", modifier)
        return super()._apply_gate_modifier(modifier, gate, context)

    # Control flow

    def visit_ForInLoop(self, node: ast.ForInLoop, context: Any) -> Any:
        """Repeat the block for each value.

        A loop that is left early is a loop of the simulator: there, what a variable stands for is
        known only by and by, so it can be an angle but not an index.
        """
        values = self._loop_values(node, context)
        self._budget.spend(length(values), node)
        if leaves_early(node.block):
            before = self._budget.steps
            context = super().visit_ForInLoop(node, context)
            again = max(0, len(values) - 1)
            self._budget.spend(again * (self._budget.steps - before), node)
            return context
        for value in values:
            with LocalScope(context) as inner:
                kind = types.Int(const=True)
                name = node.identifier.name
                inner.symbol_table.insert(Symbol(name, value, kind, Scope.LOCAL, node))
                for statement in node.block:
                    self.visit(statement, inner)
        return context

    def _loop_values(self, node: ast.ForInLoop, context: Any) -> Sequence[int]:
        """Return what the variable of a loop stands for, one after the other."""
        if not isinstance(node.type, ast.IntType | ast.UintType):
            raise ConversionError("only integer loop variables are supported", node)
        source: Any = node.set_declaration
        values, kind = self._resolve_generic(source, context, strict=True)
        if isinstance(kind, types.Sequence):
            return tuple(values)
        if not isinstance(kind, types.Range):
            raise ConversionError("only ranges and sets of integers are supported", source)
        if values.start is None or values.stop is None:
            raise ConversionError("the range of a loop must have a start and an end", source)
        if values.step == 0:
            raise ConversionError("the step of a range must not be zero", source)
        return range(values.start, values.stop, 1 if values.step is None else values.step)

    def _resolve_condition(self, node: ast.Expression, context: Any) -> Any:
        """Let a bit be compared with 0 and 1, as well as with false and true."""
        if isinstance(node, ast.BinaryExpression) and node.op in _COMPARISONS:
            sides = [node.lhs, node.rhs]
            kinds = [self._resolve_generic(side, context, strict=True)[1] for side in sides]
            for side, other in ((0, 1), (1, 0)):
                literal = sides[other]
                if isinstance(kinds[side], types.Bit) and isinstance(literal, ast.IntegerLiteral):
                    if literal.value not in (0, 1):
                        raise ConversionError("a bit is 0 or 1", node)
                    sides[other] = ast.BooleanLiteral(literal.value == 1)
            span = node.span
            node = ast.BinaryExpression(node.op, sides[0], sides[1])
            node.span = span
        condition = super()._resolve_condition(node, context)
        self._budget.spend(len(bits_in(condition[0])), node, bounds.COST_OF_REGISTER)
        return condition

    # Operands

    def _resolve_generic(self, node: ast.Expression, context: Any, strict: bool) -> Any:
        return Values(context, strict).resolve(node)

    def _resolve_qarg(self, node: Any, context: Any) -> Any:
        if isinstance(node, ast.Identifier) and (match := _HARDWARE_QUBIT.fullmatch(node.name)):
            self._require_room(int(match["index"]) + 1, node)
        value = super()._resolve_qarg(node, context)
        self._budget.spend(len(bits_in(value)), node)
        return value

    def _width(self, node: Any, context: Any) -> int:
        """Return to how many qubits a gate is applied at once through this operand."""
        return len(bits_in(super()._resolve_qarg(node, context)))

    def _resolve_carg(self, node: Any, context: Any) -> Any:
        value = super()._resolve_carg(node, context)
        self._budget.spend(len(bits_in(value)), node)
        return value

    def _resolve_angle(self, node: ast.Expression, context: Any) -> Any:
        value = super()._resolve_angle(node, context)
        return finite(value, node) if isinstance(value, int | float) else value

    def _size(self, node: ast.Expression, context: Any) -> int:
        size: int = self._resolve_constant_int(node, context)
        if size < 1:
            raise ConversionError(f"a register needs a size of 1 or more, not {size}", node)
        return size

    def _require_operands(self, node: ast.QuantumGate, controls: int, context: Any) -> None:
        symbol = context.symbol_table.get(node.name.name, node)
        if symbol is None or not isinstance(symbol.type, types.Gate) or node.name.name == "U":
            return  # the importer names the first two; U has no number of its own there
        name, kind = node.name.name, symbol.type
        if len(node.arguments) != kind.n_classical:
            message = f"gate '{name}' takes {kind.n_classical} parameters, not"
            raise ConversionError(f"{message} {len(node.arguments)}", node)
        if len(node.qubits) != kind.n_quantum + controls:
            message = f"gate '{name}' takes {kind.n_quantum + controls} qubits here, not"
            raise ConversionError(f"{message} {len(node.qubits)}", node)

    def _require_controls(self, node: ast.QuantumGate | ast.QuantumPhase, context: Any) -> int:
        controls = 0
        for modifier in node.modifiers:
            if modifier.modifier in _CONTROLS:
                argument = modifier.argument
                count = 1 if argument is None else self._resolve_constant_int(argument, context)
                if count < 1:
                    raise ConversionError("a control needs 1 qubit or more", modifier)
                controls += count
        self._require_room(controls, node)
        return controls

    def _require_room(self, qubits: int, node: ast.QASMNode) -> None:
        if qubits > self._max_qubits:
            message = f"the circuit needs {qubits} qubits or more; the limit is {self._max_qubits}"
            raise ConversionError(message, node)

    def _require_classical_room(self, bits: int, node: ast.QASMNode) -> None:
        if bits > bounds.MAX_CLASSICAL_BITS:
            message = f"the limit is {bounds.MAX_CLASSICAL_BITS} classical bits"
            raise ConversionError(message, node)
