"""Collects every mistake found in a declaration, words hints, and keeps secrets out of both."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from seatrial.declaration.models import Location
from seatrial.errors import DeclarationError, Problem
from seatrial.secrecy import may_name_secret

_LISTED = 12  # valid names that a hint lists when none of them is near
_SHOWN = 60  # characters of a value that a message shows
NOT_SHOWN = "a value that is not shown"
_LOGIN = re.compile(r"(?<=://)[^/\s@'\"]*@|(?<=://)[^\s]*@(?=[^\s@]*$)")

Path_ = tuple[str | int, ...]


class Problems:
    """The mistakes of one file, each once."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._found: dict[Problem, tuple[int, int]] = {}
        self._settled: set[str] = set()

    def add(
        self,
        at: Location,
        path: Path_,
        message: str,
        hint: str | None = None,
        *,
        follows: bool = True,
    ) -> None:
        """Note a mistake, unless it can follow from one that an earlier step found here or above.

        `follows=False`: it is a mistake of its own, whatever was found before.
        """
        key = dotted(path)
        if not follows or not any(_within(key, settled) for settled in self._settled):
            problem = Problem(str(self.file), at.line, key, mask(message), hint and mask(hint))
            self._found.setdefault(problem, (at.line, at.column))

    def settle(self) -> None:
        """A step ends: what later steps find at the keys mistaken so far follows from it."""
        self._settled = {problem.key for problem in self._found}

    def settled_below(self, path: Path_) -> bool:
        """Whether an earlier step found a mistake at this key or beneath it."""
        return any(_within(settled, dotted(path)) for settled in self._settled)

    def __bool__(self) -> bool:
        return bool(self._found)

    def error(self) -> DeclarationError:
        """All of them, in file order."""
        return DeclarationError(sorted(self._found, key=lambda problem: self._found[problem]))


def _within(key: str, above: str) -> bool:
    return key == above or key.startswith(f"{above}.")


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


def mask(text: str) -> str:
    """The text without the credentials of any URL in it."""
    return _LOGIN.sub("***@", text)


def show(text: str, path: Path_ = (), *, hidden: bool = False) -> str:
    """A found value for a message: short, masked, and never a secret's."""
    if hidden or any(may_name_secret(part) for part in path if isinstance(part, str)):
        return NOT_SHOWN
    masked = mask(text)
    return masked if len(masked) <= _SHOWN else f"{masked[:_SHOWN]}..."
