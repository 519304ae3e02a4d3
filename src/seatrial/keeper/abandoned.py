"""Looking for what killed processes of Seatrial left on this machine; ends and removes nothing.

Whether a deployment lives is asked of its lock; whether a process does, of its number and its start
together. What a living keeper, run or check owns is never found here.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from seatrial.keeper import processes
from seatrial.keeper.leftovers import only_logs
from seatrial.keeper.places import Place, cache, deployments, owner_by
from seatrial.keeper.processes import Pid
from seatrial.keeper.state import is_running

_SCRATCH = re.compile(r"scratch-(\d+)-.*")  # of a check, by its process
_HALF_MADE = re.compile(r".*\.tmp-[0-9a-f]+")
_MAKING_SECONDS = 600.0  # nothing in the cache takes longer to make
#: So long nobody but the next start takes the logs of a failed one away.
LOGS_KEPT_SECONDS = 7 * 86_400.0


@dataclass(frozen=True)
class LeftDeployment:
    """A folder whose lock nobody holds; `processes` bear its mark."""

    place: Place
    processes: tuple[Pid, ...]
    age: float  # s
    only_logs: bool


@dataclass(frozen=True)
class Orphan:
    """A process that must end with another one, which has ended."""

    pid: Pid
    owner: Pid
    command: str
    is_component: bool  # else a pytest process of a run, or what that started


def left_deployments() -> Iterator[LeftDeployment]:
    """Of this base folder, in the order of their ids; logs that are kept to be read only once they
    are old."""
    marked: dict[str, list[Pid]] = {}
    for pid, deployment in processes.bearing(processes.DEPLOYMENT):
        marked.setdefault(deployment, []).append(pid)
    for folder in sorted(deployments().iterdir()):
        place = Place(folder.name)
        if folder.is_dir() and not is_running(place):
            found = tuple(marked.get(place.id, ()))
            age, logs = age_of(folder), not found and only_logs(place)
            if not logs or age > LOGS_KEPT_SECONDS:
                yield LeftDeployment(place, found, age, logs)


def left_locks() -> Iterator[Place]:
    """Deployments that are gone but for their lock file."""
    for file in sorted(deployments().glob("*.lock")):
        place = Place(file.stem)
        if not place.folder.exists() and not is_running(place):
            yield place


def orphans() -> Iterator[Orphan]:
    """Of this base folder, by the owner that is named in each. Those of a deployment whose folder
    is there are its own affair, whether it still lives or is left."""
    deployment_of = dict(processes.bearing(processes.DEPLOYMENT))
    for pid, text in processes.bearing(processes.OWNER):
        owner, deployment = owner_by(text), deployment_of.get(pid)
        there = deployment is not None and Place(deployment).folder.exists()
        if owner is not None and not owner.alive and not there and processes.among_ours(pid):
            yield Orphan(pid, owner, processes.program_of(pid), deployment is not None)


def left_in_cache() -> Iterator[Path]:
    """Scratch folders of checks that are gone, and what was given up half made."""
    for path in sorted(cache().iterdir()):
        scratch = _SCRATCH.fullmatch(path.name)
        gone = scratch is not None and processes.stat_of(int(scratch[1])) is None
        half = _HALF_MADE.fullmatch(path.name) and age_of(path) > _MAKING_SECONDS
        if gone or half:
            yield path


def age_of(path: Path) -> float:
    """Seconds since it was last changed; 0 where it is gone."""
    try:
        return max(0.0, time.time() - path.stat().st_mtime)
    except OSError:
        return 0.0
