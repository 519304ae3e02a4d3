"""Whether this machine has a Redis that will do (facet `server`), and as whom it runs."""

from __future__ import annotations

import re
import shutil
import subprocess

from seatrial.declaration.models import ComponentConfig
from seatrial.kinds.base import Installed
from seatrial.kinds.installed import Looked, RunAs
from seatrial.kinds.installed import run_as as as_one_of
from seatrial.kinds.redis.config import RedisConfig

_PROGRAMS = ("redis-server", "valkey-server")
_LOOKED = Looked("Redis", ("redis-server",))


def installed(config: ComponentConfig | None) -> Installed:
    """The server that a native start would use. Raises ServerMissing."""
    wanted = config.version if isinstance(config, RedisConfig) else None
    programs = [found for name in _PROGRAMS if (found := shutil.which(name)) is not None]
    return _LOOKED.newest(wanted, [Installed(p, _version(p), run_as().name) for p in programs])


def run_as() -> RunAs:
    """As root: `redis`, if there is such a user."""
    return as_one_of("redis")


def _version(program: str) -> str | None:
    """ "Redis server v=7.0.15 sha=..." """
    try:
        done = subprocess.run(
            (program, "--version"), capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"v=(\d+(?:\.\d+)*)", done.stdout)
    return found[1] if found else None
