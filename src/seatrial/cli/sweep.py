"""`seatrial sweep`"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from pydantic import JsonValue

from seatrial.cli.options import env_option, json_option, load_system, system_argument
from seatrial.cli.output import colour, print_json
from seatrial.declaration.models import System
from seatrial.errors import UsageError
from seatrial.outcome import ExitCode
from seatrial.sweep import Leftover, leftovers, refuse_if_protected
from seatrial.units import in_seconds
from seatrial.units import seconds as seconds_of


@click.command()
@json_option
@click.option("--older-than", default="0s", help="Only what is at least so old, such as 10min.")
@click.option("--yes", is_flag=True, help="Remove it; without, it is only shown.")
@env_option
@system_argument
def command(
    system: Path, environment: str | None, yes: bool, older_than: str, as_json: bool
) -> int:
    """Remove what crashed runs left: processes, folders, files, rows of trials.

    Shows it, and why; removes it with --yes. Rows are those of the system's environment, where
    SYSTEM has a seatrial.yaml. What a living run or keeper owns is never touched.
    """
    declared = _declared(system, environment)
    if declared is not None and yes:
        refuse_if_protected(declared)
    try:
        age = seconds_of(older_than)
    except ValueError as error:
        raise UsageError(f"--older-than: {error}") from error
    found = leftovers(declared, age)
    if yes:
        found = [one.swept() for one in found]
    if as_json:
        print_json({"removed": yes, "leftovers": [_json(one) for one in found]})
    else:
        _print(found, yes)
    stuck = yes and any(not one.removed for one in found)
    return int(ExitCode.DOWN if stuck else ExitCode.GO)


def _declared(folder: Path, environment: str | None) -> System | None:
    there = folder.is_file() or (folder / "seatrial.yaml").exists()
    if not there and environment is not None:
        raise UsageError(f"there is no seatrial.yaml in {folder}, and so no --env {environment}")
    return load_system(folder, environment) if there else None


def _json(one: Leftover) -> JsonValue:
    document: dict[str, JsonValue] = {
        "sort": one.sort.value,
        "what": one.what,
        "why": one.why,
        "age_s": round(one.age, 1),
        "removed": one.removed,
    }
    return {**document, "problem": one.problem} if one.problem else document


def _print(found: Sequence[Leftover], yes: bool) -> None:
    for one in found:
        word, shade = ("would remove", "yellow") if not yes else ("removed", "green")
        if one.problem:
            word, shade = "not removed", "red"
        age = in_seconds(round(one.age))
        click.echo(f"{colour(word, shade)}  {one.what}  ({one.why}; {age} old)")
        if one.problem:
            click.echo(f"  {one.problem}")
    if not found:
        click.echo("Nothing is left behind.")
    elif not yes:
        click.echo("Nothing was removed: `seatrial sweep --yes` does it.")
