"""What a keeper that runs leaves in its folder for its clients: the state file and the lock."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from seatrial.errors import KeeperError
from seatrial.keeper.places import Place
from seatrial.waiting import eventually

_FLAGS = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW


@dataclass(frozen=True)
class RunningState:
    """What the state file of a running keeper says."""

    keeper: int
    keeper_started: int  # clock ticks after boot, see `processes.Pid`
    system: str
    name: str
    environment: str
    provider: str
    digest: str
    description: str
    started_at: str
    act_seconds: float  # see `limits.Limits`
    end_seconds: float


def read_state(place: Place) -> RunningState | None:
    """None where there is no keeper, or one of another version."""
    try:
        fields = json.loads(place.state_file.read_text())
        return RunningState(**{name: fields[name] for name in RunningState.__dataclass_fields__})
    except (OSError, ValueError, KeyError):
        return None


def try_lock(place: Place) -> int | None:
    """The locked file descriptor, or None while a keeper (or its guardian) lives.

    Only who holds the lock may remove its file, and does so last of all.
    """
    while True:
        descriptor = os.open(place.lock_file, _FLAGS | os.O_CREAT, 0o600)
        if not _locked(descriptor):
            os.close(descriptor)
            return None
        if _is_at(place.lock_file, descriptor):
            return descriptor
        os.close(descriptor)  # the one before was just removing it: another may be there by now


def is_running(place: Place) -> bool:
    """Whether a keeper or its guardian lives; asked of the kernel."""
    try:
        descriptor = os.open(place.lock_file, _FLAGS)
    except FileNotFoundError:
        return False
    try:
        return not _locked(descriptor)
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(file: Path, descriptor: int) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(file.lstat(), os.fstat(descriptor))
    return False


def wait_until_gone(place: Place, seconds: float = 30.0) -> None:
    """Wait until the deployment's lock is free: keeper and guardian have ended."""
    try:
        eventually(
            lambda: not is_running(place),
            timeout=seconds,
            longest_pause=0.05,
            what="the deployment has ended",
        )
    except AssertionError as error:
        raise KeeperError(
            f"the deployment {place.id} has not ended within {seconds:g} s",
            hint=f"look what is left: ps -ef | grep {place.id}",
        ) from error
