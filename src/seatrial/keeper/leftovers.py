"""Ending what does not end by itself: a keeper that hangs, and what killed ones left behind."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal

from seatrial.compose import clear
from seatrial.errors import KeeperError
from seatrial.keeper import processes
from seatrial.keeper.places import Place, deployments
from seatrial.keeper.state import read_state, try_lock, wait_until_gone

#: A keeper that does not answer is asked to end, and killed after so many seconds.
IN_ORDER_SECONDS = 5.0


def end_by_force(place: Place) -> None:
    """End a deployment whose keeper does not answer: the guardian ends what it kept.

    Raises KeeperError when the keeper cannot be found, or something is left.
    """
    state = read_state(place)
    keeper = None if state is None else processes.Pid(state.keeper, state.keeper_started)
    if keeper is None or not keeper.alive:
        raise KeeperError(
            f"the keeper of the deployment {place.id} does not answer and cannot be found",
            hint=f"look who holds its lock and end that: fuser {place.lock_file}",
        )
    processes.send([keeper.number], signal.SIGTERM)
    try:
        wait_until_gone(place, IN_ORDER_SECONDS)
    except KeeperError:
        if keeper.alive:
            processes.send([keeper.number], signal.SIGKILL)
        wait_until_gone(place)


def end_leftovers(place: Place, *, logs_too: bool = False) -> bool:
    """End what is left of a deployment whose guardian was killed, and remove its folder; False
    where there is no such thing, or only its logs. Raises KeeperError if a process cannot be ended.

    A guardian that ends after a crash has left nothing but logs: those stay until the deployment
    is started again, unless it is one that nobody will start again, or with `logs_too`.
    """
    lock = try_lock(place) if place.folder.exists() else None
    if lock is None:
        return False
    try:
        kept = only_logs(place)
        if kept and not logs_too:
            return False
        left = processes.end_all([place.id], root=None)
        if left:
            numbers = " ".join(map(str, left))
            raise KeeperError(
                f"processes of a deployment that has no keeper any more cannot be ended: {numbers}",
                hint=f"end them as the user who they belong to: ps -fp {numbers.replace(' ', ',')}",
            )
        project = clear.marked(place.folder)
        if project is not None and (stuck := clear.clear(project, place.folder)):
            raise KeeperError(
                f"the compose project {project}, which has no keeper any more, cannot be removed: "
                f"{', '.join(stuck)}",
                hint="docker info   (does the engine run?)",
            )
        shutil.rmtree(place.folder, ignore_errors=True)
        place.lock_file.unlink(missing_ok=True)
    finally:
        os.close(lock)
    return not kept


def only_logs(place: Place) -> bool:
    """Whether it is but the logs of a start that failed, or of a crash: kept to be read."""
    things = (place.state_file, place.data, place.sockets)
    return not (
        place.is_private
        or clear.marked(place.folder) is not None
        or any(path.exists() for path in things)
    )


def remove_lock(place: Place) -> None:
    """Of a deployment that is gone; nothing happens where it is there again."""
    if (lock := try_lock(place)) is None:
        return
    try:
        if not place.folder.exists():
            place.lock_file.unlink(missing_ok=True)
    finally:
        os.close(lock)


def sweep() -> None:
    """`end_leftovers` of every deployment in this base folder, as far as that is possible: what
    is left of one must not hinder another."""
    for folder in deployments().iterdir():
        if folder.is_dir():
            with contextlib.suppress(KeeperError, OSError):
                end_leftovers(Place(folder.name))
