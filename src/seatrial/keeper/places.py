"""Where deployments live on this machine, and how one is named.

    BASE = /var/tmp/seatrial-UID           0711, ours alone to write
    BASE/cache                             templates, shared between deployments
    BASE/d/ID/state.json                   0600: who keeps it, and the socket
    BASE/d/ID/keeper.sock                  0600
    BASE/d/ID/{data,sockets,logs}          of its components

Folders are 0711 because servers that run as an unprivileged user must reach their own data folder
through them; names below are not secret, contents are protected by their own modes.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from seatrial.errors import KeeperError, UsageError
from seatrial.keeper.order import is_private
from seatrial.keeper.processes import Pid
from seatrial.writable import writable

ELSEWHERE = "see to its rights and to free space, or set SEATRIAL_HOME to another folder"


def base() -> Path:
    """The private base folder, made if need be; refused if somebody else made it.

    Raises UsageError, as `cache` and `deployments` do, or KeeperError."""
    path = Path(os.environ.get("SEATRIAL_HOME") or f"/var/tmp/seatrial-{os.getuid()}")  # noqa: S108
    if not path.is_absolute():  # the keeper works in another folder
        raise UsageError(f"SEATRIAL_HOME is {path}", hint="make it an absolute path")
    with writable(path, ELSEWHERE):
        path.mkdir(mode=0o711, parents=True, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise KeeperError(
            f"{path} is not a folder that only this user can write to",
            hint=f"look who made it (ls -ld {path}), remove it, or set SEATRIAL_HOME",
        )
    return path


def mark_of(owner: Pid) -> str:
    """What everything bears that must end with this process: the value of `processes.OWNER`."""
    return f"{owner}@{base().resolve()}"


def owner_by(mark: str) -> Pid | None:
    """The process that such a mark names; None where it is of another base folder."""
    text, _, folder = mark.partition("@")
    return Pid.parse(text) if folder == str(base().resolve()) else None


def cache() -> Path:
    """Templates and snapshots, keyed by version and configuration; safe to delete at any time."""
    return _within("cache")


def deployments() -> Path:
    return _within("d")


def _within(name: str) -> Path:
    path = base() / name
    with writable(path, ELSEWHERE):
        path.mkdir(mode=0o711, exist_ok=True)
    return path


@dataclass(frozen=True)
class Place:
    """The folder of one deployment."""

    id: str

    @classmethod
    def of(cls, system_folder: Path, environment: str, name: str = "") -> Place:
        """The deployment that `up` owns for this system, environment and name.

        The base folder is part of it: the id marks processes, and a keeper ends all that bear its
        mark, those of another user (or another SEATRIAL_HOME) with the same system excepted.
        """
        key = "\0".join((str(base().resolve()), str(system_folder.resolve()), environment, name))
        return cls(hashlib.sha256(key.encode()).hexdigest()[:12])

    @classmethod
    def private(cls) -> Place:
        """A deployment that nobody else attaches to."""
        return cls("p" + secrets.token_hex(6))

    @property
    def is_private(self) -> bool:
        return is_private(self.id)

    @property
    def folder(self) -> Path:
        return deployments() / self.id

    @property
    def state_file(self) -> Path:
        return self.folder / "state.json"

    @property
    def socket(self) -> Path:
        return self.folder / "keeper.sock"

    @property
    def lock_file(self) -> Path:
        return deployments() / f"{self.id}.lock"

    @property
    def keeper_log(self) -> Path:
        return self.folder / "keeper.log"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def sockets(self) -> Path:
        return self.folder / "s"
