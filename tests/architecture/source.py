"""The source tree as tests read it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SEATRIAL = ROOT / "src" / "seatrial"
TESTS = ROOT / "tests"
KINDS = SEATRIAL / "kinds"
KIND_FOLDERS = sorted(init.parent for init in KINDS.glob("*/__init__.py"))


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(), str(file))


def python_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def causes(*places: Path) -> set[str]:
    """The causes that are named (`Cause.X`) in files, or in folders and all below them."""
    files = [f for place in places for f in (python_files(place) if place.is_dir() else [place])]
    return {
        node.attr.lower()
        for file in files
        for node in ast.walk(tree(file))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "Cause"
        and node.attr.isupper()
    }


def imports(file: Path) -> Iterator[str]:
    """The modules that a file imports, wherever in it."""
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
