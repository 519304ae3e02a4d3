"""`seatrial bundle`"""

from __future__ import annotations

from pathlib import Path

import click

from seatrial.bundle import Bundle, bundle
from seatrial.cli.options import (
    env_option,
    json_option,
    load_system,
    name_option,
    system_option,
)
from seatrial.cli.output import print_json
from seatrial.cli.runs import find_run
from seatrial.declaration.models import System
from seatrial.errors import DeclarationError, UsageError


@click.command()
@click.argument("run", required=False)
@system_option
@env_option
@name_option
@json_option
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file (default: seatrial-SYSTEM-MOMENT.tar.gz here).",
)
def command(
    run: str | None,
    system: Path,
    environment: str | None,
    name: str,
    as_json: bool,
    output: Path | None,
) -> int:
    """Pack a support bundle, redacted: of RUN (a folder, an id, or "last") and of what is up.

    It is written here and sent nowhere. Without RUN, the last one is taken if there is one.
    """
    folder = _run(run, system)
    try:
        done = bundle(output, _declared(system, environment), name, folder)
    except OSError as error:
        hint = "name a file that can be: --output FILE"
        raise UsageError(f"the bundle cannot be written: {error}", hint=hint) from error
    if as_json:
        print_json(
            {
                "file": str(done.file),
                "bytes": done.file.stat().st_size,
                "holds": [
                    {"name": one.name, "bytes": one.bytes, "cut": one.cut} for one in done.parts
                ],
                "missing": [{"name": one.name, "why": one.why} for one in done.missing],
            }
        )
    else:
        _print(done)
    return 0


def _run(run: str | None, system: Path) -> Path | None:
    try:
        return find_run(run or "last", system)
    except UsageError:
        if run is not None:
            raise
        return None


def _declared(system: Path, environment: str | None) -> System | None:
    try:
        return load_system(system, environment)
    except DeclarationError as error:
        click.echo(f"the declaration is left out, it cannot be read:\n{error}", err=True)
        return None


def _print(done: Bundle) -> None:
    click.echo(f"{done.file} holds:")
    for part in done.parts:
        click.echo(f"  {part.bytes:>9}  {part.name}{', its end' if part.cut else ''}")
    for one in done.missing:
        click.echo(f"  {'-':>9}  {one.name}: {one.why}")
    click.echo(
        "Secrets are masked, and it was sent nowhere. Look through it before you hand it on."
    )
