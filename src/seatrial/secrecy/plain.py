"""What a program prints, as text alone: nothing in it acts on a terminal, or splits a secret."""

from __future__ import annotations

import re

#: ECMA-48: what begins a string up to its end or the next escape, then control sequences, then
#: escapes of few characters.
_SEQUENCE = re.compile(
    r"(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x9c|\x1b\\)?"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|\x1b[ -/]*[0-~]?"
)
#: Other control characters but the tab, and what changes the direction of writing.
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def plain(line: str) -> str:
    """Of one line."""
    if _CONTROL.search(line) is None:
        return line
    return _CONTROL.sub("", _SEQUENCE.sub("", line))
