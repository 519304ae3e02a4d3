"""The client's side: start a keeper or find the one that runs, and talk to it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel

from seatrial.compose import clear
from seatrial.declaration.models import System
from seatrial.errors import KeeperError, Refused
from seatrial.evidence.redaction import Redactor
from seatrial.keeper import processes, spawn
from seatrial.keeper import protocol as p
from seatrial.keeper.description import describe, differences
from seatrial.keeper.order import Order
from seatrial.keeper.places import Place, deployments
from seatrial.waiting import Deadline, eventually

_ANSWER_SECONDS = 30.0  # for requests that do not wait by themselves
_ATTACH_SECONDS = 15.0  # for a keeper that is just being started or is ending
_ACT_SECONDS = 120.0


class ActionFailed(KeeperError):
    """A component did not come back; `failure` says why."""

    def __init__(self, message: str, hint: str | None, failure: p.Failure | None) -> None:
        super().__init__(message, hint=hint)
        self.failure = failure


class AlreadyRunning(KeeperError):
    """There is a keeper of this deployment, perhaps since a moment ago: attach to it."""


class KeeperClient:
    """One connection to a keeper, which is a lease on its deployment. Safe to use from threads:
    requests take turns."""

    def __init__(self, place: Place, connection: socket.socket, started: bool) -> None:
        self.place = place
        self.started = started  # by us, rather than found
        self._connection = connection
        self._stream = connection.makefile("rb")
        self._turn = threading.Lock()
        self._owed = 0  # replies that are still to be read
        self.greeting = self._read(Deadline.after(_ATTACH_SECONDS))
        if self.greeting.status is None:
            self.close()
            raise KeeperError(
                self.greeting.error or "the keeper sent no status", hint=self.greeting.hint
            )

    def _read(self, deadline: Deadline) -> p.Reply:
        self._connection.settimeout(max(0.01, deadline.remaining()))
        try:
            line = self._stream.readline(p.LONGEST_LINE)
        except TimeoutError:
            raise KeeperError(
                "the keeper of this deployment does not answer",
                hint="seatrial down ends it; look at its log first",
            ) from None
        except OSError as error:
            raise self._gone() from error
        if not line:
            raise self._gone()
        return p.Reply.model_validate_json(line)

    def _gone(self) -> KeeperError:
        log = self.place.folder / "keeper.log"
        with contextlib.suppress(OSError):
            last = log.read_text(errors="replace").strip().splitlines()[-1:]
            if last:
                return KeeperError(f"the keeper ended: {last[0]}", hint=f"read {log}")
        return KeeperError("the keeper ended", hint="start the deployment again: seatrial up")

    def ask(self, request: BaseModel, seconds: float = _ANSWER_SECONDS) -> p.Reply:
        """Send a request and return the reply. Raises KeeperError or ActionFailed."""
        with self._turn:
            try:
                self._connection.settimeout(_ANSWER_SECONDS)
                self._connection.sendall(request.model_dump_json().encode() + b"\n")
            except OSError as error:
                raise self._gone() from error
            self._owed += 1
            deadline = Deadline.after(seconds)
            while self._owed:  # Ctrl-C leaves a reply unread, which is not this request's
                reply = self._read(deadline)
                self._owed -= 1
        if reply.error is not None:
            raise ActionFailed(reply.error, reply.hint, reply.failure)
        return reply

    def status(self) -> p.DeploymentStatus:
        status = self.ask(p.Status()).status
        assert status is not None
        return status

    def events(self, since: int = 0, wait: float = 0.0) -> tuple[p.Event, ...]:
        """State changes after `since`; waits up to `wait` seconds for the first."""
        return self._ask_events(p.Events(since=since, wait=wait))

    def _ask_events(self, request: p.Events) -> tuple[p.Event, ...]:
        events = self.ask(request, request.wait + _ANSWER_SECONDS).events
        assert events is not None
        return events.events

    def act(
        self, action: p.Action, component: str, replica: int | None = None, *, hold: bool = False
    ) -> None:
        act = p.Act(action=action, component=component, replica=replica, hold=hold)
        self.ask(act, _ACT_SECONDS)

    def lock(
        self, mode: Literal["shared", "exclusive"], wait: float = 60.0, since: int | None = None
    ) -> tuple[p.Event, ...]:
        """Acquire the lock; returns the state changes after `since`, if it is given."""
        request = p.Lock(mode=mode, wait=wait, since=since)
        events = self.ask(request, wait + _ANSWER_SECONDS).events
        return () if events is None else events.events

    def unlock(self, since: int | None = None) -> tuple[p.Event, ...]:
        """Give the lock back; returns the state changes after `since`, if it is given."""
        events = self.ask(p.Unlock(since=since)).events
        return () if events is None else events.events

    def logs(self, component: str, lines: int = 200) -> tuple[str, ...]:
        logs = self.ask(p.Logs(component=component, lines=lines)).logs
        assert logs is not None
        return logs.lines

    def keep(self, idle_seconds: float) -> None:
        """The deployment shall live on without this client."""
        self.ask(p.Keep(idle_seconds=idle_seconds))

    def wait_until_ready(self, seen: Callable[[p.Event], None]) -> p.DeploymentStatus:
        """Return when all components are ready, or one has failed (see `failure`); every state
        change on the way is handed to `seen`."""
        last = 0
        while True:
            for event in self._ask_events(p.Events(since=last, wait=5.0, settling=True)):
                last = event.seq
                seen(event)
            status = self.status()
            settled = status.ready or status.failure is not None
            if settled and status.last_event <= last:
                return status

    def down(self, seconds: float = 30.0) -> None:
        """End the deployment and wait until nothing of it is left."""
        with contextlib.suppress(KeeperError):
            self.ask(p.Down())
        self.close()
        wait_until_gone(self.place, seconds)

    def close(self) -> None:
        """End the lease."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._stream.close()
        self._connection.close()


