"""`seatrial report`"""

from __future__ import annotations

from pathlib import Path

import click

from seatrial.cli.options import json_option, system_option
from seatrial.cli.runs import find_run
from seatrial.evidence.reader import read_run
from seatrial.gate.decide import decide
from seatrial.report.write import require_writable, write_reports


@click.command()
@click.argument("run", default="last")
@system_option
@json_option
@click.option(
    "--report-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the reports go (default: the run's folder).",
)
def command(run: str, system: Path, as_json: bool, report_dir: Path | None) -> int:
    """Write the reports of RUN (a folder, an id, or "last") again, and show its summary."""
    folder = find_run(run, system)
    evidence = read_run(folder)
    reports = report_dir or folder / "reports"
    require_writable(reports)
    write_reports(evidence, decide(evidence), reports)
    shown = "report.json" if as_json else "summary.md"
    click.echo((reports / shown).read_text())
    if not as_json:
        click.echo(f"reports: {reports}")
    return 0
