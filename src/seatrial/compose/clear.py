"""Removing all that a project of Seatrial's own made, whoever is left to do it.

Light and synchronous, because a keeper's guardian does it too when the keeper was killed.
"""

from __future__ import annotations

import contextlib
import subprocess
import time
from pathlib import Path

from seatrial.compose.builder import REMOVE_IMAGES, remove_made

_LABEL = "com.docker.compose.project"
MARK = "compose-project"  # a file in the deployment's folder that says its name
FILE = "compose.yaml"  # there too: what it was started from
OUTPUT = Path("logs", "compose.log")  # and there: what Compose said when it was told to
_SECONDS = 20.0  # for one call

#: What a project consists of, in the order in which it can be removed.
_PARTS = (
    (("ps", "-aq"), ("rm", "-fv")),
    (("network", "ls", "-q"), ("network", "rm")),
    (("volume", "ls", "-q"), ("volume", "rm", "-f")),
)

#: By name: what the user's own project built from the same files is the same image.
_IMAGES = ("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "--filter")


def mark(folder: Path, project: str) -> None:
    """Write down, before anything is made, what will have to be removed."""
    (folder / MARK).write_text(project)


def marked(folder: Path) -> str | None:
    try:
        return (folder / MARK).read_text() or None
    except OSError:
        return None


def clear(project: str, folder: Path, patience: float = 10.0) -> list[str]:
    """Remove its containers, networks, volumes and the images it built, again and again until
    nothing of it is left or `patience` seconds are over. `folder` is the deployment's. Returns what
    is left, or why that is not known."""
    limit = time.monotonic() + patience
    try:
        while True:
            left = []
            for listing, removing in _PARTS:
                found = _docker(*listing, "--filter", f"label={_LABEL}={project}").split()
                if found:
                    left += found
                    _docker(*removing, *found, check=False)  # a part may be gone already
            if not left or time.monotonic() > limit:
                break
        if images := _docker(*_IMAGES, f"reference={project}-*").split():
            _docker(*REMOVE_IMAGES, *images, check=False)
        _remove_made(folder)
    except (OSError, subprocess.SubprocessError) as error:
        return [f"the engine could not be asked: {error}"]
    return left


def _remove_made(folder: Path) -> None:
    """It is but cache: whatever hinders this must not hinder the rest."""
    with contextlib.suppress(OSError, subprocess.SubprocessError, ValueError):
        remove_made(folder / OUTPUT, lambda *words: _docker(*words, check=False))


def _docker(*words: str, check: bool = True) -> str:
    done = subprocess.run(
        ("docker", *words),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=_SECONDS,
        check=check,
    )
    return done.stdout.decode(errors="replace")
