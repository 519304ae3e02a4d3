"""Every command has a module, a place in the documents, and one summary."""

from __future__ import annotations

import re
from importlib import import_module

import click
import click.testing
import pytest

from seatrial.cli import COMMANDS, group
from tests.architecture.source import ROOT, SEATRIAL

_WORD = re.compile(r"[a-z]{4,}")


def test_every_module_with_a_command_is_listed() -> None:
    modules = (file.stem for file in (SEATRIAL / "cli").glob("*.py") if file.stem != "__init__")
    having = {one for one in modules if hasattr(import_module(f"seatrial.cli.{one}"), "command")}
    assert having == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_its_summary_agrees_with_its_help(name: str) -> None:
    command = import_module(f"seatrial.cli.{name}").command
    assert isinstance(command, click.Command)
    help_text, summary = (command.help or "").lower(), COMMANDS[name].lower()
    assert help_text.split()[0] == summary.split()[0], "they begin with the same verb"
    words = _WORD.findall(summary)
    shared = [word for word in words if word in help_text]
    assert len(shared) >= 0.6 * len(words), f"of {words} only {shared} are in its help"


def test_the_documents_have_the_same_commands_in_the_same_order() -> None:
    text = (ROOT / "docs" / "commands.md").read_text()
    titles = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert [title for title in titles if title in COMMANDS] == list(COMMANDS)


def test_help_lists_them_all() -> None:
    shown = click.testing.CliRunner().invoke(group, ["--help"]).output
    listed = re.findall(r"^  (\w+)  ", shown, re.MULTILINE)
    assert [name for name in COMMANDS if name not in listed] == []


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "schema"])
def test_commands_that_print_a_result_have_json(name: str) -> None:
    command = import_module(f"seatrial.cli.{name}").command
    assert "--json" in [opt for one in command.params for opt in one.opts]
