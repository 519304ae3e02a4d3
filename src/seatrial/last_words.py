"""Why something ended, as its log says it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from seatrial.secrecy import ending

#: So many last lines are looked at.
LINES = 20
_LONGEST = 400  # characters of the line that is told
_TROUBLE = re.compile(
    r"(?i)(?:error|exception|fatal|panic|denied|refused|invalid|missing|required|unable"
    r"|not[ _]found|fail(?:ed|ure)|cannot|can\W?t|could not|do(?:es)?(?: not|n\W?t) exist"
    r"|no such|undefined)\b"
)
_WORD = re.compile(r"\w")
#: What a server says of its own end, whatever that came from.
_FOLLOWS = re.compile(r"(?i)\b(?:shutting down|aborting startup|terminated by|terminating)\b")


def last_words(lines: Sequence[str]) -> str:
    """Of the last lines of a log that is not redacted yet, the last that tells of trouble, else
    the last: what comes behind an error is often only where in the program that was. "" for none.
    """
    said = [line for line in lines if _WORD.search(line)]  # others point at a place, as "^" does
    words = [line for line in said if not line[0].isspace()]  # no frame or source of a trace
    telling = (
        line for line in reversed(words) if _TROUBLE.search(line) and not _FOLLOWS.search(line)
    )
    return ending(next(telling, said[-1] if said else "").strip(), _LONGEST)


def and_last_words(lines: Sequence[str]) -> str:
    """The same, to be put behind what is known already."""
    told = last_words(lines)
    return f"; its log: {told}" if told else ""
