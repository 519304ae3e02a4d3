"""What is left of a secret behind the dots that stand where a text was cut.

pytest leaves out the middle of long values ('o...ecret-5'), and we the beginning of long outputs.
Masking comes after that, and has only the end of the secret to recognise it by.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

SHORTEST = 6  # characters

_DOTS = re.compile(r"(?:\.{3}|…)(?!\.)")


class Rests:
    """Finds the ends of secrets, and parts of them that are cut at both sides."""

    def __init__(self, secrets: Iterable[str]) -> None:
        #: By their first characters: the text that they are a part of, and where in it they begin.
        self._known: dict[str, list[tuple[str, int]]] = {}
        for secret in secrets:
            for written in {secret, repr(secret)[1:-1], json.dumps(secret)[1:-1]}:
                for at in range(1, len(written) - SHORTEST + 1):
                    known = self._known.setdefault(written[at : at + SHORTEST], [])
                    known.append((written, at))

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        for dots in _DOTS.finditer(text) if self._known else ():
            start = dots.end()
            for written, at in self._known.get(text[start : start + SHORTEST], ()):
                length = _shared(text, start, written, at)
                if at + length == len(written) or _DOTS.match(text, start + length):
                    yield start, start + length


def _shared(text: str, start: int, other: str, at: int) -> int:
    """How many characters are the same from these two places on."""
    length = 0
    for one, another in zip(text[start : start + len(other) - at], other[at:], strict=False):
        if one != another:
            break
        length += 1
    return length
