"""The exit table: which verdict each exit code means, and which goes first."""

from __future__ import annotations

from seatrial.outcome import ExitCode, Verdict

#: The exit table, from the top: the first row for which there is a reason applies. ExitCode.USAGE
#: has its row between CRASHED and DOWN, but ends a command before there is a run to judge.
ROWS: tuple[tuple[ExitCode, Verdict], ...] = (
    (ExitCode.INTERRUPTED, Verdict.INVALID),
    (ExitCode.CRASHED, Verdict.INVALID),
    (ExitCode.DOWN, Verdict.NO_GO),
    (ExitCode.FAILED, Verdict.NO_GO),
    (ExitCode.INCONCLUSIVE, Verdict.INCONCLUSIVE),
    (ExitCode.GO, Verdict.GO),
)
VERDICTS: dict[ExitCode, Verdict] = dict(ROWS)
_RANKS = {code: place for place, (code, _) in enumerate(ROWS)}


def rank(code: ExitCode) -> int:
    """The place in the exit table; the lower, the worse."""
    return _RANKS[code]
