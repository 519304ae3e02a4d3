"""Looking at a compose project that runs without Seatrial having started it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from seatrial.compose.earshot import with_listeners
from seatrial.compose.engine import Container
from seatrial.compose.logs import Heard, unsettled, with_last_words
from seatrial.compose.project import Project, read_project
from seatrial.compose.running import Amiss, amiss, look_for
from seatrial.compose.states import LONG
from seatrial.compose.targets import service_of, targets
from seatrial.declaration.models import System
from seatrial.errors import DeploymentError
from seatrial.kinds.base import Target
from seatrial.outcome import State


@dataclass(frozen=True)
class Attached:
    """A project, by the name that Compose gives it."""

    system: System
    project: Project
    _heard: Heard = field(default_factory=dict, compare=False)

    @classmethod
    def to(cls, system: System) -> Attached:
        """Raises ComposeFileError."""
        return cls(system, project_of(system))

    async def containers(self) -> list[Container]:
        """Those of its own files; a namesake's are none. Raises EngineError."""
        return (await look_for(self.project)).ours

    async def amiss(self) -> Amiss | None:
        """Where it is not as its files say. Raises EngineError."""
        return await amiss(self.project, await look_for(self.project))

    async def containers_of(self, component: str) -> list[Container]:
        """Raises EngineError."""
        service = service_of(self.system.components[component])
        return [one for one in await self.containers() if one.service == service]

    async def runs(self) -> bool:
        """Whether any container of it is up. Raises EngineError."""
        return any(one.status in ("running", "paused") for one in await self.containers())

    async def targets(self) -> dict[str, Target]:
        """Every component as it is now. Raises DeploymentError where nothing of it is there."""
        found = await self.containers()
        if not found:
            raise await self._nothing_there()
        declared = {service_of(one) for one in self.system.components.values()}
        ours = [one for one in unsettled(found) if one.service in declared]
        others = [one for one in found if one.service not in declared]
        told = await with_last_words(with_listeners(ours), self._heard)
        found_targets = targets(self.system, self.project, told + others)
        running = {one.service: one.ran_for for one in ours if one.status == "running"}
        return {
            name: _as_it_lasts(one, running.get(service_of(self.system.components[name]), 0.0))
            for name, one in found_targets.items()
        }

    async def _nothing_there(self) -> DeploymentError:
        message = f"nothing of the compose project {self.project.name} is there"
        instead = "seatrial up, which starts one of Seatrial's own"
        if (why := await self.amiss()) is not None:
            return DeploymentError(f"{message}: {why.found}", hint=f"{why.fix} (or {instead})")
        start = f"{self.project.compose()} up -d   (or {instead} beside it)"
        return DeploymentError(message, hint=start)


def _as_it_lasts(target: Target, seconds: float) -> Target:
    """A task that has run for long while everything is up may be none."""
    if target.kind != "task" or seconds < LONG or State.STARTING not in target.states:
        return target
    words = replace(target.provider, lasts=f"it still runs, {seconds:.0f} s after it was started")
    states = tuple(State.READY if one is State.STARTING else one for one in target.states)
    return replace(target, states=states, provider=words)


def project_of(system: System) -> Project:
    """The compose project of the system's environment. Raises ComposeFileError."""
    file = system.compose_file
    assert file is not None, "the provider is compose"
    return read_project(Path(file), os.environ)
