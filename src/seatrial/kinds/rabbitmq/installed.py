"""Where RabbitMQ and Erlang are on this machine, and as whom the broker runs."""

from __future__ import annotations

import os
import pwd
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from seatrial.errors import ServerMissing
from seatrial.kinds.versions import satisfies

_DEBIAN = Path("/usr/lib/rabbitmq/lib")
_OVERRIDE = "SEATRIAL_RABBITMQ_HOME"
_PACKAGES = ("rabbitmq-server",)


@dataclass(frozen=True)
class Server:
    """An installed broker: its home holds `sbin/rabbitmq-server` and `plugins/`."""

    home: Path
    version: str  # "3.10.8"
    erlang: Path  # Erlang's root, with `lib/`
    epmd: str  # the port mapper's program

    @property
    def order(self) -> tuple[int, ...]:
        return tuple(int(part) for part in re.findall(r"\d+", self.version))


def find_server(version: str | None) -> Server:
    """The newest installed broker that satisfies the constraint. Raises ServerMissing.

    Looks at SEATRIAL_RABBITMQ_HOME (a folder with `sbin` and `plugins`), else where the packages
    put it.
    """
    override = os.environ.get(_OVERRIDE)
    homes = [Path(override)] if override else sorted(_DEBIAN.glob("rabbitmq_server-*"))
    found = [server for home in homes if (server := _examine(home)) is not None]
    for server in sorted(found, key=lambda one: one.order, reverse=True):
        if version is None or satisfies(server.version, version):
            return server
    wanted = f"RabbitMQ {version}" if version else "RabbitMQ"
    if override:
        hint = f"{_OVERRIDE}={override} holds no such broker; unset it, or name its home folder"
        raise ServerMissing(wanted, _PACKAGES, hint=hint)
    if found:
        have = ", ".join(server.version for server in found)
        hint = f"only {have} is here: install one that satisfies {version}, or change the version"
        raise ServerMissing(wanted, _PACKAGES, hint=hint)
    raise ServerMissing(wanted, _PACKAGES)


def _examine(home: Path) -> Server | None:
    if not os.access(home / "sbin" / "rabbitmq-server", os.X_OK):
        return None
    rabbit = next(iter((home / "plugins").glob("rabbit-[0-9]*")), None)
    erl, epmd = shutil.which("erl"), shutil.which("epmd")
    if rabbit is None or erl is None or epmd is None:
        return None
    version = rabbit.name.removeprefix("rabbit-").removesuffix(".ez")
    return Server(home, version, Path(erl).resolve().parent.parent, epmd)


@dataclass(frozen=True)
class RunAs:
    """The user that the broker runs as."""

    name: str | None  # None: as oneself
    uid: int
    gid: int

    def give(self, path: Path) -> None:
        """Hand over a folder and all that is in it."""
        if self.name is None:
            return
        for one in (path, *path.rglob("*")):
            os.chown(one, self.uid, self.gid, follow_symlinks=False)


def run_as() -> RunAs:
    """As root: `rabbitmq`, if there is such a user. Otherwise as oneself: any user will do."""
    if os.geteuid() == 0:
        try:
            entry = pwd.getpwnam("rabbitmq")
        except KeyError:
            pass
        else:
            return RunAs(entry.pw_name, entry.pw_uid, entry.pw_gid)
    return RunAs(None, os.geteuid(), os.getegid())
