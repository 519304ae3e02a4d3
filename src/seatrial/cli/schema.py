"""`seatrial schema`"""

from __future__ import annotations

import click

from seatrial.cli.options import json_option
from seatrial.cli.output import print_json


@click.command()
@click.option("--of", "what", type=click.Choice(["declaration", "report"]), default="declaration")
@json_option
def command(what: str, as_json: bool) -> int:
    """Print a JSON Schema: of seatrial.yaml for editors, or of report.json for programs."""
    if what == "report":
        from seatrial.report.model import report_schema

        print_json(report_schema())
    else:
        from seatrial.declaration.schema import json_schema
        from seatrial.kinds.registry import KINDS

        print_json(json_schema(KINDS))
    return 0
