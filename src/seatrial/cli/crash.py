"""A bug in Seatrial: the traceback goes to a file, one line to the user."""

from __future__ import annotations

import traceback
from datetime import UTC, datetime

import click

from seatrial.evidence.redaction import Redactor
from seatrial.keeper.places import base
from seatrial.outcome import ExitCode


def report_crash(error: Exception) -> int:
    text = Redactor().redact("".join(traceback.format_exception(error)))
    summary = Redactor().redact(f"{type(error).__name__}: {error}")
    try:
        file = base() / f"crash-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.txt"
        file.touch(mode=0o600)
        file.write_text(text)
        where = f"the details are in {file}; please report them"
    except Exception:  # even the disk may be full: still say what is known
        where = "its details could not be written"
    click.echo(
        f"seatrial: this is a fault of Seatrial itself: {summary}\n  to do: {where}", err=True
    )
    return int(ExitCode.CRASHED)
