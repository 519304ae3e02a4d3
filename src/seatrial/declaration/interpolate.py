"""`${VAR}` and `${VAR:-default}` from the environment; `$${` is the literal text `${`.

A default may hold further variables and balanced braces, so `${DATABASE_URL:-{postgres.url}}`
works. Values are never read again: what a variable holds is data, neither a variable nor (within a
component) a reference.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from seatrial.declaration import references
from seatrial.declaration.problems import Path_, Problems, nearest
from seatrial.declaration.source import Entry, ListNode, MapNode, Node, Scalar, with_text
from seatrial.secrecy import may_name_secret
from seatrial.secrecy.told import secrets_under

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MAX_NESTING = 10
_MAX_LENGTH = 1_000_000  # characters of one filled-in string
_FORMS = "write ${NAME}, ${NAME:-default}, or $${ for a literal ${"


class _Malformed(Exception):
    pass


@dataclass
class _Text:
    """One string that is being filled in."""

    variables: Mapping[str, str]
    protect: Callable[[str], str]
    unset: list[str] = field(default_factory=list)
    hidden: bool = False
    secrets: list[str] = field(default_factory=list)

    def fill(self, text: str, depth: int = 0) -> str:
        if depth > _MAX_NESTING:
            raise _Malformed("variables are nested too deeply")
        parts: list[str] = []
        rest = 0
        while (at := text.find("${", rest)) >= 0:
            if at > rest and text[at - 1] == "$":
                parts += [text[rest : at - 1], "${"]
                rest = at + 2
                continue
            end = _closing(text, at + 2)
            parts += [text[rest:at], self._value(text[at + 2 : end], depth)]
            rest = end + 1
        parts.append(text[rest:])
        if sum(map(len, parts)) > _MAX_LENGTH:
            raise _Malformed("the text is too long with its variables filled in")
        return "".join(parts)

    def _value(self, inner: str, depth: int) -> str:
        name, colon, default = inner.partition(":-")
        if not _NAME.fullmatch(name):
            raise _Malformed("this use of ${ is not understood")
        self.hidden = self.hidden or may_name_secret(name)
        value = self.variables.get(name)
        if colon and not value:
            filled = self.fill(default, depth + 1)
            if next(references.find(filled), None) is None:
                self.secrets += secrets_under(name, filled)
            return filled
        if value is None:
            self.unset.append(name)
            return ""
        self.secrets += secrets_under(name, value)
        return self.protect(value)


def _closing(text: str, start: int) -> int:
    """The index of the brace that closes the one before `start`."""
    open_braces = 1
    for at in range(start, len(text)):
        if text[at] == "{":
            open_braces += 1
        elif text[at] == "}":
            open_braces -= 1
            if not open_braces:
                return at
    raise _Malformed("${ is never closed")


def fill(
    node: Node,
    variables: Mapping[str, str],
    problems: Problems,
    path: Path_,
    *,
    protect: Callable[[str], str] = str,
) -> Node:
    """The node with all variables beneath it filled in; `protect` is applied to their values."""
    if isinstance(node, MapNode):
        entries = {
            key: Entry(
                entry.at, fill(entry.node, variables, problems, (*path, key), protect=protect)
            )
            for key, entry in node.entries.items()
        }
        return MapNode(node.at, entries, node.weight)
    if isinstance(node, ListNode):
        items = (
            fill(item, variables, problems, (*path, index), protect=protect)
            for index, item in enumerate(node.items)
        )
        return ListNode(node.at, tuple(items), node.weight)
    if not has_variable(node):
        return node
    return _fill_scalar(node, _Text(variables, protect), problems, path)


def _fill_scalar(node: Scalar, text: _Text, problems: Problems, path: Path_) -> Scalar:
    try:
        filled = text.fill(node.text)
    except _Malformed as error:
        problems.add(node.at, path, str(error), _FORMS)
        return node
    for name in text.unset:
        near = nearest(name, text.variables, whole_list=False)
        problems.add(
            node.at,
            path,
            f"the variable {name} is not set and has no default",
            f"{near or f'set {name}'} (a default is written ${{{name}:-default}})",
        )
    return with_text(node, filled, hidden=text.hidden, secrets=tuple(text.secrets))


def has_variable(node: Node | None) -> bool:
    """Whether it is text with at least one `${` in it."""
    return isinstance(node, Scalar) and isinstance(node.value, str) and "${" in node.value


def whole_variable(node: Node | None) -> str | None:
    """The name of the variable that is the whole of this text, None where it is not so."""
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        return None
    text = node.value
    if not text.startswith("${"):
        return None
    try:
        end = _closing(text, 2)
    except _Malformed:
        return None
    name = text[2:end].partition(":-")[0]
    return name if end == len(text) - 1 and _NAME.fullmatch(name) else None
