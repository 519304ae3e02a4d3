"""`seatrial fault`"""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from time import monotonic
from typing import Any

import click

from seatrial import units
from seatrial.cli.options import env_option, json_option, load_system, name_option, system_option
from seatrial.cli.output import print_json
from seatrial.declaration.models import System
from seatrial.environment.capability import missing
from seatrial.environment.deployment import Deployment, require_running
from seatrial.errors import UsageError
from seatrial.faults.applied import Applied
from seatrial.faults.fault import Fault
from seatrial.faults.registry import FAULTS

_LOCK_SECONDS = 30.0  # to wait for trials that run to end
_STEP = 0.5  # s after which it is looked whether the deployment still lives; so late is Ctrl-C


def _parameters(command: Callable[..., int]) -> Callable[..., int]:
    """An option for every parameter of every fault that has a name on the command line."""
    told: dict[str, str] = {}
    for fault in FAULTS.values():
        for key, field in fault.model_fields.items():
            if key not in fault.subjects:
                told.setdefault(key, str(field.description))
    for key, description in reversed(told.items()):
        command = click.option(f"--{key}", help=description[0].upper() + description[1:])(command)
    return command


def _duration(ctx: click.Context, option: click.Parameter, value: str | None) -> float | None:
    try:
        return None if value is None else units.seconds(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


class _Command(click.Command):
    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Faults"):
            formatter.write_dl([(fault.usage(), fault.summary) for fault in FAULTS.values()])


@click.command(cls=_Command)
@click.argument("fault")
@click.argument("names", nargs=-1)
@_parameters
@click.option(
    "--for", "seconds", callback=_duration, help="How long: 30s, 2min. Else until Ctrl-C."
)
@system_option
@env_option
@name_option
@json_option
def command(
    fault: str,
    names: tuple[str, ...],
    seconds: float | None,
    system: Path,
    environment: str | None,
    name: str,
    as_json: bool,
    **parameters: Any,
) -> int:
    """Put one fault on by hand, until Ctrl-C or for a time; it is always taken off again.

    NAMES are the component of a fault of processes, or the two of a fault of the network: who
    connects, and to whom.
    """
    given = {key: value for key, value in parameters.items() if value is not None}
    chosen = _fault(fault).of(*names, **given)
    declared = load_system(system, environment)
    with _deployment(declared, name, chosen) as deployment:
        chosen.check(deployment)
        with deployment.locked("exclusive", _LOCK_SECONDS):
            lasted, early = _apply(Applied(chosen, deployment), deployment, seconds)
    if as_json:
        print_json({"fault": chosen.name, "what": str(chosen), "lasted_s": round(lasted, 3)})
    else:
        click.echo(f"{chosen}: over after {lasted:.1f} s, all is as it was.")
    return 130 if early else 0


def _fault(name: str) -> type[Fault]:
    if name not in FAULTS:
        near = get_close_matches(name, FAULTS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(FAULTS)}"
        raise UsageError(f"there is no fault {name!r}", hint=hint)
    return FAULTS[name]


def _deployment(declared: System, name: str, fault: Fault) -> Deployment:
    config = declared.config
    if config.protected or config.provider == "remote":  # up or not, it would be refused
        raise missing(declared, fault.capability)
    return require_running(declared, name)


def _apply(applied: Applied, deployment: Deployment, seconds: float | None) -> tuple[float, bool]:
    """How long it lasted, and whether it was ended before its time."""
    began, early = monotonic(), False
    try:
        with applied:
            began = monotonic()
            if applied.fault.lasts:
                until = "Ctrl-C ends it" if seconds is None else f"for {units.in_seconds(seconds)}"
                click.echo(f"{applied}: on; {until}.", err=True)
                _wait(deployment, seconds)
    except KeyboardInterrupt:
        early = seconds is not None
    return monotonic() - began, early


def _wait(deployment: Deployment, seconds: float | None) -> None:
    """Raises KeeperError when the deployment ends before."""
    last, ends = 0, None if seconds is None else monotonic() + seconds
    while ends is None or monotonic() < ends:
        left = _STEP if ends is None else min(_STEP, ends - monotonic())
        for event in deployment.timeline(last, max(0.0, left)):
            last = event.seq
