"""`seatrial check`"""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
from pydantic import JsonValue

from seatrial.checks.run import CheckReport, run_checks
from seatrial.cli.options import Finite, deployment_options, load_system
from seatrial.cli.output import colour, print_json
from seatrial.environment.view import view
from seatrial.evidence.redaction import Redactor
from seatrial.outcome import Health, Outcome


@click.command()
@deployment_options
@click.option("--deadline", default=30.0, show_default=True, type=Finite(0.5, 600))
def command(
    system: Path, environment: str | None, name: str, as_json: bool, deadline: float
) -> int:
    """Hold every expectation against the running system: read-only, under one deadline."""
    declared = load_system(system, environment)
    with view(declared, name) as seen:
        redactor = seen.redactor
        if seen.which:
            click.echo(f"seatrial: looking at {seen.which}", err=True)
        report = asyncio.run(run_checks(declared, seen.targets, seen.context, deadline, name))
    if as_json:
        print_json(redactor.redact_json(check_json(report)))
    else:
        print_check(report, redactor)
    return int(report.exit_code)


def check_json(report: CheckReport) -> dict[str, JsonValue]:
    """What `check --json` promises."""
    return {
        "ok": report.ok,
        "duration_ms": round(report.duration_ms, 1),
        "components": [
            {
                "name": one.component,
                "status": one.health.value,
                "response_time_ms": one.response_time_ms,
                "connection": one.connection.value,
                "error": one.error,
            }
            for one in report.components
        ],
        "findings": [finding.model_dump(mode="json") for finding in report.findings],
    }


def print_check(report: CheckReport, redactor: Redactor, *, err: bool = False) -> None:
    """The report for people: components, then one block a finding, then a count."""
    width = max((len(one.component) for one in report.components), default=0)
    for one in report.components:
        good = one.health is Health.HEALTHY
        health = colour(f"{one.health.value:<9}", "green" if good else "red", err=err)
        took = "" if one.response_time_ms is None else f"{one.response_time_ms:7.1f} ms"
        line = f"  {one.component:<{width}}  {health} {took}  {one.error or ''}"
        click.echo(redactor.redact(line).rstrip(), err=err)
    for finding in report.findings:
        head = colour(f"{finding.priority.value} {finding.id}", "red", err=err)
        lines = [
            "",
            f"  {head} ({finding.cause.value})",
            f"    expected: {finding.expected}",
            f"    found:    {finding.found}",
            f"    to do:    {finding.fix}",
        ]
        if finding.blocks:
            lines.append(f"    blocks:   {', '.join(finding.blocks)}")
        click.echo(redactor.redact("\n".join(lines)), err=err)
    found = len(report.findings)
    held = sum(result.outcome is Outcome.PASSED for result in report.expectations)
    click.echo(
        f"\n  {held} of {len(report.expectations)} expectations hold, "
        f"{found} finding{'' if found == 1 else 's'}, {report.duration_ms:.0f} ms",
        err=err,
    )
