"""Driving Compose and the engine for a project of Seatrial's own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from seatrial.compose import clear
from seatrial.compose.command import Command, compose_command
from seatrial.compose.copies import copies_in
from seatrial.compose.engine import (
    Container,
    EngineError,
    call,
    containers,
    docker,
)
from seatrial.compose.mentions import mentions
from seatrial.compose.own import Tree, built_by, own, project_name, resolved
from seatrial.compose.project import Project
from seatrial.compose.targets import service_of
from seatrial.declaration.models import System
from seatrial.kinds.base import load

#: The variable that says "0" where the images that the user's project built are to be taken.
BUILD = "SEATRIAL_BUILD"

_CONFIG_SECONDS = 30.0
_STOP_SECONDS = 2  # that a container has between SIGTERM and SIGKILL when all is taken down


@dataclass(frozen=True)
class Drive:
    """One project: the user's files, and the one that Seatrial makes of them in `folder`."""

    system: System
    project: Project
    name: str
    folder: Path
    command: Command

    @classmethod
    async def of(cls, system: System, project: Project, deployment: str, folder: Path) -> Drive:
        """Raises EngineError where Compose is missing."""
        command = await asyncio.to_thread(compose_command)
        if command is None:
            raise EngineError(
                "neither `docker compose` nor `docker-compose` is there",
                hint="install Docker with its Compose plugin (Debian: docker.io and "
                "docker-compose), or use an environment without containers",
            )
        return cls(system, project, project_name(deployment), folder, command)

    @property
    def file(self) -> Path:
        return self.folder / clear.FILE

    @property
    def output(self) -> Path:
        """What `up` said."""
        return self.folder / clear.OUTPUT

    async def write(self, ports: Callable[[], int]) -> tuple[str, ...]:
        """Make our file of the user's; `ports` reserves one of the host. Returns what is not as the
        user has it, in lines. Raises EngineError, UsageError."""
        argv = (*self.command.argv, "-p", self.name, *self.project.named, "config")
        ended, _, reached_at = await asyncio.gather(
            call(argv, _CONFIG_SECONDS, cwd=str(self.project.folder)),
            docker("version", "--format", "{{.Server.Version}}"),  # raises without an engine
            asyncio.to_thread(self._reached_at),  # what it imports takes as long as they
        )
        if ended.code != 0:
            raise EngineError(
                f"{self.project.file.name} is refused: {ended.last_words}",
                hint=f"{self.command} config   shows what Compose makes of it",
            )
        tree = resolved(ended.out)
        built = None if self.builds else await self._built(tree)
        folder = str(self.project.folder)
        copy = copies_in(self.folder / "data" / "mounted")
        made = await asyncio.to_thread(own, tree, self.name, folder, reached_at, ports, copy, built)
        clear.mark(self.folder, self.name)
        await asyncio.to_thread(_write, self.file, made.text)
        return made.apart

    @property
    def builds(self) -> bool:
        return os.environ.get(BUILD) != "0"

    async def _built(self, tree: Tree) -> dict[str, str]:
        """The images of the user's own project, all of which are there. Raises EngineError."""
        found = built_by(tree, f"{self.project.name}{await self._joint()}")
        for name, image in found.items():
            if (await call(("docker", "image", "inspect", image))).code != 0:
                raise EngineError(
                    f"there is no image {image}, which the service {name} builds, and {BUILD}=0 "
                    "says that nothing is to be built",
                    hint=f"build it first: {self.project.compose(str(self.command))} build",
                )
        return found

    async def _joint(self) -> str:
        """What stands between project and service in the name of an image."""
        if not self.command.may_be_version_1:
            return "-"
        version = await call((*self.command.argv, "version", "--short"))
        return "_" if version.out.startswith("1.") else "-"

    def _reached_at(self) -> dict[str, tuple[int, ...]]:
        """By service, the ports of its containers that we want to reach."""
        found: dict[str, tuple[int, ...]] = {}
        for component in self.system.components.values():
            kind = load(component.kind)
            service = self.project.services[service_of(component)]
            if kind.containers is not None:
                seen = [one.endpoint for one in mentions(self.project, service, kind)]
                inside = kind.containers.endpoints(service, component.config, seen)
                found[service.name] = tuple(endpoint.port for endpoint in inside.values())
        return found

    # -- its life -------------------------------------------------------------------------------

    async def up(self, marks: Mapping[str, str]) -> int:
        """Build and start everything; `marks` go into Compose's environment, by which it is found
        when nobody waits for it any more. Returns its exit code; what it said is in `output`."""
        return await self._tell(marks, "up", "-d", *(("--build",) if self.builds else ()))

    async def _tell(self, marks: Mapping[str, str], *words: str) -> int:
        """Tell Compose, and wait for its end; when we are cut off, so is it."""
        log = os.open(self.output, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            process = await asyncio.create_subprocess_exec(
                *self._ours(*words),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.project.folder,
                env={**os.environ, **_QUIET, **marks},
                start_new_session=True,  # with what it calls itself: Compose 1 builds by `docker`
            )
        finally:
            os.close(log)
        try:
            return await process.wait()
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()

    def _ours(self, *words: str) -> tuple[str, ...]:
        where = ("-f", str(self.file), "--project-directory", str(self.project.folder))
        return (*self.command.argv, "-p", self.name, *where, *words)

    async def containers(self) -> list[Container]:
        return await containers(self.name)

    async def remove(self, *, hurry: bool) -> None:
        """Take everything down that `up` made."""
        try:
            if not hurry and (running := [one.id for one in await self.containers()]):
                await docker("stop", "-t", str(_STOP_SECONDS), *running, seconds=30.0)
        except EngineError:
            pass  # they are removed in any case
        await asyncio.to_thread(clear.clear, self.name, self.folder)


def _write(file: Path, text: str) -> None:
    """It holds the services' environments, so nobody else may read it."""
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        stream.write(text)


_QUIET: Mapping[str, str] = {
    "COMPOSE_PROGRESS": "plain",
    "BUILDKIT_PROGRESS": "plain",
    "COMPOSE_ANSI": "never",
    "COMPOSE_IGNORE_ORPHANS": "1",
}
