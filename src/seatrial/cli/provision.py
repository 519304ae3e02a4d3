"""`seatrial provision`"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click
from pydantic import JsonValue

from seatrial.cli.options import env_option, json_option, load_system, system_argument
from seatrial.cli.output import print_json
from seatrial.errors import Refused
from seatrial.kinds.registry import KINDS
from seatrial.outcome import ExitCode
from seatrial.provision.install import install, refuse_if_impossible
from seatrial.provision.machine import Rights, rights, this_platform
from seatrial.provision.servers import Server, missing_packages, of_all, of_system


@dataclass(frozen=True)
class _Ask:
    """How the user is spoken to."""

    yes: bool
    command: str  # what to type to not be asked
    say: Callable[[str], None]


@click.command()
@click.option("--all", "everything", is_flag=True, help="The servers of all kinds.")
@click.option("--yes", is_flag=True, help="Do not ask before installing.")
@json_option
@env_option
@system_argument
def command(
    system: Path, environment: str | None, everything: bool, yes: bool, as_json: bool
) -> int:
    """Install the servers that the system starts natively, through apt, after asking.

    Nothing is started by it, nothing that runs is touched, and a second call changes nothing.
    """
    # Progress never gets between a program and the one JSON document.
    say = partial(click.echo, err=as_json)

    def look() -> list[Server]:
        return of_all(KINDS.values()) if everything else of_system(declared, KINDS)

    if not everything:
        declared = load_system(system, environment)
    again = "seatrial provision " + ("--all" if everything else str(system)) + " --yes"
    before = look()
    _report([server for server in before if server.found], say)
    packages = missing_packages(before)
    if packages:
        _install(packages, before, _Ask(yes, again, say))
    after = look() if packages else before
    _report([one for one in after if one.found and one not in before], say)
    problems = [server.problem for server in after if server.problem]
    if as_json:
        print_json(_json(after, packages))
    elif not packages:
        click.echo("provision: nothing to install")
    for problem in problems:
        click.echo(f"provision: {problem}", err=True)
    return int(ExitCode.DOWN if problems else ExitCode.GO)


def _report(servers: Sequence[Server], say: Callable[[str], None]) -> None:
    for server in servers:
        if server.found:
            say(f"provision: {server.label}: {server.found.version} ({server.found.program})")


def _install(packages: Sequence[str], servers: Sequence[Server], ask: _Ask) -> None:
    """Raises Refused, ProvisionError or click.Abort."""
    for server in servers:
        if server.missing and server.problem:
            ask.say(f"provision: {server.label}: {server.problem.message}")
    have = rights()
    refuse_if_impossible(packages, this_platform(), have)
    names = ", ".join(packages)
    if not ask.yes:
        if not _can_ask():
            raise Refused(
                f"{names}: missing; without a terminal to ask on, nothing is installed",
                hint=ask.command,
            )
        click.confirm(f"Install {names} and what they need, through apt?", abort=True, err=True)
    how = "as root" if have is Rights.ROOT else "through sudo"
    ask.say(f"provision: installing {names} and what they need through apt, {how}")
    install(packages, have, lambda line: ask.say(f"provision: {line}"))


def _can_ask() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _json(servers: Sequence[Server], packages: Sequence[str]) -> dict[str, JsonValue]:
    return {
        "ok": all(server.found for server in servers),
        "changed": bool(packages),
        "installed": list(packages),
        "servers": [
            {
                "kind": server.kind,
                "component": server.component,
                "program": server.found.program if server.found else None,
                "version": server.found.version if server.found else None,
                "problem": str(server.problem) if server.problem else None,
            }
            for server in servers
        ],
    }
