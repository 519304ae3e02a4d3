"""`seatrial run`"""

from __future__ import annotations

from pathlib import Path

import click
from pydantic import JsonValue

from seatrial.checks.run import CheckReport
from seatrial.cli.check import print_check
from seatrial.cli.options import deployment_options, load_system
from seatrial.cli.output import Progress, colour, print_json
from seatrial.evidence.redaction import Redactor
from seatrial.gate.decide import Decision
from seatrial.outcome import ExitCode, Priority, Verdict
from seatrial.recording import Tell
from seatrial.run import Order, Result, run

_WARNINGS = 20  # that are listed on the terminal


class _Lines(Tell):
    """The run's progress on standard error, so that standard output holds the result alone."""

    def __init__(self) -> None:
        self.event = Progress()  # type: ignore[method-assign]

    def step(self, text: str) -> None:
        click.echo(colour(f"== {text}", "cyan", err=True), err=True)

    def line(self, text: str) -> None:
        click.echo(text, err=True)

    def checked(self, report: CheckReport, redactor: Redactor) -> None:
        print_check(report, redactor, err=True)


class _WithPytest(click.Command):
    """What stands behind the first `--` is pytest's, whether or not SYSTEM is given."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        at = args.index("--") if "--" in args else len(args)
        ours, theirs = args[:at], args[at + 1 :]
        try:
            rest = super().parse_args(ctx, ours)
        except click.NoSuchOption as error:
            hint = f"{error.message} Options of pytest stand behind --: -- {error.option_name} ..."
            raise click.UsageError(hint, ctx) from error
        ctx.params["pytest_args"] = (*ctx.params["pytest_args"], *theirs)
        return rest


@click.command(cls=_WithPytest)
@deployment_options
@click.option(
    "--report-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where report.json, report.html, junit.xml and summary.md go (default: the run's folder).",
)
@click.option(
    "-p",
    "--priority",
    "priorities",
    multiple=True,
    type=click.Choice([p.value for p in Priority]),
    help="Only the trials of this priority; may be given again.",
)
@click.argument("pytest_args", nargs=-1, type=click.UNPROCESSED)
def command(
    system: Path,
    environment: str | None,
    name: str,
    as_json: bool,
    report_dir: Path | None,
    priorities: tuple[str, ...],
    pytest_args: tuple[str, ...],
) -> int:
    """Attach or bring up, check, run the trials, and conclude a verdict.

    What follows `--` goes to pytest.
    """
    order = Order(
        system=load_system(system, environment),
        name=name,
        report_dir=report_dir,
        priorities=tuple(Priority(p) for p in priorities) or tuple(Priority),
        pytest_args=pytest_args,
    )
    result = run(order, _Lines())
    if as_json:
        print_json(run_json(result))
    else:
        print_decision(result.decision)
        click.echo("")
        print_places(result)
    return int(result.exit_code)


def print_places(result: Result) -> None:
    """Where the reports are, or why they are nowhere, and where the run is."""
    if result.unreported is None:
        click.echo(f"reports: {result.reports}")
    else:
        click.echo(f"seatrial: {result.unreported}", err=True)
    click.echo(f"run:     {result.folder}")


def run_json(result: Result) -> JsonValue:
    lost = result.unreported
    return {
        "run": str(result.folder),
        "reports": str(result.reports),
        **decision_json(result.decision),
        **({} if lost is None else {"error": lost.message, "hint": lost.hint}),
        "exit_code": int(result.exit_code),
    }


def decision_json(decision: Decision) -> dict[str, JsonValue]:
    return {
        "verdict": decision.verdict.value,
        "exit_code": int(decision.exit_code),
        "reasons": [str(reason) for reason in decision.reasons],
        "warnings": [str(reason) for reason in decision.warnings],
    }


def print_decision(decision: Decision) -> None:
    good = decision.verdict is Verdict.GO
    head = f"{decision.verdict.value.upper()} (exit {int(decision.exit_code)})"
    click.echo("\n" + colour(head, "green" if good else "red"))
    for reason in decision.reasons:
        click.echo(f"  - {reason}")
    missing = [w for w in decision.warnings if w.exit_code is ExitCode.INCONCLUSIVE]
    wrong = [w for w in decision.warnings if w.exit_code is not ExitCode.INCONCLUSIVE]
    if wrong:
        click.echo(colour("warnings:", "yellow"))
    for reason in wrong[:_WARNINGS]:
        click.echo(f"  - {reason}")
    if len(wrong) > _WARNINGS:
        click.echo(f"  and {len(wrong) - _WARNINGS} more, in the report")
    if missing:
        click.echo(f"not looked at, below p1: {len(missing)} (the report says which, and why)")
