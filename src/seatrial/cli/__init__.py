"""The command line: one command a file, imported only when it is called."""

from __future__ import annotations

import os
import sys
from importlib import import_module

import click

from seatrial import __version__
from seatrial.cli.streams import lost_output, open_standard_streams
from seatrial.errors import SeatrialError, UsageError
from seatrial.interrupts import interruptible, name_of

#: Every command with its summary, so that `--help` need not import them.
COMMANDS: dict[str, str] = {
    "init": "Write a first seatrial.yaml from the compose file in FOLDER.",
    "up": "Bring the system up, or attach to it; returns when it is ready.",
    "down": "End what `up` started.",
    "status": "Show the components and their states.",
    "logs": "Show a component's log.",
    "restart": "Restart a component.",
    "check": "Hold every expectation against the running system, read-only.",
    "run": "Attach or bring up, check, run the trials, and conclude a verdict.",
    "drill": "Break the system one way at a time, and score what is said about it.",
    "fault": "Put one fault on by hand, until Ctrl-C or for a time.",
    "report": "Write or show the reports of a run again.",
    "gate": "Recompute the verdict of a run from its evidence.",
    "endpoints": "Print where the components are, credentials included.",
    "schema": "Print the JSON Schema of seatrial.yaml, or of the report.",
    "doctor": "Show what this machine has and lacks.",
    "provision": "Install the servers that the system needs, after asking.",
    "sweep": "Remove what crashed runs left: processes, folders, files, rows of trials.",
    "bundle": "Pack a support bundle, redacted, of a run and of what is up.",
}


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"seatrial.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from difflib import get_close_matches

        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"No such command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="seatrial")
def group() -> None:
    """Put a multi-service deployment through its sea trials before traffic reaches it.

    SYSTEM is a folder with a seatrial.yaml (default: the current one).

    \b
    Exit codes: 0 go; 1 a p1 trial or expectation failed; 2 usage or declaration;
    3 not up, or a component is down; 4 Seatrial crashed or a p1 trial errored;
    5 inconclusive; 130 interrupted.
    """


def main(args: list[str] | None = None) -> None:
    """Entry point: exits with the code of `outcome.ExitCode`; no traceback reaches the user."""
    words = sys.argv[1:] if args is None else args
    with interruptible():
        open_standard_streams()
        try:
            code = _carried_out(words)
            lost = lost_output()
        except OSError as error:
            code, lost = 2, lost_output()
            if lost is None:
                code = _crashed(error)
    if lost is not None:
        hint = "see to what it leads to: free space, rights"
        click.echo(f"seatrial: standard output cannot be written: {lost.strerror}", err=True)
        click.echo(f"  to do: {hint}", err=True)
        code = 2
    sys.exit(code)


def _carried_out(words: list[str]) -> int:
    """The exit code. Raises OSError, perhaps since what it prints is not taken."""
    try:
        _refuse_nowhere()
        if words[:1] in (["up"], ["run"]) and not {"-h", "--help"} & set(words):
            from seatrial.keeper import spawn

            spawn.begin()  # most likely one will be needed
        code = group.main(args=words, prog_name="seatrial", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        _as_json(words, error.format_message(), "seatrial COMMAND --help shows what there is")
        return error.exit_code
    except SeatrialError as error:
        click.echo(f"seatrial: {error}", err=True)
        _as_json(words, error.message, error.hint)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort) as error:
        click.echo(f"seatrial: interrupted by {name_of(error.__cause__ or error)}", err=True)
        return 130
    except OSError:
        raise
    except Exception as error:
        return _crashed(error)


def _refuse_nowhere() -> None:
    """Raises UsageError: paths cannot be told from a folder that is no more."""
    try:
        os.getcwd()
    except FileNotFoundError as error:
        raise UsageError("the current folder is no more", hint="cd to one that is") from error


def _crashed(error: Exception) -> int:
    from seatrial.cli.crash import report_crash

    return report_crash(error)


def _as_json(words: list[str], error: str, hint: str | None) -> None:
    """With `--json`: whoever reads that must not have to read standard error."""
    ours = words[: words.index("--")] if "--" in words else words
    if "--json" in ours:
        import json

        click.echo(json.dumps({"error": error, "hint": hint}, indent=2))
