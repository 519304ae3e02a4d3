"""Text as every report writes it, whatever a terminal or an attacker put into it."""

from __future__ import annotations

import re
from datetime import datetime

_COLOURS = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
#: What XML cannot hold, what no eye sees, and what turns the direction of the text behind it.
_UNSEEN = re.compile(
    "[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
    "|[\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)


def visible(text: str) -> str:
    """The text without terminal colours, its control characters shown as \\x07 or \\u202e."""
    plain = _COLOURS.sub("", text).replace("\r\n", "\n")
    return _UNSEEN.sub(lambda found: _shown(ord(found[0])), plain)


def _shown(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def at_second(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
