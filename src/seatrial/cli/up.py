"""`seatrial up`"""

from __future__ import annotations

from pathlib import Path

import click

from seatrial.cli.options import deployment_options, load_system
from seatrial.cli.output import (
    Progress,
    component_json,
    deployment_json,
    print_components,
    print_json,
)
from seatrial.environment.deployment import IDLE_SECONDS, attach_or_start
from seatrial.environment.errors import EnvironmentFailedError
from seatrial.outcome import ExitCode


@click.command()
@deployment_options
@click.option(
    "--idle",
    default=IDLE_SECONDS / 3600,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="Hours without a client after which it ends by itself.",
)
def command(system: Path, environment: str | None, name: str, as_json: bool, idle: float) -> int:
    """Bring the system up, or attach to it; returns when it is ready, or says what is not."""
    declared = load_system(system, environment)
    deployment = attach_or_start(declared, name)
    with deployment:
        try:
            deployment.wait_until_ready(Progress())
        except EnvironmentFailedError as error:
            if as_json:
                failure = error.failure.model_dump(mode="json")
                statuses = deployment.statuses().items()
                print_json(
                    {
                        "system": declared.name,
                        "environment": declared.environment,
                        "ready": False,
                        "components": {n: component_json(s) for n, s in statuses},
                        "failure": failure,
                    }
                )
            deployment.down()
            if not as_json:
                raise
            click.echo(f"seatrial: {error}", err=True)
            return error.exit_code
        deployment.keep(idle * 3600)
        document = deployment_json(deployment)
        if as_json:
            print_json(document)
        else:
            how = "was up already" if deployment.attached else "is up"
            click.echo(f"{declared.name} {how} in {declared.environment}:")
            print_components(dict(deployment.statuses()))
            click.echo(f"It ends with `seatrial down`, or after {idle:g} hours without a client.")
    return int(ExitCode.GO if document["ready"] else ExitCode.DOWN)
