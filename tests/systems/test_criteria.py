"""Every criterion of the queue's specification is named by a trial or a test, and no other is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from .conftest import QUEUE

HERE = Path(__file__).parent
LOOKED_AT = (QUEUE / "trials", QUEUE / "tests", HERE)


def declared() -> list[str]:
    return re.findall(r"^- \[[ x]\] (AC-\d+): ", (QUEUE / "spec.md").read_text(), re.MULTILINE)


def named(file: Path) -> Iterator[str]:
    """The ids in the marks of the functions that pytest takes for tests."""
    for function in ast.walk(ast.parse(file.read_text())):
        if isinstance(function, ast.FunctionDef) and function.name.startswith("test_"):
            for mark in function.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.criterion":
                    yield from (ast.literal_eval(word) for word in mark.args)


def test_every_criterion_is_named_and_every_name_is_one() -> None:
    files = [file for folder in LOOKED_AT for file in sorted(folder.glob("test_*.py"))]
    assert len(declared()) == len(set(declared())) >= 60, "an id is there twice, or none is read"
    assert {one for file in files for one in named(file)} == set(declared())
