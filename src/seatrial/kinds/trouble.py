"""What is wrong with a server, as whoever talks to it raises it, and as a probe says it."""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.outcome import Cause


class Trouble(Exception):
    """It could not be asked, or refused. `found` continues "found: ..."; no passwords."""

    def __init__(self, cause: Cause, found: str) -> None:
        super().__init__(found)
        self.cause = cause
        self.found = found


@dataclass(frozen=True)
class Diagnosis:
    cause: Cause
    expected: str
    found: str
    fix: str
