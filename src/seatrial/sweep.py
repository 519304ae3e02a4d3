"""What crashed runs left behind: found, told with its reason, and removed when asked to.

Three places: this machine's processes, this user's base folder, and, of one system in one
environment, the rows that trials of killed sessions created there.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from seatrial.declaration.models import System
from seatrial.environment import deployment as environment
from seatrial.environment.deployment import Deployment
from seatrial.environment.errors import EnvironmentFailedError
from seatrial.environment.others import runs_without_us
from seatrial.errors import KeeperError, Refused, SeatrialError
from seatrial.evidence.redaction import redactor_of
from seatrial.keeper import abandoned, processes
from seatrial.keeper.leftovers import end_leftovers, remove_lock
from seatrial.keeper.places import Place
from seatrial.keeper.state import is_running
from seatrial.ledger.clean_up import Cleaner
from seatrial.ledger.file import Left, ledgers, unfinished
from seatrial.ledger.recover import recover
from seatrial.waiting import Deadline, NotReached, eventually

_ENDING_SECONDS = 10.0  # for a session that reverts its faults and removes its data
_KILLED_SECONDS = 5.0
_OLD_LOGS = "logs of what failed more than a week ago"


class Sort(StrEnum):
    PROCESS = "process"
    DEPLOYMENT = "deployment"
    FILE = "file"
    ROWS = "rows"


@dataclass(frozen=True)
class Leftover:
    """`remove` returns why it could not be removed, "" where it was."""

    sort: Sort
    what: str
    why: str
    age: float  # s
    remove: Callable[[], str]
    removed: bool = False
    problem: str = ""

    def swept(self) -> Leftover:
        try:
            problem = self.remove()
        except (SeatrialError, OSError) as error:
            problem = error.message if isinstance(error, SeatrialError) else str(error)
        return replace(self, removed=not problem, problem=problem)


def refuse_if_protected(system: System) -> None:
    """Raise Refused where nothing may be removed."""
    if system.config.protected:
        raise Refused(
            f"the environment {system.environment} is protected: sweep refused",
            hint="look without --yes; or use an environment that is not marked `protected`",
        )


def leftovers(system: System | None, older_than: float = 0.0) -> list[Leftover]:
    """All that is found, in the order in which it can be removed: processes first, since what they
    hold open ends with them. `system`: the rows of its environment too."""
    found = [*_processes(), *_rows(system), *_deployments(), *_files()]
    return [one for one in found if one.age >= older_than]


# -- processes and files -------------------------------------------------------------------------


def _processes() -> Iterator[Leftover]:
    patience = _Patience()
    for orphan in abandoned.orphans():
        what = f"process {orphan.pid.number} ({orphan.command})"
        why = f"the process {orphan.owner.number} that it belongs to has ended"

        def end(orphan: abandoned.Orphan = orphan) -> str:
            if not orphan.is_component and _gone(orphan.pid, patience.left()):
                return ""
            processes.kill(orphan.pid)
            return "" if _gone(orphan.pid, _KILLED_SECONDS) else "it does not end when it is killed"

        yield Leftover(Sort.PROCESS, what, why, orphan.pid.age, end)


class _Patience:
    """A pytest session was told to end when its run did: all of them together are given time to
    clean up, from when the first is swept."""

    def __init__(self) -> None:
        self._until: Deadline | None = None

    def left(self) -> float:
        self._until = self._until or Deadline.after(_ENDING_SECONDS)
        return self._until.remaining()


def _gone(pid: processes.Pid, seconds: float) -> bool:
    with suppress(NotReached):
        eventually(lambda: not pid.alive, timeout=max(0.1, seconds), what="it has ended")
    return not pid.alive


def _deployments() -> Iterator[Leftover]:
    for left in abandoned.left_deployments():
        count = len(left.processes)
        what = f"{left.place.folder}" + (f", with {count} processes" if count else "")

        def end(place: Place = left.place) -> str:
            end_leftovers(place, logs_too=True)
            return "it is still there" if place.folder.exists() else ""

        why = _OLD_LOGS if left.only_logs else "its keeper and guardian are gone"
        yield Leftover(Sort.DEPLOYMENT, what, why, left.age, end)


def _files() -> Iterator[Leftover]:
    for place in abandoned.left_locks():
        age = abandoned.age_of(place.lock_file)

        def unlock(place: Place = place) -> str:
            remove_lock(place)
            return ""

        yield Leftover(Sort.FILE, str(place.lock_file), "its deployment is gone", age, unlock)
    for path in abandoned.left_in_cache():
        why = "the process that made it is gone"
        yield Leftover(Sort.FILE, str(path), why, abandoned.age_of(path), _deleting(path))


def _deleting(path: Path) -> Callable[[], str]:
    def delete() -> str:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        return "it is still there" if path.exists() else ""

    return delete


# -- rows ----------------------------------------------------------------------------------------


def _rows(system: System | None) -> Iterator[Leftover]:
    if system is None:
        return
    place = Place.of(system.folder, system.environment)
    for left in unfinished(ledgers(place.id)):
        where = ", ".join(left.owner.addresses) or system.environment
        what = f"what {len(left.keys)} keys of trials stand for in {where}"
        why = f"the session that wrote {left.file} was killed (process {left.owner.pid})"
        age = abandoned.age_of(left.file)

        def remove(left: Left = left) -> str:
            return redactor_of(system).redact(_recovered(system, left))

        yield Leftover(Sort.ROWS, what, why, age, remove)


def _recovered(system: System, left: Left) -> str:
    local = system.config.provider == "local"
    if not left.keys or (local and not is_running(Place(left.owner.deployment))):
        left.file.unlink(missing_ok=True)  # local data ends with its deployment
        return ""
    with _reached(system, left) as deployment:
        with suppress(EnvironmentFailedError):  # what is down need not be what the rows are in
            deployment.wait_until_ready()
        cleaner = Cleaner(deployment)
        if (lacking := cleaner.lacking()) is not None:
            return lacking
        (one,) = recover(cleaner, [left], local, deployment.id)
        return "" if one.done else deployment.redactor.redact(one.said)


def _reached(system: System, left: Left) -> Deployment:
    """The deployment that the rows are in, or one that observes the same servers."""
    if is_running(Place(left.owner.deployment)):
        return environment.join(system, left.owner.deployment)
    if (found := environment.attach(system)) is not None:
        return found
    if not runs_without_us(system):
        raise KeeperError(
            f"{system.name} does not run in {system.environment}: its data cannot be reached",
            hint="start it, then sweep again; if Seatrial had started it, its data went with it, "
            f"and this may go too: {left.file}",
        )
    return environment.start(system, name=None)
