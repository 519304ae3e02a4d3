"""The source tree as tests read it."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Collection, Iterator
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
    return {cause for file in files for cause in _mentions(tree(file))}


def causes_expected(*folders: Path) -> set[str]:
    """The causes that tests expect: named in test modules, and not only as what is *not* there."""
    return {
        cause
        for folder in folders
        for file in python_files(folder)
        if file.name.startswith("test_")
        for cause in set(_mentions(tree(file))) - _denied(tree(file))
    }


def _denied(module: ast.Module) -> set[str]:
    """Those that every mention in the module says not to be there."""
    unlike = (ast.IsNot, ast.NotEq, ast.NotIn)
    denials = [
        name
        for node in ast.walk(module)
        if isinstance(node, ast.Compare) and all(isinstance(op, unlike) for op in node.ops)
        for name in _mentions(node)
    ]
    all_of_them = Counter(_mentions(module))
    return {name for name, count in Counter(denials).items() if count == all_of_them[name]}


def _mentions(module: ast.AST) -> list[str]:
    return [
        node.attr.lower()
        for node in ast.walk(module)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "Cause"
        and node.attr.isupper()
    ]


def imports(file: Path) -> Iterator[str]:
    """The modules that a file imports, wherever in it."""
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def imported_first(folder: Path) -> dict[str, set[str]]:
    """Each module below the folder, with those below it that it imports when it is imported."""
    files = {
        ".".join(file.relative_to(folder).with_suffix("").parts).removesuffix(".__init__"): file
        for file in python_files(folder)
    }
    return {
        name: set(_at_import(ast.parse(file.read_text()).body, files)) - {name}
        for name, file in files.items()
    }


def _at_import(body: list[ast.stmt], known: Collection[str]) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield from (one for one in (full, node.module) if one in known)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for inner in ("body", "orelse", "handlers", "finalbody"):
                yield from _at_import(getattr(node, inner, []), known)
