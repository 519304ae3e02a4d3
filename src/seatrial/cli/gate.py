"""`seatrial gate`"""

from __future__ import annotations

from pathlib import Path

import click

from seatrial.cli.options import json_option, system_option
from seatrial.cli.output import print_json
from seatrial.cli.run import decision_json, print_decision
from seatrial.cli.runs import find_run
from seatrial.evidence.reader import read_run
from seatrial.gate.decide import decide


@click.command()
@click.argument("run", default="last")
@system_option
@json_option
def command(run: str, system: Path, as_json: bool) -> int:
    """Recompute the verdict of RUN (a folder, an id, or "last") from its evidence alone."""
    decision = decide(read_run(find_run(run, system)))
    if as_json:
        print_json(decision_json(decision))
    else:
        print_decision(decision)
    return int(decision.exit_code)
