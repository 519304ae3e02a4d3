"""Examples are what they say they are: declarations that load, commands and options that exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest

from seatrial.cli import COMMANDS
from seatrial.declaration.load import load
from seatrial.kinds.registry import KINDS
from tests.docs.documents import OURS, ROOT, SYSTEM_README, Block, anchors, blocks, links

_YAML = [block for file in OURS for block in blocks(file, "yaml")]
_PYTHON = [block for file in OURS for block in blocks(file, "python")]


_OF_OURS = re.compile(r"\$ ([\w./-]*/)?(seatrial|make) ")


def _commands() -> Iterator[tuple[str, list[str]]]:
    """(where, words) of every command in the console examples; of a system, those that are ours."""
    for file in (*OURS, SYSTEM_README):
        for block in blocks(file, "console"):
            for line in block.text.splitlines():
                wanted = _OF_OURS.match(line) if file is SYSTEM_README else line.startswith("$ ")
                if wanted:
                    yield f"{block}: {line}", shlex.split(line[2:], comments=True)


_COMMANDS = list(_commands())


def test_there_are_examples() -> None:
    assert len(_YAML) >= 8
    assert len(_PYTHON) >= 8
    assert len(_COMMANDS) >= 20


@pytest.mark.parametrize("block", _YAML, ids=str)
def test_a_declaration_loads_in_each_of_its_environments(block: Block, tmp_path: Path) -> None:
    (tmp_path / "seatrial.yaml").write_text(block.text)
    (tmp_path / "compose.yaml").write_text("services: {}\n")  # examples may name it
    system = load(tmp_path, KINDS, environment=None, variables={})
    for name in system.environments:
        load(tmp_path, KINDS, environment=name, variables={})


@pytest.mark.parametrize("block", _PYTHON, ids=str)
def test_python_compiles_and_says_which_file_it_is(block: Block) -> None:
    compile(block.text, str(block), "exec")
    assert re.match(r"# (trials|src|drills)/\S+\.py\b", block.text), "its first line names its file"


@pytest.mark.parametrize(("where", "words"), _COMMANDS, ids=[where for where, _ in _COMMANDS])
def test_a_command_exists_with_its_options(where: str, words: list[str]) -> None:
    program, arguments = Path(words[0]).name, words[1:]
    if program == "seatrial":
        assert arguments[0] in COMMANDS, where
        command = import_module(f"seatrial.cli.{arguments[0]}").command
        command.make_parser(click.Context(command)).parse_args(arguments[1:])
    elif program == "make":
        makefile = (ROOT / "Makefile").read_text()
        assert re.search(rf"^{arguments[0]}:", makefile, re.MULTILINE), where
    else:
        assert program == "pytest", where


def test_a_command_that_does_not_exist_would_be_found() -> None:
    with pytest.raises(click.NoSuchOption):
        test_a_command_exists_with_its_options("here", ["seatrial", "up", "--idel", "3"])
    with pytest.raises(AssertionError):
        test_a_command_exists_with_its_options("here", ["make", "tea"])


@pytest.mark.parametrize("file", [*OURS, SYSTEM_README], ids=lambda f: str(f.relative_to(ROOT)))
def test_links_lead_somewhere(file: Path) -> None:
    for target in links(file):
        path, _, anchor = target.partition("#")
        there = (file.parent / path).resolve() if path else file
        assert there.exists(), f"{target}: there is no {there}"
        if anchor:
            assert anchor in anchors(there), f"{target}: no such heading"


@pytest.mark.parametrize("file", OURS, ids=lambda f: str(f.relative_to(ROOT)))
def test_lines_can_be_read(file: Path) -> None:
    """Prose that can be compared line by line; tables and examples are as wide as they must be."""
    fenced = False
    for number, line in enumerate(file.read_text().splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced and not line.startswith("|"):
            assert len(line) <= 110, f"{file.name}:{number} has {len(line)} characters"
