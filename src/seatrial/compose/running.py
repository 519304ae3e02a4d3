"""Compose projects that the engine knows, by the labels that Compose gives their containers: the
name alone tells little, as folders of one name are of one project for Compose."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seatrial.compose.engine import (
    CONFIG_FILES,
    PROJECT,
    WORKING_DIR,
    Container,
    containers,
    docker,
    far_host,
)
from seatrial.compose.project import Project

_FORMAT = "\t".join(f'{{{{.Label "{label}"}}}}' for label in (PROJECT, WORKING_DIR, CONFIG_FILES))


@dataclass(frozen=True)
class Running:
    """A project of which there are containers, running or not."""

    name: str
    files: tuple[Path, ...]  # that it was started from, as Compose read them

    def lies_in(self, folder: Path) -> bool:
        return any(file.is_relative_to(folder) for file in self.files)


async def running_projects() -> list[Running]:
    """Sorted by name. Raises EngineError."""
    listed = await docker("ps", "-a", "--filter", f"label={PROJECT}", "--format", _FORMAT)
    found = {}
    for line in listed.splitlines():
        name, folder, files = line.split("\t")
        found[name] = Running(name, _paths(folder, files))
    return [found[name] for name in sorted(found)]


def _paths(folder: str, files: str) -> tuple[Path, ...]:
    return tuple(_whole(Path(folder), file) for file in files.split(",") if file)


def _whole(folder: Path, file: str) -> Path:
    """Compose 1 tells a file as it was typed, from a folder that it does not tell: the project's
    own, or one above it."""
    places = (place / file for place in (folder, *folder.parents))
    return next((place for place in places if place.is_file()), folder / file).resolve()


@dataclass(frozen=True)
class Amiss:
    """Why what runs is not what the compose file says; `fix` is what to do about it."""

    found: str
    fix: str


@dataclass(frozen=True)
class Seen:
    """What there is by a project's name: its own containers, and those of a namesake."""

    ours: list[Container]
    others: list[Container]


async def look_for(project: Project) -> Seen:
    """Raises EngineError."""
    return sorted_out(project, await containers(project.name))


def sorted_out(project: Project, found: Sequence[Container]) -> Seen:
    seen = Seen([], [])
    for one in found:
        (seen.others if _is_of_another(project, one) else seen.ours).append(one)
    return seen


def _is_of_another(project: Project, one: Container) -> bool:
    """Started from other files, in another folder, that are there: those of a folder that was
    moved, or of another machine, tell nothing."""
    files = _paths(one.working_dir, one.config_files)
    if far_host() is not None or not files or not all(file.is_file() for file in files):
        return False
    same_folder = Path(one.working_dir).resolve() == project.folder.resolve()
    return not same_folder and not set(files) & _read(project)


def _read(project: Project) -> set[Path]:
    return {file.resolve() for file in project.files}


async def amiss(project: Project, seen: Seen) -> Amiss | None:
    """Raises EngineError."""
    return judged(project, seen, [] if seen.ours else await running_projects())


def judged(project: Project, seen: Seen, projects: Sequence[Running]) -> Amiss | None:
    """`projects` are all that there are."""
    into = project.folder / ".env"
    if seen.ours:
        return _files_amiss(project, seen.ours)
    namesakes = [one for one in projects if set(one.files) & {f.resolve() for f in project.layers}]
    if other := next((one for one in namesakes if one.name != project.name), None):
        return Amiss(
            f"{other.name} was started from its files",
            f"where that is the one, put COMPOSE_PROJECT_NAME={other.name} into {into}",
        )
    if seen.others:
        file = _paths(seen.others[0].working_dir, seen.others[0].config_files)[0]
        return Amiss(
            f"the {project.name} that is there was started from {file}",
            f"put COMPOSE_PROJECT_NAME=ANOTHER-NAME into {into}: for Compose both are one",
        )
    return None


def _files_amiss(project: Project, ours: Sequence[Container]) -> Amiss | None:
    """Files that are there, but not read."""
    started_from: dict[Path, None] = {}
    for one in ours:
        started_from |= dict.fromkeys(_paths(one.working_dir, one.config_files))
    files = [file for file in started_from if file.is_file()]
    left = [str(file) for file in files if file not in _read(project)]
    if not left:
        return None
    told = f"it was started from {' and '.join(left)} too, which is not read"
    return Amiss(told, compose_file(project, files))


def compose_file(project: Project, files: Sequence[Path]) -> str:
    """How all these come to be read."""
    folder = project.folder.resolve()
    names = os.pathsep.join(os.path.relpath(file, folder) for file in files)
    if files and files[0].parent == folder and project.file.resolve() in files:
        return f"put COMPOSE_FILE={shlex.quote(names)} into {project.folder / '.env'}"
    return f"declare {files[0]}: `compose` in seatrial.yaml names another file"
