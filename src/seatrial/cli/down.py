"""`seatrial down`"""

from __future__ import annotations

from pathlib import Path

import click

from seatrial.cli.options import deployment_options, load_what_runs
from seatrial.cli.output import print_json
from seatrial.environment.deployment import end


@click.command()
@deployment_options
def command(system: Path, environment: str | None, name: str, as_json: bool) -> int:
    """End what `up` started; its data is removed with it."""
    declared = load_what_runs(system, environment, name)
    ended = end(declared, name)
    if as_json:
        print_json({"system": declared.name, "environment": declared.environment, "ended": ended})
    else:
        click.echo(f"{declared.name} {'has ended' if ended else 'was not up'}.")
    return 0
