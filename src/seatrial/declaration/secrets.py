"""The secrets that a declaration holds, so that they can be redacted by value from the start."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

from seatrial.declaration import references
from seatrial.declaration.source import MapNode, Scalar, scalars
from seatrial.secrecy import LOGIN, secrets_under

#: Where a name that names a secret has one beneath it; a table's column `password` has none.
_SETTINGS = ("components", "environments")


def secrets_in(root: MapNode, environment: str | None) -> tuple[str, ...]:
    """What stands under a name of a secret, came from a variable of such a name, or is the
    password of a URL; environments that are not in use are left out."""
    found: dict[str, None] = {}
    for path, scalar in scalars(root):
        if path[0] == "environments" and path[1:2] != (environment,):
            continue
        found.update(dict.fromkeys(scalar.secrets))
        if path[0] in _SETTINGS:
            name = next((part for part in reversed(path) if isinstance(part, str)), "")
            found.update(dict.fromkeys(_of_setting(name, scalar)))
    return tuple(value for value in found if value)


def _of_setting(name: str, scalar: Scalar) -> Iterator[str]:
    if scalar.value is None or isinstance(scalar.value, bool):
        return
    if next(references.find(scalar.text), None) is None:
        value = references.resolve(scalar.text, {})
        yield from secrets_under(name, value)
    else:  # the endpoint that it refers to has the secret, but a URL may hold one beside it
        value = scalar.text
    for login in LOGIN.finditer(value):
        if next(references.find(login["value"]), None) is None:
            yield unquote(login["value"])
