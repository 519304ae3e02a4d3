"""Looking at processes through /proc, and ending them for certain.

Everything that a keeper starts carries `SEATRIAL_DEPLOYMENT=ID` in its environment, and every
component's processes also `SEATRIAL_COMPONENT=ID/NAME-REPLICA`. The marker finds what has left its
process group; the tree of parents finds what has overwritten its environment (PostgreSQL does).
`SEATRIAL_OWNER=PID-STARTED@BASE` names the process with which it must end (its keeper's guardian,
or the run that a pytest process belongs to), and the base folder of that.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

DEPLOYMENT = "SEATRIAL_DEPLOYMENT"
COMPONENT = "SEATRIAL_COMPONENT"
OWNER = "SEATRIAL_OWNER"

_PROC = Path("/proc")
_IPC_RMID = 0
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Pid:
    """A process that cannot be mistaken for a later one with the same number."""

    number: int
    started: int  # clock ticks after boot

    @property
    def alive(self) -> bool:
        found = stat_of(self.number)
        return found is not None and found.started == self.started and found.state not in "ZX"

    def __str__(self) -> str:
        return f"{self.number}-{self.started}"

    @classmethod
    def parse(cls, text: str) -> Pid | None:
        number, _, started = text.partition("-")
        both = number.isdecimal() and started.isdecimal()
        return cls(int(number), int(started)) if both else None

    @property
    def age(self) -> float:
        """Seconds since it was started."""
        ticks = os.sysconf("SC_CLK_TCK")
        return time.clock_gettime(time.CLOCK_BOOTTIME) - self.started / ticks


@dataclass(frozen=True)
class Stat:
    state: str  # R, S, D, T (stopped), Z (dead, not reaped)...
    parent: int
    started: int


def stat_of(number: int) -> Stat | None:
    try:
        text = (_PROC / str(number) / "stat").read_text()
    except OSError:
        return None
    fields = text[text.rindex(")") + 2 :].split()  # the command's name may hold anything
    return Stat(fields[0], int(fields[1]), int(fields[19]))


def identify(number: int) -> Pid | None:
    found = stat_of(number)
    return None if found is None else Pid(number, found.started)


def _all() -> dict[int, Stat]:
    numbers = [int(entry) for entry in os.listdir(_PROC) if entry.isdecimal()]
    return {number: found for number in numbers if (found := stat_of(number)) is not None}


def descendants(root: int) -> list[int]:
    """Children, their children and so on, dead ones that nobody reaped left out."""
    processes = _all()
    children: dict[int, list[int]] = {}
    for number, found in processes.items():
        children.setdefault(found.parent, []).append(number)
    result: list[int] = []
    queue = [root]
    while queue:
        for child in children.get(queue.pop(), ()):
            queue.append(child)
            if processes[child].state not in "ZX":
                result.append(child)
    return result


def marked(variable: str, value: str) -> list[int]:
    """Live processes whose environment holds `variable=value` and which we may look at."""
    return [pid.number for pid, found in bearing(variable) if found == value]


def bearing(variable: str) -> Iterator[tuple[Pid, str]]:
    """Live processes in whose environment the variable is, with its value; never this one."""
    prefix = f"{variable}=".encode()
    for number, found in _all().items():
        if found.state in "ZX" or number == os.getpid():
            continue
        with contextlib.suppress(OSError):
            for line in (_PROC / str(number) / "environ").read_bytes().split(b"\0"):
                if line.startswith(prefix):
                    yield Pid(number, found.started), os.fsdecode(line[len(prefix) :])
                    break


def among_ours(pid: Pid) -> bool:
    """Whether numbers of processes mean to it what they mean to us: those in a container are seen
    from outside of it, and call each other by others."""
    try:
        ours, its = (os.readlink(_PROC / who / "ns" / "pid") for who in ("self", str(pid.number)))
    except OSError:
        return False
    return ours == its


def program_of(pid: Pid) -> str:
    """The name of its program, without arguments: those may hold anything."""
    try:
        return os.path.basename(os.readlink(_PROC / str(pid.number) / "exe"))
    except OSError:
        return "?"


def send(numbers: Iterable[int], what: signal.Signals) -> None:
    """Signal each process; one that is already gone is no error."""
    for number in numbers:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(number, what)


def kill(pid: Pid) -> None:
    """SIGKILL to this very process: a later one with its number cannot be hit."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        handle = os.pidfd_open(pid.number)
        try:
            if pid.alive:  # the handle is of whoever had the number when it was opened
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        finally:
            os.close(handle)


def end_all(find: Iterable[str], root: int | None, patience: float = 4.0) -> list[int]:
    """SIGKILL all descendants of `root` and everything marked with one of the deployments in
    `find`, again and again until none is left or `patience` seconds are over; reaps what are our
    own children. With no `root`: what is marked, with its descendants, and nothing is reaped.
    Returns what could not be ended."""
    killed: set[int] = set()
    limit = time.monotonic() + patience
    while True:
        left = {number for deployment in find for number in marked(DEPLOYMENT, deployment)}
        for above in list(left) if root is None else [root]:
            left.update(descendants(above))
        left.discard(os.getpid())
        killed |= left
        send(left, signal.SIGKILL)
        if root is not None:
            _reap()
        if not left or time.monotonic() > limit:
            remove_shared_memory(killed)
            return sorted(left)
        time.sleep(0.01)  # the kernel needs a moment to take them down; nothing announces it


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def remove_shared_memory(creators: set[int]) -> None:
    """Remove System V segments that nobody uses any more and one of `creators` made: a server
    that was killed (PostgreSQL) could not do so itself."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]:
            fields = line.split()
            identifier, creator, users = int(fields[1]), int(fields[4]), int(fields[6])
            if creator in creators and users == 0:
                ctypes.CDLL(None).shmctl(identifier, _IPC_RMID, None)


def become_subreaper() -> None:
    """Orphaned descendants become children of this process instead of init's."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with_parent(what: signal.Signals) -> None:
    """Ask the kernel for `what` when the parent's thread that forked us ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(what), 0, 0, 0)
