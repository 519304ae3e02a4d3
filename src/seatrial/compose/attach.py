"""Looking at a compose project that runs without Seatrial having started it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from seatrial.compose.engine import Container, containers
from seatrial.compose.logs import Heard, unsettled, with_last_words
from seatrial.compose.project import Project, read_project
from seatrial.compose.targets import service_of, targets
from seatrial.declaration.models import System
from seatrial.errors import DeploymentError
from seatrial.kinds.base import Target


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
        """Raises EngineError."""
        return await containers(self.project.name)

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
            raise DeploymentError(
                f"nothing of the compose project {self.project.name} is there",
                hint=f"{self.project.compose()} up -d   (or seatrial up, which starts one of "
                "Seatrial's own beside it)",
            )
        declared = {service_of(one) for one in self.system.components.values()}
        ours = [one for one in unsettled(found) if one.service in declared]
        others = [one for one in found if one.service not in declared]
        told = await with_last_words(ours, self._heard)
        return targets(self.system, self.project, told + others)


def project_of(system: System) -> Project:
    """The compose project of the system's environment. Raises ComposeFileError."""
    file = system.compose_file
    assert file is not None, "the provider is compose"
    return read_project(Path(file), os.environ)
