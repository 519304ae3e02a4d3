"""`seatrial doctor`"""

from __future__ import annotations

from pathlib import Path

import click

from seatrial.cli.options import env_option, json_option, load_system, system_argument
from seatrial.cli.output import colour, print_json
from seatrial.declaration.interpreter import interpreter
from seatrial.declaration.models import System
from seatrial.errors import DeclarationError, UsageError
from seatrial.kinds.registry import KINDS
from seatrial.outcome import ExitCode
from seatrial.provision.doctor import Diagnosis, Item, State, diagnose, in_json
from seatrial.provision.servers import of_all, of_system
from seatrial.sessions import require_modules

_COLOURS = {State.OK: "green", State.WARNING: "yellow", State.LACKING: "red"}


@click.command()
@json_option
@env_option
@system_argument
def command(system: Path, environment: str | None, as_json: bool) -> int:
    """Show what this machine has and lacks for each environment, and what would mend it.

    With a seatrial.yaml the servers of that system count, otherwise those of all kinds. Exit 0
    when the local environment can be started, else 3.
    """
    declared, problem = _declared(system, environment)
    servers = of_system(declared, KINDS) if declared else of_all(KINDS.values())
    diagnoses = diagnose(servers, problem or (_interpreter(declared) if declared else None))
    if as_json:
        print_json(in_json(diagnoses))
    else:
        _print(diagnoses)
    return int(ExitCode.GO if diagnoses[0].usable else ExitCode.DOWN)


def _declared(folder: Path, environment: str | None) -> tuple[System | None, Item | None]:
    """The declaration, if there is one that can be read; else what is wrong with it."""
    if not (folder.is_file() or (folder / "seatrial.yaml").exists()):
        return None, None
    try:
        return load_system(folder, environment), None
    except DeclarationError as error:
        first, count = error.problems[0], len(error.problems)
        more = f" (and {count - 1} more)" if count > 1 else ""
        return None, Item("declaration", State.LACKING, f"{first}{more}", "seatrial check")


def _interpreter(system: System) -> Item:
    trials = (system.folder / system.trials).is_dir()
    try:
        python = require_modules(system) if trials else interpreter(system)
        return Item("interpreter", State.OK, f"{python} (of {system.name})")
    except UsageError as error:
        return Item("interpreter", State.LACKING, error.message, error.hint or "")


def _print(diagnoses: tuple[Diagnosis, ...]) -> None:
    width = max(len(item.name) for diagnosis in diagnoses for item in diagnosis.items)
    for diagnosis in diagnoses:
        usable = colour("usable", "green") if diagnosis.usable else colour("not usable", "red")
        click.echo(f"{diagnosis.environment}: {usable}")
        for item in diagnosis.items:
            state = colour(f"{item.state.value:<7}", _COLOURS[item.state])
            click.echo(f"  {state}  {item.name:<{width}}  {item.found}")
            if item.fix:
                click.echo(f"  {'':<7}  {'':<{width}}  to do: {item.fix}")
