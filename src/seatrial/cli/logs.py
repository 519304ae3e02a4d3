"""`seatrial logs`"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import click

from seatrial.cli.options import (
    env_option,
    json_option,
    load_what_runs,
    name_option,
    require_components,
    system_option,
)
from seatrial.cli.output import print_json, tell_changes
from seatrial.cli.runs import find_run
from seatrial.compose.secrets import secrets_of
from seatrial.declaration.models import System
from seatrial.environment.deployment import attach, logs_left
from seatrial.environment.others import not_up
from seatrial.environment.view import project_logs
from seatrial.errors import EvidenceError, UsageError
from seatrial.evidence.reader import read_run
from seatrial.evidence.redaction import redactor_of
from seatrial.keeper.log import Log
from seatrial.keeper.protocol import LONGEST_LOG


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
    declared = load_what_runs(system, environment, name)
    deployment = attach(declared, name, changed=True)
    if deployment is not None:
        with deployment:
            tell_changes(deployment)
            wanted = _wanted(declared, components, deployment.statuses())
            redactor = deployment.redactor
            found = {one: deployment.logs(one, lines) for one in wanted}
    else:
        wanted = _wanted(declared, components, declared.components)
        redactor = redactor_of(declared)
        redactor.add(secrets_of(declared))
        found = _left(declared, name, wanted, lines)
    redacted = {one: redactor.redact_lines(tail) for one, tail in found.items()}
    if as_json:
        print_json({one: list(tail) for one, tail in redacted.items()})
        return 0
    for one, tail in redacted.items():
        for line in tail:
            click.echo(line if len(wanted) == 1 else f"{one} | {line}")
    return 0


def _wanted(declared: System, named: tuple[str, ...], there: Collection[str]) -> tuple[str, ...]:
    require_components(declared, named, there)
    return named or tuple(there)


def _left(
    declared: System, name: str, wanted: tuple[str, ...], lines: int
) -> dict[str, tuple[str, ...]]:
    """Of a start that failed, else of a compose project that somebody else started, else of the
    last run. Raises DeploymentError where there is none of them."""
    left = {one: logs_left(declared, name, one, lines) for one in wanted}
    if any(tail is not None for tail in left.values()):
        click.echo(f"{declared.name} is not up; this is left of its last start:", err=True)
        return {one: tail or () for one, tail in left.items()}
    if not name:
        if (others := project_logs(declared, wanted, lines)) is not None:
            click.echo("seatrial: logs of the project that you started", err=True)
            return others
        if kept := _kept(declared, wanted, lines):
            return kept
    raise not_up(declared, name)


def _kept(declared: System, wanted: tuple[str, ...], lines: int) -> dict[str, tuple[str, ...]]:
    """By the last run, whose own deployment has ended with it; nothing where that was in another
    environment, or there was none."""
    try:
        run = find_run("last", declared.folder)
        started = read_run(run).started
    except (UsageError, EvidenceError):
        return {}
    if started is None or started.environment != declared.environment:
        return {}
    files = {one: run / "logs" / f"{one}.log" for one in wanted}
    there = {one: file for one, file in files.items() if file.is_file()}
    if there:
        click.echo(f"{declared.name} is not up; these were kept by the run {run.name}:", err=True)
    return {one: Log(file).tail(lines, LONGEST_LOG) for one, file in there.items()}
