"""The client's side: start a keeper or find the one that runs, and talk to it."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import threading
from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel, ValidationError

from seatrial.declaration.models import System
from seatrial.errors import KeeperError, Refused, UsageError
from seatrial.keeper import protocol as p
from seatrial.keeper import spawn
from seatrial.keeper.description import describe, differences
from seatrial.keeper.leftovers import end_by_force, end_leftovers, sweep
from seatrial.keeper.lines import Lines, LineTooLong
from seatrial.keeper.order import Order
from seatrial.keeper.places import ELSEWHERE, Place
from seatrial.keeper.state import (
    RunningState,
    is_running,
    read_state,
    try_lock,
    wait_until_gone,
)
from seatrial.waiting import Deadline, eventually
from seatrial.writable import writable

__all__ = [
    "ActionFailed",
    "AlreadyRunning",
    "KeeperClient",
    "TakenDown",
    "Unusable",
    "attach",
    "changes",
    "end",
    "read_state",
    "refuse_if_different",
    "start",
    "wait_until_gone",
]

_ANSWER_SECONDS = 30.0  # for requests that do not wait by themselves
_ATTACH_SECONDS = 15.0  # for a keeper that is just being started


class ActionFailed(KeeperError):
    """A component did not come back; `failure` says why."""

    def __init__(self, message: str, hint: str | None, failure: p.Failure | None) -> None:
        super().__init__(message, hint=hint)
        self.failure = failure


class TakenDown(KeeperError):
    """Somebody else has ended the deployment, on purpose."""


class AlreadyRunning(KeeperError):
    """There is a keeper of this deployment, perhaps since a moment ago: attach to it."""


class Unusable(KeeperError):
    """A keeper is there, but does not answer, or is of another version."""


class KeeperClient:
    """One connection to a keeper, which is a lease on its deployment. Safe to use from threads:
    requests take turns."""

    def __init__(self, place: Place, connection: socket.socket, started: bool) -> None:
        self.place = place
        self.started = started  # by us, rather than found
        #: What hints become for whoever knows what the deployment is of.
        self.advice: Callable[[str], str] = str
        self._lines = Lines(connection, p.LONGEST_LINE)
        self._turn = threading.Lock()
        self._number = 0  # of the last request
        self._taken_down: TakenDown | None = None
        try:
            self.greeting = self._greeting()
        except BaseException:
            self.close()
            raise

    def _greeting(self) -> p.Reply:
        greeting = self._read(Deadline.after(_ATTACH_SECONDS))
        if greeting.status is None:
            mistaken = greeting.exit_code == UsageError.exit_code  # what the user wrote
            error = UsageError if mistaken else KeeperError
            raise error(greeting.error or "the keeper sent no status", hint=greeting.hint)
        if greeting.status.protocol != p.PROTOCOL:
            raise _of_another_version()
        return greeting

    def _read(self, deadline: Deadline) -> p.Reply:
        try:
            line = self._lines.receive(deadline)
        except TimeoutError:
            raise self._silent() from None
        except LineTooLong as error:
            raise _of_another_version() from error
        except OSError as error:
            raise self._gone() from error
        if not line:
            raise self._gone()
        try:
            reply = p.Reply.model_validate_json(line)
        except ValidationError as error:
            raise _of_another_version() from error
        if reply.over:
            self._taken_down = TakenDown(reply.error or "", hint=reply.hint)
            raise self._taken_down
        return reply

    def _silent(self) -> KeeperError:
        return Unusable(
            "the keeper of this deployment does not answer",
            hint=f"seatrial down ends it; look at its log first: {self.place.keeper_log}",
        )

    def _gone(self) -> KeeperError:
        if self._lines.closed:
            return KeeperError("this connection to the keeper was closed", hint="attach anew")
        if self._taken_down is not None:
            return self._taken_down
        log = self.place.keeper_log
        with contextlib.suppress(OSError):
            last = log.read_text(errors="replace").strip().splitlines()[-1:]
            if last:
                return KeeperError(f"the keeper ended: {last[0]}", hint=f"read {log}")
        return KeeperError("the keeper ended", hint="start the deployment again: seatrial up")

    def ask(self, request: BaseModel, seconds: float = _ANSWER_SECONDS) -> p.Reply:
        """Send a request and return the reply. Raises KeeperError or ActionFailed."""
        try:
            return self._ask(request, seconds)
        except KeeperError as error:
            error.hint = error.hint and self.advice(error.hint)
            raise

    def _ask(self, request: BaseModel, seconds: float) -> p.Reply:
        with self._turn:
            self._number += 1
            numbered = request.model_copy(update={"number": self._number})
            try:
                self._lines.send(numbered.model_dump_json().encode(), _ANSWER_SECONDS)
            except TimeoutError:
                self.close()  # half a request may have been sent
                raise self._silent() from None
            except OSError as error:
                with contextlib.suppress(KeeperError):
                    while True:  # what it said last may tell why
                        self._read(Deadline.after(1.0))
                raise self._gone() from error
            deadline = Deadline.after(seconds)
            reply = self._read(deadline)
            while reply.number not in (self._number, None):
                # Ctrl-C, or a time-out, left the reply to an earlier request unread.
                reply = self._read(deadline)
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
        if hold and action not in p.UNDO:
            raise KeeperError(
                f"{action} cannot be held: nothing undoes it",
                hint=f"what can be held: {', '.join(p.UNDO)}",
            )
        self._ask_acting(p.Act(action=action, component=component, replica=replica, hold=hold))

    def alter(self, request: p.Alter) -> None:
        """Restart a component in another way, until `restore` or the end of this lease."""
        self._ask_acting(request)

    def restore(self, component: str, replica: int | None = None) -> None:
        """Restart a component as it was declared. Raises ActionFailed."""
        self._ask_acting(p.Restore(component=component, replica=replica))

    def _ask_acting(self, request: BaseModel) -> None:
        state = read_state(self.place)
        self.ask(request, _ANSWER_SECONDS if state is None else state.act_seconds)

    def impose(self, request: p.Impose) -> None:
        """A network fault, until `mend` or the end of this lease."""
        self.ask(request)

    def mend(self, key: str) -> None:
        """End what was imposed under the key; nothing happens if nothing was."""
        self.ask(p.Mend(key=key))

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

    def usage(self, component: str, replica: int | None = None) -> p.Usage:
        """What its processes use. Raises KeeperError."""
        usage = self.ask(p.Use(component=component, replica=replica)).usage
        assert usage is not None
        return usage

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

    def down(self) -> None:
        """End the deployment and wait until nothing of it is left."""
        seconds = _end_seconds(read_state(self.place))
        with contextlib.suppress(KeeperError):
            self.ask(p.Down())
        self.close()
        wait_until_gone(self.place, seconds)

    def close(self) -> None:
        """End the lease."""
        self._lines.close()


def _of_another_version() -> KeeperError:
    return Unusable(
        "the keeper of this deployment and this client are of different versions",
        hint="seatrial down, then up again",
    )


def _end_seconds(state: RunningState | None) -> float:
    return _ANSWER_SECONDS if state is None else state.end_seconds


def attach(place: Place) -> KeeperClient | None:
    """A client of the keeper that runs, or None where there is none; the end of one that is
    ending is waited for. Raises KeeperError when it cannot be reached, or used."""

    def connect() -> KeeperClient | str:
        if not is_running(place):
            return "none"
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(_ATTACH_SECONDS)
            connection.connect(str(place.socket))
            found = KeeperClient(place, connection, started=False)
            spawn.dismiss()
            return found
        except Unusable:
            raise
        except (OSError, KeeperError):  # it is just being started, or just ending
            connection.close()
            return ""

    seconds = _ATTACH_SECONDS + _end_seconds(read_state(place))
    try:
        found = eventually(connect, timeout=seconds, what="the keeper can be reached")
    except AssertionError as error:
        raise Unusable(
            f"the keeper of the deployment {place.id} cannot be reached within {seconds:g} s",
            hint=f"seatrial down ends it; look at its log first: {place.keeper_log}",
        ) from error
    return found if isinstance(found, KeeperClient) else None


def end(place: Place) -> bool:
    """End the deployment, or what is left of one, and wait until it is gone; False where there is
    no such thing. A keeper that does not answer is ended by force. Raises KeeperError."""
    try:
        client = attach(place)
        if client is not None:
            client.down()
    except KeeperError:
        end_by_force(place)
        return True
    return client is not None or end_leftovers(place)


def start(system: System, place: Place, *, observe: bool = False) -> KeeperClient:
    """Start a keeper for the system; returns at once, before its components are ready.

    `observe`: it only looks at what somebody else started.

    Raises AlreadyRunning, UsageError for a mistake in its compose file, or KeeperError when it
    cannot be started.
    """
    end_leftovers(place)
    sweep()
    with writable(place.folder, ELSEWHERE):
        lock = try_lock(place)
    if lock is None:
        raise AlreadyRunning(f"the deployment {place.id} is already running", hint="seatrial down")
    try:
        connection = _order(system, place, lock, observe)
    finally:
        os.close(lock)
    return KeeperClient(place, connection, started=True)


def _order(system: System, place: Place, lock: int, observe: bool) -> socket.socket:
    """Tell a keeper to keep the system; returns the connection to it."""
    shutil.rmtree(place.folder, ignore_errors=True)  # left by a keeper that was killed
    with writable(place.folder, ELSEWHERE):
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


def changes(system: System, place: Place) -> list[str]:
    """How this declaration differs from the one that runs, in lines; none where it does not."""
    running = read_state(place)
    if running is None or running.digest == system.digest:
        return []
    lines = differences(running.description, describe(system))
    return lines or ["(outside the components, or in a secret)"]


def refuse_if_different(system: System, place: Place) -> None:
    """Raise Refused, naming the differences, when what runs was declared differently."""
    found = changes(system, place)
    if not found:
        return
    shown = "\n".join(f"    {line}" for line in found)
    raise Refused(
        f"{system.name} is already up in {system.environment}, from a different declaration:\n"
        f"{shown}",
        hint="seatrial down, then up again; or give this one a --name of its own",
    )
