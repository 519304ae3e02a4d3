"""Looking at a system without owning it: what `check` and `endpoints` need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from seatrial.declaration.models import System
from seatrial.environment.deployment import require_running
from seatrial.evidence.redaction import Redactor, redactor_of
from seatrial.keeper.remote import remote_context
from seatrial.kinds.base import Context, Target


@dataclass(frozen=True)
class View:
    system: System
    context: Context
    redactor: Redactor

    @property
    def targets(self) -> Mapping[str, Target]:
        return self.context.targets


@contextmanager
def view(system: System, name: str = "") -> Iterator[View]:
    """The targets of a system: a remote one as declared, one that Seatrial starts as it runs.

    Raises DeploymentError when it would have to be started first.
    """
    if system.config.provider == "remote":
        yield View(system, remote_context(system), redactor_of(system))
        return
    with require_running(system, name) as deployment:
        yield View(system, deployment.context(), deployment.redactor)
