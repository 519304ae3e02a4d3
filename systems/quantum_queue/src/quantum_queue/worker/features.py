"""What OpenQASM 3 has and this queue does not, and what it says to those who use it.

The table in docs/circuits.md shows each of them; a test holds the two together.
"""

from __future__ import annotations

from openqasm3 import ast

UNSUPPORTED: dict[type[ast.QASMNode], str] = {
    ast.SubroutineDefinition: "subroutines (def) are not supported; define a gate",
    ast.ReturnStatement: "return is not supported: there are no subroutines",
    ast.ExternDeclaration: "extern functions are not supported",
    ast.ExpressionStatement: "expressions as statements are not supported",
    ast.ClassicalAssignment: "assignments are not supported; bits get their values by measuring",
    ast.SwitchStatement: "switch is not supported; use if",
    ast.EndStatement: "end is not supported",
    ast.CalibrationDefinition: "calibrations (defcal) are not supported",
    ast.CalibrationStatement: "calibrations (cal) are not supported",
    ast.CalibrationGrammarDeclaration: "calibrations (defcalgrammar) are not supported",
    ast.Pragma: "pragmas are not supported",
    ast.Box: "box is not supported by the simulator",
    ast.FunctionCall: "functions (sin, sqrt, ...) are not supported; write the number",
    ast.SizeOf: "sizeof is not supported; write the number",
    ast.DurationOf: "durationof is not supported",
    ast.Cast: "casts are not supported",
    ast.ArrayLiteral: "arrays are not supported",
    ast.ImaginaryLiteral: "complex numbers are not supported",
    ast.CompoundStatement: "blocks of their own are not supported",
}


def reason(node: ast.QASMNode) -> str:
    """Return why a program with this node cannot run."""
    return UNSUPPORTED.get(type(node), f"{type(node).__name__} is not supported")
