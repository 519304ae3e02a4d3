"""Collects every mistake found in a declaration, words hints, and keeps secrets out of both."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from seatrial.declaration.models import Location
from seatrial.errors import DeclarationError, Problem

_LISTED = 12  # valid names that a hint lists when none of them is near
_SHOWN = 60  # characters of a value that a message shows
_SECRET = re.compile(r"pass|pwd|secret|token|key|credential", re.IGNORECASE)
_LOGIN = re.compile(r"(?<=://)[^/\s@'\"]*@|(?<=://)[^\s]*@(?=[^\s@]*$)")

Path_ = tuple[str | int, ...]


class Problems:
    """The mistakes of one file. The first one found at a key wins: the rest follow from it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._found: dict[str, tuple[int, int, Problem]] = {}

    def add(self, at: Location, path: Path_, message: str, hint: str | None = None) -> None:
        key = dotted(path)
        if key not in self._found:
            problem = Problem(str(self.file), at.line, key, mask(message), hint and mask(hint))
            self._found[key] = (at.line, at.column, problem)

    def at(self, path: Path_) -> bool:
        """Whether a mistake is known at this key or beneath it."""
        key = dotted(path)
        return any(known == key or known.startswith(f"{key}.") for known in self._found)

    def __bool__(self) -> bool:
        return bool(self._found)

    def error(self) -> DeclarationError:
        """All of them, in file order."""
        ordered = sorted(self._found.values(), key=lambda found: found[:2])
        return DeclarationError([problem for _, _, problem in ordered])


def dotted(path: Path_) -> str:
    return ".".join(str(part) for part in path) or "(document)"


def nearest(name: str, valid: Iterable[str], *, whole_list: bool = True) -> str | None:
    """A hint: the valid name that was probably meant, else (for a short list) all of them."""
    names = list(dict.fromkeys(valid))
    folded = {known.casefold(): known for known in reversed(names)}
    close = get_close_matches(name.casefold(), list(folded), n=1)
    if close:
        return f"did you mean {folded[close[0]]}?"
    if whole_list and 0 < len(names) <= _LISTED:
        return f"valid here: {', '.join(names)}"
    return None


def looks_secret(name: str) -> bool:
    """Whether values under this key or in this variable must not be shown."""
    return _SECRET.search(name) is not None


def mask(text: str) -> str:
    """The text without the credentials of any URL in it."""
    return _LOGIN.sub("***@", text)


def show(text: str, path: Path_ = (), *, hidden: bool = False) -> str:
    """A found value for a message: short, masked, and never a secret's."""
    if hidden or any(looks_secret(part) for part in path if isinstance(part, str)):
        return "a value that is not shown"
    masked = mask(text)
    return masked if len(masked) <= _SHOWN else f"{masked[:_SHOWN]}..."