@dataclass(frozen=True)
class RunningState:
    """What the state file of a running keeper says."""

    keeper: int
    system: str
    name: str
    environment: str
    digest: str
    description: str
    started_at: str


def wait_until_gone(place: Place, seconds: float = 30.0) -> None:
    """Wait until the deployment's lock is free: keeper and guardian have ended."""

    def free() -> bool:
        if not place.lock_file.exists():
            return True
        descriptor = _try_lock(place)
        if descriptor is not None:
            os.close(descriptor)
        return descriptor is not None

    try:
        eventually(free, timeout=seconds, longest_pause=0.05, what="the deployment has ended")
    except AssertionError as error:
        raise KeeperError(
            f"the deployment {place.id} has not ended within {seconds:g} s",
            hint=f"look what is left: ps -ef | grep {place.id}",
        ) from error


def _try_lock(place: Place) -> int | None:
    """The locked file descriptor, or None while a keeper (or its guardian) lives."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(place.lock_file, flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def read_state(place: Place) -> RunningState | None:
    try:
        fields = json.loads(place.state_file.read_text())
    except (OSError, ValueError):
        return None
    return RunningState(**{name: fields[name] for name in RunningState.__dataclass_fields__})


def attach(place: Place) -> KeeperClient | None:
    """A client of the keeper that runs, or None where there is none."""

    def connect() -> KeeperClient | str:
        descriptor = _try_lock(place)
        if descriptor is not None:
            os.close(descriptor)
            return "none"
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(str(place.socket))
            found = KeeperClient(place, connection, started=False)
            spawn.dismiss()
            return found
        except (OSError, KeeperError):  # it is just being started, or just ending
            connection.close()
            return ""

    if not place.lock_file.exists():
        return None
    found = eventually(connect, timeout=_ATTACH_SECONDS, what="the keeper can be reached")
    return found if isinstance(found, KeeperClient) else None


def start(system: System, place: Place, *, observe: bool = False) -> KeeperClient:
    """Start a keeper for the system; returns at once, before its components are ready.

    `observe`: it only looks at what somebody else started.

    Raises AlreadyRunning, or KeeperError when it cannot be started.
    """
    sweep()
    lock = _try_lock(place)
    if lock is None:
        raise AlreadyRunning(f"the deployment {place.id} is already running", hint="seatrial down")
    try:
        connection = _order(system, place, lock, observe)
    finally:
        os.close(lock)
    return KeeperClient(place, connection, started=True)


def end_leftovers(place: Place) -> bool:
    """End what is left of a deployment whose keeper and guardian were both killed, and remove its
    folder; False where there is no such thing.

    Its state file tells: whoever else ends removes that.
    """
    lock = _try_lock(place) if place.state_file.exists() else None
    if lock is None:
        return False
    try:
        if not place.state_file.exists():
            return False  # it has just ended by itself
        left = processes.end_all([place.id], root=None)
        if left:
            numbers = " ".join(map(str, left))
            raise KeeperError(
                f"processes of a deployment that has no keeper any more cannot be ended: {numbers}",
                hint=f"end them as the user who they belong to: ps -fp {numbers.replace(' ', ',')}",
            )
        project = clear.marked(place.folder)
        if project is not None and (kept := clear.clear(project)):
            raise KeeperError(
                f"the compose project {project}, whose keeper was killed, cannot be removed: "
                f"{', '.join(kept)}",
                hint="docker info   (does the engine run?)",
            )
        shutil.rmtree(place.folder, ignore_errors=True)
    finally:
        os.close(lock)
    return True


def sweep() -> None:
    """`end_leftovers` of every deployment in this base folder."""
    for file in deployments().glob("*/state.json"):
        end_leftovers(Place(file.parent.name))


def _order(system: System, place: Place, lock: int, observe: bool) -> socket.socket:
    """Tell a keeper to keep the system; returns the connection to it."""
    shutil.rmtree(place.folder, ignore_errors=True)  # left by a keeper that was killed
    place.folder.mkdir(mode=0o711)
    order = Order(
        id=place.id,
        folder=place.folder,
        file=system.file,
        environment=system.environment,
        digest=system.digest,
        observe=observe,
    )
    connection = spawn.take().connected()
    order.send(connection, lock)
    return connection


def refuse_if_different(system: System, place: Place) -> None:
    """Raise Refused, naming the differences, when what runs was declared differently."""
    running = read_state(place)
    if running is None or running.digest == system.digest:
        return
    redact = Redactor().redact
    lines = [redact(line) for line in differences(running.description, describe(system))]
    shown = "\n".join(f"    {line}" for line in lines) or "    (outside the components)"
    raise Refused(
        f"{system.name} is already up in {system.environment}, from a different declaration:\n"
        f"{shown}",
        hint="seatrial down, then up again; or give this one a --name of its own",
    )
