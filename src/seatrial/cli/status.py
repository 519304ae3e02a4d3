"""`seatrial status`"""

from __future__ import annotations

from pathlib import Path

import click

from seatrial.cli.options import deployment_options, load_system
from seatrial.cli.output import deployment_json, print_components, print_json, tell_changes
from seatrial.environment.deployment import require_running
from seatrial.outcome import ExitCode


@click.command()
@deployment_options
def command(system: Path, environment: str | None, name: str, as_json: bool) -> int:
    """Show the components and their recorded states; exit 3 if one is not up."""
    declared = load_system(system, environment)
    with require_running(declared, name, changed=True) as deployment:
        status = deployment.status()
        document = deployment_json(deployment, status.components)
        if deployment.changes:
            document["declaration_changed"] = list(deployment.changes)
        tell_changes(deployment)
        on = status.network_faults
        if on:
            document["network_faults"] = list(on)
        if as_json:
            print_json(document)
        else:
            print_components(status.components)
            for fault in on:
                click.echo(f"  a fault is on: {fault}")
    return int(ExitCode.GO if document["ready"] else ExitCode.DOWN)
