"""`seatrial logs`"""

from __future__ import annotations

from pathlib import Path

import click

from seatrial.cli.options import env_option, json_option, load_system, name_option, system_option
from seatrial.cli.output import print_json
from seatrial.environment.deployment import require_running


@click.command()
@click.argument("components", nargs=-1)
@system_option
@env_option
@name_option
@json_option
@click.option("-n", "--lines", default=50, show_default=True, type=click.IntRange(1, 100_000))
def command(
    components: tuple[str, ...],
    system: Path,
    environment: str | None,
    name: str,
    as_json: bool,
    lines: int,
) -> int:
    """Show the last log lines of COMPONENTS (default: all), secrets masked."""
    declared = load_system(system, environment)
    with require_running(declared, name) as deployment:
        redactor = deployment.redactor
        wanted = components or tuple(declared.components)
        found = {
            one: [redactor.redact(line) for line in deployment.logs(one, lines)] for one in wanted
        }
    if as_json:
        print_json({one: list(tail) for one, tail in found.items()})
        return 0
    for one, tail in found.items():
        for line in tail:
            click.echo(line if len(wanted) == 1 else f"{one} | {line}")
    return 0
