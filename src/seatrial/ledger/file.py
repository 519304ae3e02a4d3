"""The ledger on disk: what trials are about to create, written down before they create it.

One file of JSON lines per pytest process. The first line says whose it is; every key follows,
synced to disk, before the trial is given it. A file whose process is gone tells the next session
on the same system what was left behind.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from seatrial.keeper import processes
from seatrial.keeper.places import base

_VERSION = 1


@dataclass(frozen=True)
class Owner:
    """Whose ledger it is, and where what it lists was created."""

    system: str
    environment: str
    deployment: str  # its id
    addresses: tuple[str, ...]  # of the components that clean_up speaks of
    pid: int
    started: int  # of the process, as `processes.Pid` has it

    @property
    def alive(self) -> bool:
        return processes.Pid(self.pid, self.started).alive


@dataclass(frozen=True)
class Left:
    """A ledger that its process did not close."""

    file: Path
    owner: Owner
    keys: tuple[str, ...]


class LedgerFile:
    """The ledger of this process; made on the first key."""

    def __init__(self, folder: Path, owner: Owner) -> None:
        self.path = folder / f"{owner.pid}-{owner.started}-{secrets.token_hex(4)}.jsonl"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._file: int | None = os.open(self.path, flags, 0o600)
        self._write({"ledger": _VERSION, **asdict(owner)})
        directory = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(directory)  # the file's name too must outlive a crash
        finally:
            os.close(directory)

    def _write(self, line: dict[str, object]) -> None:
        if self._file is None:
            raise ValueError(f"{self.path} is closed")
        os.write(self._file, json.dumps(line).encode() + b"\n")
        os.fsync(self._file)

    def intend(self, key: str, node: str) -> None:
        """Write the key down; on disk when this returns."""
        self._write({"key": key, "node": node})

    def close(self, *, forget: bool) -> None:
        """`forget`: nothing is left, so the file goes too."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        if forget:
            self.path.unlink(missing_ok=True)


def ledgers(system_id: str) -> Path:
    """The folder of all ledgers of one system and environment, made if need be."""
    folder = base() / "ledgers" / system_id
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def this_process() -> processes.Pid:
    found = processes.identify(os.getpid())
    assert found is not None
    return found


def unfinished(folder: Path) -> Iterator[Left]:
    """The ledgers of processes that are gone. Torn last lines belong to keys nobody was given."""
    for file in sorted(folder.glob("*.jsonl")):
        left = None
        with contextlib.suppress(OSError):
            left = _read(file)
        if left is not None and not left.owner.alive:
            yield left


def _read(file: Path) -> Left | None:
    owner: Owner | None = None
    keys: dict[str, None] = {}
    for text in file.read_text().splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if line.pop("ledger", None) == _VERSION:
            owner = Owner(**{**line, "addresses": tuple(line["addresses"])})
        elif "key" in line:
            keys[line["key"]] = None
    return None if owner is None else Left(file, owner, tuple(keys))
