"""Arguments and options that several commands share, and loading the system they name."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from seatrial.declaration.load import load
from seatrial.declaration.models import System
from seatrial.declaration.problems import nearest
from seatrial.environment.running import as_it_runs, running_in
from seatrial.errors import DeclarationError, UsageError
from seatrial.kinds.registry import KINDS


class Finite(click.FloatRange):
    """A number in a range; `nan` compares with nothing, and so passes for one of any range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is no number of hours or seconds", param, ctx)
        return number


F = TypeVar("F", bound=Callable[..., Any])

system_argument = click.argument(
    "system", default=".", type=click.Path(exists=True, path_type=Path), metavar="[SYSTEM]"
)
system_option = click.option(
    "--system",
    default=".",
    type=click.Path(exists=True, path_type=Path),
    help="The folder with the seatrial.yaml.",
)
env_option = click.option("--env", "environment", help="The environment (default: local).")
name_option = click.option("--name", default="", help="Tell deployments of one system apart.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


def deployment_options(command: F) -> F:
    """`[SYSTEM] --env NAME --name NAME --json`."""
    for option in (json_option, name_option, env_option, system_argument):
        command = option(command)
    return command


def load_system(folder: Path, environment: str | None) -> System:
    """Read the declaration. Raises DeclarationError."""
    return load(folder, KINDS, environment=environment, variables=os.environ)


def load_what_runs(folder: Path, environment: str | None, name: str) -> System:
    """The declaration for the environment that runs, whatever is the default one by now; and if
    there is something wrong with it, what runs all the same.

    Raises UsageError where several run and none is named, DeclarationError where none does.
    """
    running = {state.environment: state for state in running_in(folder, name)}
    if environment is None and len(running) > 1:
        raise UsageError(
            f"several environments run: {', '.join(running)}",
            hint=f"say which: --env {next(iter(running))}",
        )
    environment = environment or next(iter(running), None)
    try:
        return load_system(folder, environment)
    except DeclarationError as error:
        if environment not in running:
            raise
        click.echo(f"What runs in {environment} can no longer be declared:\n{error}", err=True)
        return as_it_runs(running[environment])


def require_components(
    system: System, names: Iterable[str], there: Collection[str] | None = None
) -> None:
    """Raise UsageError for a name that no component has; `there` are those of what runs."""
    known = system.components if there is None else there
    for name in names:
        if name not in known:
            hint = nearest(name, known)
            raise UsageError(f"{system.name} has no component {name}", hint=hint)
