"""`seatrial status`"""

from __future__ import annotations

from pathlib import Path

import click

from seatrial.cli.options import deployment_options, load_what_runs
from seatrial.cli.output import deployment_json, print_components, print_json, tell_changes
from seatrial.environment.deployment import require_running
from seatrial.keeper.protocol import Usage
from seatrial.outcome import ExitCode


@click.command()
@deployment_options
@click.option("--usage", is_flag=True, help="Also what their processes use.")
def command(system: Path, environment: str | None, name: str, as_json: bool, usage: bool) -> int:
    """Show the components and their recorded states; exit 3 if one is not up."""
    declared = load_what_runs(system, environment, name)
    with require_running(declared, name, changed=True) as deployment:
        status = deployment.status()
        document = deployment_json(deployment, status.components)
        if deployment.changes:
            document["declaration_changed"] = list(deployment.changes)
        tell_changes(deployment)
        on = status.network_faults
        if on:
            document["network_faults"] = list(on)
        used = {one: deployment.usage(one) for one in status.components if usage}
        if usage:
            document["usage"] = {one: found.model_dump() for one, found in used.items()}
        if as_json:
            print_json(document)
        else:
            print_components(status.components)
            for fault in on:
                click.echo(f"  a fault is on: {fault}")
            for one, found in used.items():
                click.echo(f"  {one} uses {_told(found)}")
    return int(ExitCode.GO if document["ready"] else ExitCode.DOWN)


def _told(used: Usage) -> str:
    several = "" if used.processes == 1 else "es"
    return (
        f"{used.memory_bytes / 1e6:.1f} MB, has used {used.cpu_s:.1f} s of processor time, "
        f"in {used.processes} process{several}"
    )
