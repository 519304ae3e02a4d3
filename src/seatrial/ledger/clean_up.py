"""Finding and removing what trials created, with the system's own `clean_up`."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from seatrial.declaration.models import CleanUp
from seatrial.environment.deployment import Deployment
from seatrial.kinds.base import CleanUpFacet, Target, load


@dataclass(frozen=True)
class _Part:
    facet: CleanUpFacet
    target: Target
    how: CleanUp


class Cleaner:
    """All parts of `clean_up`, in the order of the declaration."""

    def __init__(self, deployment: Deployment) -> None:
        self._system = deployment.system
        self._targets = deployment.targets()

    @property
    def components(self) -> tuple[str, ...]:
        return tuple(self._system.clean_up)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where the components are that it works on: the same addresses, the same data."""
        found = (self._targets[name].endpoints for name in self.components)
        return tuple(e.masked for named in found for es in named.values() for e in es)

    def lacking(self) -> str | None:
        """Why trials cannot be cleaned up after in this environment; None if they can, as far as
        can be known without asking a server."""
        if not self._system.clean_up:
            return f"{self._system.file.name} declares no clean_up"
        for name in self.components:
            if load(self._targets[name].kind).cleaner is None:
                return f"nothing can be removed from a {self._targets[name].kind} ({name})"
            if not self._targets[name].endpoints:
                return f"{name} has no endpoint in the environment {self._system.environment}"
        return None

    def try_out(self) -> str | None:
        """Look for a key that nobody has; why that fails, or None. Removes nothing."""
        try:
            self.left([f"seatrial-{secrets.token_hex(8)}"])
        except Exception as error:
            return f"clean_up does not work: {type(error).__name__}: {error}"
        return None

    def _parts(self) -> Iterator[_Part]:
        for name, how in self._system.clean_up.items():
            facet = load(self._targets[name].kind).cleaner
            if facet is not None and self._targets[name].endpoints:
                yield _Part(facet, self._targets[name], how)

    def left(self, keys: Sequence[str]) -> int:
        """How many things with these keys are there. Raises what the kind's client raises."""
        return sum(part.facet.left(part.target, part.how, keys) for part in self._parts())

    def remove(self, keys: Sequence[str]) -> None:
        for part in self._parts():
            part.facet.remove(part.target, part.how, keys)
