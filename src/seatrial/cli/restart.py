"""`seatrial restart`"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from seatrial.cli.options import (
    env_option,
    json_option,
    load_system,
    name_option,
    require_components,
    system_option,
)
from seatrial.cli.output import component_json, print_json
from seatrial.environment.capability import Capability, missing
from seatrial.environment.deployment import Deployment, require_running
from seatrial.errors import KeeperError
from seatrial.keeper.protocol import Action

_LOCK_SECONDS = 10.0


@contextmanager
def _undisturbed(deployment: Deployment, component: str) -> Iterator[None]:
    """No fault is on: a restart would lift it, and its trial would not know."""
    try:
        deployment.lock("shared", _LOCK_SECONDS)
    except KeeperError as error:
        raise KeeperError(
            f"{component} was not restarted: for {_LOCK_SECONDS:g} s a trial or drill has had the "
            "deployment to itself, perhaps with a fault on it",
            hint="try again when it is over, or end it",
        ) from error
    yield  # the lock ends with the lease


@click.command()
@click.argument("component")
@system_option
@env_option
@name_option
@json_option
@click.option("--replica", type=click.IntRange(min=0), help="Only this one, counted from 0.")
def command(
    component: str,
    system: Path,
    environment: str | None,
    name: str,
    as_json: bool,
    replica: int | None,
) -> int:
    """Restart COMPONENT: stop it and start it again; returns when it is ready."""
    declared = load_system(system, environment)
    require_components(declared, [component])
    if declared.config.protected:  # up or not, it would be refused
        raise missing(declared, Capability.RESTART)
    with require_running(declared, name) as deployment, _undisturbed(deployment, component):
        deployment.act(Action.RESTART, component, replica)
        status = deployment.statuses()[component]
    if as_json:
        print_json({component: component_json(status)})
    else:
        click.echo(f"{component} is {status.state.value}.")
    return 0
