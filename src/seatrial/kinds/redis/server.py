"""Whether this machine has a Redis that will do (facet `server`), and as whom it runs."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess

from seatrial.declaration.models import ComponentConfig
from seatrial.errors import ServerMissing
from seatrial.kinds.base import Installed
from seatrial.kinds.redis.config import RedisConfig
from seatrial.kinds.versions import satisfies

_PROGRAMS = ("redis-server", "valkey-server")
_PACKAGES = ("redis-server",)


def installed(config: ComponentConfig | None) -> Installed:
    """The server that a native start would use. Raises ServerMissing."""
    wanted = config.version if isinstance(config, RedisConfig) else None
    seen = []
    for name in _PROGRAMS:
        program = shutil.which(name)
        if program is None:
            continue
        version = _version(program)
        if wanted is None or (version is not None and satisfies(version, wanted)):
            return Installed(program, version, _runs_as())
        seen.append(version or "an unknown version")
    hint = f"only {', '.join(seen)} is here: install {wanted}, or change the version"
    raise ServerMissing(f"Redis {wanted or ''}".strip(), _PACKAGES, hint=hint if seen else None)


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


def _runs_as() -> str | None:
    """As root: `redis`, if there is such a user."""
    if os.geteuid() == 0:
        try:
            return pwd.getpwnam("redis").pw_name
        except KeyError:
            return None
    return None
