"""What runs although Seatrial has not started it."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from seatrial.compose.attach import Attached, project_of
from seatrial.compose.networks import refuse_shared
from seatrial.declaration.models import System
from seatrial.environment.commands import whole
from seatrial.errors import DeploymentError


def project_runs(system: System) -> bool:
    """Whether its environment is a compose project that somebody else has started; asked in a
    thread of its own, since the caller's may have a loop that runs (an asynchronous trial)."""
    if system.config.provider != "compose":
        return False
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, Attached.to(system).runs()).result()


def refuse_what_meets(system: System) -> None:
    """Raises UsageError where a second compose project would meet the user's."""
    if system.config.provider == "compose":
        services = [one for one in project_of(system).services.values() if not one.profiles]
        refuse_shared(
            {one.name: one.network_mode for one in services},
            {one.container_name: one.name for one in services},
        )


def runs_without_us(system: System) -> bool:
    """Whether it is there to be looked at although Seatrial has not started it."""
    return system.config.provider == "remote" or project_runs(system)


def not_up(system: System, name: str) -> DeploymentError:
    """What to say where nothing runs that Seatrial has started."""
    called, up = f" as {name}" if name else "", whole("seatrial up", system, name)
    with suppress(DeploymentError):  # a mistake in its file is told
        if not name and project_runs(system):
            compose = project_of(system).compose()
            called = ", where only the compose project that you started runs"
            up = f"{compose} ps, {compose} restart ...; or {up}, which starts one of Seatrial's own"
    return DeploymentError(f"{system.name} is not up in {system.environment}{called}", hint=up)
