"""The secrets that a declaration holds, so that they can be redacted by value from the start."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from seatrial.declaration import references
from seatrial.declaration.problems import Path_
from seatrial.declaration.source import MapNode, Scalar, scalars
from seatrial.secrecy import told

#: Where a name that names a secret has one beneath it; a table's column `password` has none.
_SETTINGS = ("components", "environments")
_REFERS = "\0"  # which no program can be told


def secrets_in(root: MapNode, environment: str | None) -> tuple[str, ...]:
    """What came from a variable whose name says so, and what settings and commands tell (see
    `told`); environments that are not in use are left out."""
    found: dict[str, None] = {}
    used = [
        (path, scalar)
        for path, scalar in scalars(root)
        if path[0] != "environments" or path[1:2] == (environment,)
    ]
    for _, scalar in used:
        found.update(dict.fromkeys(scalar.secrets))
    settings = [(path, scalar) for path, scalar in used if path[0] in _SETTINGS]
    for secret in (*_of_settings(settings), *_of_lists(settings)):
        if _REFERS not in secret:  # else an endpoint has it
            found[secret] = None
    return tuple(value for value in found if value)


def _of_settings(settings: list[tuple[Path_, Scalar]]) -> Iterator[str]:
    for path, scalar in settings:
        if scalar.value is not None and not isinstance(scalar.value, bool):
            name = next((part for part in reversed(path) if isinstance(part, str)), "")
            yield from told.in_setting(name, references.without(scalar.text, _REFERS))


def _of_lists(settings: list[tuple[Path_, Scalar]]) -> Iterator[str]:
    """A list may be a command."""
    for _, listed in groupby(settings, key=lambda one: one[0][:-1]):
        words = [scalar.text for path, scalar in listed if isinstance(path[-1], int)]
        yield from told.in_command([references.without(word, _REFERS) for word in words])
