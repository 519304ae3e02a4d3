"""`seatrial up`"""

from __future__ import annotations

from pathlib import Path

import click

from seatrial.cli.options import Finite, deployment_options, load_system
from seatrial.cli.output import (
    Progress,
    deployment_json,
    print_components,
    print_json,
)
from seatrial.environment.commands import whole
from seatrial.environment.deployment import IDLE_SECONDS, Deployment, attach_or_start
from seatrial.environment.errors import EnvironmentFailedError
from seatrial.outcome import ExitCode

_BEING_ENDED = "seatrial: what was started is being ended: in some seconds nothing is left of it"


@click.command()
@deployment_options
@click.option(
    "--idle",
    default=IDLE_SECONDS / 3600,
    show_default=True,
    type=Finite(min=0, min_open=True),
    help="Hours without a client after which it ends by itself.",
)
def command(system: Path, environment: str | None, name: str, as_json: bool, idle: float) -> int:
    """Bring the system up, or attach to it; returns when it is ready, or says what is not."""
    declared = load_system(system, environment)
    deployment = attach_or_start(declared, name)
    with deployment:
        try:
            deployment.wait_until_ready(Progress())
            _tell_apart(deployment)
        except KeyboardInterrupt:
            if not deployment.attached:
                click.echo(_BEING_ENDED, err=True)
            raise
        except EnvironmentFailedError as error:
            _tell_apart(deployment)
            from seatrial.cli.not_up import end_and_tell  # it imports much, for a failure

            return end_and_tell(declared, name, deployment, error, as_json=as_json)
        statuses = deployment.statuses()
        document = deployment_json(deployment, statuses)
        ours = not deployment.attached and declared.config.provider != "remote"
        if ours and not document["ready"]:
            from seatrial.cli.not_up import end_and_tell, fallen

            fell = fallen(declared, deployment, statuses)
            return end_and_tell(declared, name, deployment, fell, as_json=as_json)
        # What others run may never be up: then there is nothing to keep.
        kept = bool(document["ready"]) or deployment.attached
        if as_json:
            print_json(document)
        else:
            how = "was up already" if deployment.attached else "is up"
            if not document["ready"]:
                how = "is not up as a whole"
            click.echo(f"{declared.name} {how} in {declared.environment}:")
            print_components(statuses)
            if kept:
                after = f"{idle:g} hours without a client"
                click.echo(f"It ends with `seatrial down`, or after {after}.")
            else:
                click.echo(f"What is wrong: {whole('seatrial check', declared, name)}")
        if kept:
            deployment.keep(idle * 3600)
        else:
            deployment.down()
    return int(ExitCode.GO if document["ready"] else ExitCode.DOWN)


def _tell_apart(deployment: Deployment) -> None:
    """On standard error, where it was made just now."""
    for line in () if deployment.attached else deployment.apart:
        click.echo(f"seatrial: own project: {line}", err=True)
