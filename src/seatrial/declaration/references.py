"""`{component.field}` and `{component.endpoint.field}` in the strings of a component.

Only text of exactly that shape is a reference; any other brace (JSON in an environment variable,
say) is literal. `{{component.field}}` is the literal text `{component.field}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from seatrial.errors import DeploymentError

#: What can be asked of an endpoint. `urls` are those of all replicas, joined by commas.
FIELDS = ("url", "urls", "host", "port", "user", "password", "path")

_NAME = r"[A-Za-z_][A-Za-z0-9_-]*"
_REFERENCE = rf"\{{({_NAME})\.({_NAME})(?:\.({_NAME}))?\}}"
_ONE = re.compile(_REFERENCE)
_ONE_OR_ESCAPED = re.compile(rf"\{{({_REFERENCE})\}}|{_REFERENCE}")


class EndpointLike(Protocol):
    """What a reference can name of one address; `kinds.base.Endpoint` is one."""

    @property
    def url(self) -> str: ...
    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def user(self) -> str | None: ...
    @property
    def password(self) -> str | None: ...
    @property
    def path(self) -> str: ...


#: component -> endpoint -> one address a replica; the first endpoint is the default one.
Endpoints = Mapping[str, Mapping[str, Sequence[EndpointLike]]]


@dataclass(frozen=True)
class Found:
    """A reference as it is written; `endpoint` is None where the default one is meant."""

    text: str
    owner: str
    endpoint: str | None
    field: str


def _found(match: re.Match[str], first: int = 1) -> Found:
    owner, second, third = match.group(first, first + 1, first + 2)
    text = match.group(0)
    return Found(text, owner, second, third) if third else Found(text, owner, None, second)


def find(text: str) -> Iterator[Found]:
    """The references in a string, in order."""
    for match in _ONE_OR_ESCAPED.finditer(text):
        if match.group(1) is None:
            yield _found(match, 5)


def escape(text: str) -> str:
    """The text such that `resolve` gives it back as it was."""
    return _ONE.sub(lambda match: f"{{{match.group(0)}}}", text)


def without(text: str, place: str) -> str:
    """The string with `place` where it has references, and the rest as `resolve` gives it."""
    return _ONE_OR_ESCAPED.sub(lambda match: match.group(1) or place, text)


def resolve(text: str, endpoints: Endpoints, *, viewer: str | None = None, replica: int = 0) -> str:
    """Fill in the references of a string as seen by `viewer`.

    A reference of the viewer to itself is to its own `replica` (0-based), any other to the first.
    Raises DeploymentError where an address is not known in this deployment.
    """

    def fill(match: re.Match[str]) -> str:
        if match.group(1) is not None:
            return match.group(1)
        reference = _found(match, 5)
        own = replica if reference.owner == viewer else 0
        return _value(reference, _addresses(reference, endpoints), own)

    return _ONE_OR_ESCAPED.sub(fill, text)


def _addresses(reference: Found, endpoints: Endpoints) -> Sequence[EndpointLike]:
    known = endpoints.get(reference.owner, {})
    name = reference.endpoint or next(iter(known), "")
    if not known.get(name):
        what = f"{reference.owner}.{name}" if name else reference.owner
        raise DeploymentError(
            f"{reference.text} cannot be filled in: {what} has no address in this deployment",
            hint="declare the endpoint in this environment, or do without the reference",
        )
    return known[name]


def _value(reference: Found, addresses: Sequence[EndpointLike], replica: int) -> str:
    if reference.field == "urls":
        return ",".join(address.url for address in addresses)
    if reference.field not in FIELDS or replica >= len(addresses):
        raise DeploymentError(f"{reference.text} cannot be filled in for replica {replica}")
    value = getattr(addresses[replica], reference.field)
    return "" if value is None else str(value)
