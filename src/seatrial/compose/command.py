"""Which Compose is called, and how."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from seatrial.compose.engine import ANSWER_SECONDS

#: Where Docker looks for plugins: https://docs.docker.com/compose/install/linux/
_PLACES = tuple(
    Path(base, "docker")
    for base in ("/usr/local/lib", "/usr/local/libexec", "/usr/lib", "/usr/libexec")
)
_PLUGIN = Path("cli-plugins", "docker-compose")


@dataclass(frozen=True)
class Command:
    words: tuple[str, ...]  # as people call it
    #: As we do. The plugin is a program of its own: Docker before it would take as long again to
    #: start, and when it is killed, leave the plugin behind.
    argv: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join(self.words)

    @property
    def may_be_version_1(self) -> bool:
        return self.words == VERSION_1.words


VERSION_1 = Command(("docker-compose",), ("docker-compose",))
VERSION_2 = Command(("docker", "compose"), ("docker", "compose"))


def compose_command() -> Command | None:
    """Docker's plugin where it is there, else `docker-compose`, else None."""
    if (docker := shutil.which("docker")) is not None:
        if (plugin := _plugin()) is not None:
            return Command(VERSION_2.words, (str(plugin),))
        if _knows_one(docker):
            return VERSION_2
    return VERSION_1 if shutil.which("docker-compose") else None


def _plugin() -> Path | None:
    """In one of the usual places."""
    own = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    found = (place / _PLUGIN for place in (own, *_PLACES))
    return next((one for one in found if os.access(one, os.X_OK)), None)


@cache  # a process; and whoever names commands asks for each of them
def _knows_one(docker: str) -> bool:
    try:
        done = subprocess.run(
            (docker, "compose", "version"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=ANSWER_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
