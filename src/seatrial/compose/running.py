"""Compose projects that the engine knows, by the labels that Compose gives their containers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from seatrial.compose.engine import PROJECT, docker

_FIELDS = (PROJECT, f"{PROJECT}.working_dir", f"{PROJECT}.config_files")
_FORMAT = "\t".join(f'{{{{.Label "{label}"}}}}' for label in _FIELDS)


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
        paths = tuple(_whole(Path(folder), file) for file in files.split(",") if file)
        found[name] = Running(name, paths)
    return [found[name] for name in sorted(found)]


def _whole(folder: Path, file: str) -> Path:
    """Compose 1 tells a file as it was typed, from a folder that it does not tell: the project's
    own, or one above it."""
    places = (place / file for place in (folder, *folder.parents))
    return next((place for place in places if place.is_file()), folder / file).resolve()
