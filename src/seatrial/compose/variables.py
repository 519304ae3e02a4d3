"""`$VAR`, `${VAR}` and its forms as Compose fills them in; `$$` is a dollar sign.

${VAR:-default} ${VAR-default}      where it is empty or unset; where it is unset
${VAR:?message} ${VAR?message}      likewise, and then an error
${VAR:+other} ${VAR+other}          `other` where it is set (and not empty)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_REFERENCE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)")
_FORM = re.compile(r"(:?[-?+])")
_DEEPEST = 10
_LONGEST = 2_000_000  # characters of what is filled in: files of variables build on each other


_REWRITE = "correct it: a dollar sign that is meant is written $$"


class Unfillable(Exception):
    """A variable that must be set is not, or a form that Compose does not know either."""

    def __init__(self, message: str, hint: str = _REWRITE) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass
class Filler:
    """Fills in variables, and remembers which were neither set nor given a default."""

    variables: Mapping[str, str] = field(repr=False)
    unset: set[str] = field(default_factory=set)

    def fill(self, text: str, depth: int = 0) -> str:
        """Raises Unfillable."""
        if depth > _DEEPEST:
            raise Unfillable("variables are nested too deeply")
        parts: list[str] = []
        rest, length = 0, len(text)
        while (at := text.find("$", rest)) >= 0:
            length += len(parts[-1]) if parts else 0
            if length > _LONGEST:
                raise Unfillable("with its variables filled in it is too long")
            parts.append(text[rest:at])
            following = text[at + 1 : at + 2]
            if following == "$":
                parts.append("$")
                rest = at + 2
            elif following == "{":
                end = _closing(text, at + 2)
                parts.append(self._form(text[at + 2 : end], depth))
                rest = end + 1
            elif (name := _NAME.match(text, at + 1)) is not None:
                parts.append(self._plain(name[0]))
                rest = name.end()
            else:
                parts.append("$")
                rest = at + 1
        return "".join((*parts, text[rest:]))

    def _plain(self, name: str) -> str:
        if name not in self.variables:
            self.unset.add(name)
        return self.variables.get(name, "")

    def _form(self, inner: str, depth: int) -> str:
        name = _NAME.match(inner)
        if name is None:
            raise Unfillable(f"${{{inner}}} is no variable")
        rest = inner[name.end() :]
        if not rest:
            return self._plain(name[0])
        form = _FORM.match(rest)
        if form is None:
            raise Unfillable(f"${{{name[0]}...}} is no form that Compose knows")
        value = self.variables.get(name[0])
        is_set = bool(value) if form[0].startswith(":") else value is not None
        other = rest[form.end() :]
        match form[0][-1]:
            case "-":
                return (value or "") if is_set else self.fill(other, depth + 1)
            case "+":
                return self.fill(other, depth + 1) if is_set else ""
        if not is_set:
            why = self.fill(other, depth + 1) or "required"
            raise Unfillable(f"{name[0]} must be set: {why}", "set it in the shell or in .env")
        return value or ""


def names_in(text: str) -> tuple[str, ...]:
    """The variables that are filled in, defaults' own included."""
    return tuple(dict.fromkeys(_REFERENCE.findall(text.replace("$$", ""))))


def _closing(text: str, start: int) -> int:
    """The index of the brace that closes the one before `start`. Raises Unfillable."""
    level = 1
    for at in range(start, len(text)):
        if text[at] == "}":
            level -= 1
            if not level:
                return at
        elif text[at] == "{" and text[at - 1] == "$":
            level += 1
    raise Unfillable("${ is never closed", f"write its }}, or {_REWRITE}")
