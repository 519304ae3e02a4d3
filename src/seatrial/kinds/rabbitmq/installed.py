"""Where RabbitMQ and Erlang are on this machine, and as whom the broker runs."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from seatrial.kinds import installed
from seatrial.kinds.installed import Looked, RunAs

_DEBIAN = Path("/usr/lib/rabbitmq/lib")
_LOOKED = Looked(
    "RabbitMQ", ("rabbitmq-server",), "SEATRIAL_RABBITMQ_HOME", "a broker's home folder"
)


@dataclass(frozen=True)
class Server:
    """An installed broker: its home holds `sbin/rabbitmq-server` and `plugins/`."""

    home: Path
    version: str  # "3.10.8"
    erlang: Path  # Erlang's root, with `lib/`
    epmd: str  # the port mapper's program


def find_server(version: str | None) -> Server:
    """The newest installed broker that satisfies the constraint. Raises ServerMissing.

    Looks at SEATRIAL_RABBITMQ_HOME (a folder with `sbin` and `plugins`), else where the packages
    put it.
    """
    place = _LOOKED.place
    homes = [Path(place)] if place else sorted(_DEBIAN.glob("rabbitmq_server-*"))
    found = [server for home in homes if (server := _examine(home)) is not None]
    return _LOOKED.newest(version, found)


def run_as() -> RunAs:
    """As root: `rabbitmq`, if there is such a user. Otherwise as oneself: any user will do."""
    return installed.run_as("rabbitmq")


def _examine(home: Path) -> Server | None:
    if not os.access(home / "sbin" / "rabbitmq-server", os.X_OK):
        return None
    rabbit = next(iter((home / "plugins").glob("rabbit-[0-9]*")), None)
    erl, epmd = shutil.which("erl"), shutil.which("epmd")
    if rabbit is None or erl is None or epmd is None:
        return None
    version = rabbit.name.removeprefix("rabbit-").removesuffix(".ez")
    return Server(home, version, Path(erl).resolve().parent.parent, epmd)
