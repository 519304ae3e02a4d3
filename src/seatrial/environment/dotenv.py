"""The variables that a remote environment reads, filled from a deployment that runs here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seatrial.declaration.models import System
from seatrial.errors import UsageError
from seatrial.kinds.base import Endpoint, Target


def dotenv(system: System, targets: Mapping[str, Target], remote: str | None) -> list[str]:
    """Lines `NAME=value` for the remote environment's whole-value `${VAR}`s, quoted for a shell.

    Raises UsageError when there is no such remote environment.
    """
    chosen = remote or _only_remote(system)
    if chosen not in system.variables:
        raise UsageError(
            f"{system.name} has no remote environment {chosen!r} that reads variables",
            hint=f"its remote environments: {', '.join(system.variables) or 'none'}",
        )
    lines = {}
    for component, endpoints in system.variables[chosen].items():
        for name, fields in endpoints.items():
            replicas = targets[component].endpoints[name]
            for field, variable in fields.items():
                lines[variable] = f"{variable}={_quote(_value(replicas, field, fields))}"
    return list(lines.values())


def _only_remote(system: System) -> str:
    names = [name for name in system.variables if not system.environments[name].protected]
    if len(names) != 1:
        raise UsageError(
            f"{system.name} has {len(names)} remote environments: which one's variables?",
            hint=f"say --for NAME; there are: {', '.join(names) or 'none'}",
        )
    return names[0]


def _value(replicas: Sequence[Endpoint], field: str, fields: Mapping[str, str]) -> str:
    """`field` is url, user or password, or url.N of replica N; the first where it has no such."""
    name, _, number = field.partition(".")
    index = int(number or 0)
    endpoint = replicas[index if index < len(replicas) else 0]
    if name == "url":
        # User and password have variables of their own: then the URL is without them.
        bare = "user" in fields or "password" in fields
        return endpoint.without_login.url if bare else endpoint.url
    return str(getattr(endpoint, name) or "")


def _quote(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"
