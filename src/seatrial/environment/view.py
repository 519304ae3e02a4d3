"""Looking at a system without owning it: what `check` and `endpoints` need."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from seatrial.compose.attach import Attached
from seatrial.compose.engine import EngineError
from seatrial.compose.secrets import secrets_of
from seatrial.declaration.models import System
from seatrial.environment.deployment import attach, require_running
from seatrial.evidence.redaction import Redactor, redactor_of
from seatrial.keeper.attached import look_at
from seatrial.kinds.base import Context, Target


@dataclass(frozen=True)
class View:
    system: System
    context: Context
    redactor: Redactor
    which: str = ""  # where there may be another one of the same system

    @property
    def targets(self) -> Mapping[str, Target]:
        return self.context.targets


@contextmanager
def view(system: System, name: str = "") -> Iterator[View]:
    """The targets of a system: a remote one as declared, one that Seatrial started as it runs, and
    a compose project that somebody else started likewise, which has no name of ours.

    Raises DeploymentError when it would have to be started first.
    """
    compose = system.config.provider == "compose"
    if system.config.provider == "local" or (compose and name):
        with require_running(system, name) as deployment:
            yield View(system, deployment.context(), deployment.redactor)
        return
    owned = attach(system) if compose else None
    if owned is not None:
        with owned:
            which = "the project that Seatrial started"
            yield View(system, owned.context(), owned.redactor, which)
        return
    context, which = asyncio.run(_found(system))
    redactor = redactor_of(system)
    redactor.add(secrets_of(system))
    redactor.add(secret for target in context.targets.values() for secret in target.secrets)
    endpoints = (e for t in context.targets.values() for es in t.endpoints.values() for e in es)
    redactor.add(one.password for one in endpoints if one.password)
    yield View(system, context, redactor, which)


async def _found(system: System) -> tuple[Context, str]:
    if system.config.provider != "compose":
        return await look_at(system).context(), ""
    context, why = await asyncio.gather(look_at(system).context(), Attached.to(system).amiss())
    which = "the project that you started"
    return context, which if why is None else f"{which}; {why.found}\n  to do: {why.fix}"


def project_logs(
    system: System, components: Sequence[str], lines: int
) -> dict[str, tuple[str, ...]] | None:
    """The last log lines in a compose project that somebody else started, redacted; None where
    there is nothing of one. What has ended has its log still."""
    if system.config.provider != "compose":
        return None
    try:
        if not asyncio.run(Attached.to(system).containers()):
            return None
    except EngineError:  # nothing of one can be seen
        return None
    at = look_at(system)

    async def tails() -> list[tuple[str, ...]]:
        return await asyncio.gather(*(at.log_tail(one, lines) for one in components))

    with view(system) as seen:
        found = zip(components, asyncio.run(tails()), strict=True)
        return {one: tuple(seen.redactor.redact_lines(tail)) for one, tail in found}
