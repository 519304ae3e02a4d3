"""`seatrial endpoints`: the one command that prints credentials."""

from __future__ import annotations

from pathlib import Path

import click
from pydantic import JsonValue

from seatrial.cli.options import deployment_options, load_system
from seatrial.cli.output import print_json
from seatrial.environment.dotenv import dotenv
from seatrial.environment.view import view


@click.command()
@deployment_options
@click.option("--format", "form", type=click.Choice(["json", "dotenv"]), default="json")
@click.option("--for", "remote", help="dotenv: the remote environment whose variables are wanted.")
def command(
    system: Path,
    environment: str | None,
    name: str,
    as_json: bool,
    form: str,
    remote: str | None,
) -> int:
    """Print where the components are, credentials included.

    `dotenv` prints the variables that the remote environment reads, so that the same trials can
    run against this deployment as if it were far away.
    """
    declared = load_system(system, environment)
    with view(declared, name) as seen:
        if form == "dotenv" and not as_json:
            for line in dotenv(declared, seen.targets, remote):
                click.echo(line)
            return 0
        document: dict[str, JsonValue] = {}
        for component, target in seen.targets.items():
            urls: dict[str, JsonValue] = {}
            for endpoint, replicas in target.endpoints.items():
                urls[endpoint] = replicas[0].url
                if len(replicas) > 1:
                    urls[f"{endpoint}_urls"] = [one.url for one in replicas]
            document[component] = urls
        print_json(document)
    return 0
