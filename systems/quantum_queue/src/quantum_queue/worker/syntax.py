"""What can be told from the syntax tree of a program, before anything is converted."""

from __future__ import annotations

from collections.abc import Sequence

from openqasm3 import ast


def includes(tree: ast.Program, filename: str) -> bool:
    """Tell whether the program includes the file itself."""
    return any(
        isinstance(node, ast.Include) and node.filename == filename for node in tree.statements
    )


def declared_names(tree: ast.Program) -> set[str]:
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


def leaves_early(block: Sequence[ast.QASMNode]) -> bool:
    """Tell whether `break` or `continue` in this block ends the loop that it is the block of."""
    for node in block:
        if isinstance(node, ast.BreakStatement | ast.ContinueStatement):
            return True
        if isinstance(node, ast.BranchingStatement) and (
            leaves_early(node.if_block) or leaves_early(node.else_block)
        ):
            return True
    return False
