"""The keeper's side of the protocol: connections as leases, held actions, the lock."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TypeVar

from pydantic import ValidationError

from seatrial.compose.secrets import secrets_of
from seatrial.declaration.models import System
from seatrial.errors import KeeperError, SeatrialError
from seatrial.keeper import processes
from seatrial.keeper import protocol as p
from seatrial.keeper.held import is_altered, is_imposed, undoes
from seatrial.keeper.instance import StartFailed
from seatrial.keeper.limits import limits_of
from seatrial.keeper.locks import SharedLock
from seatrial.keeper.owner import Owner
from seatrial.keeper.places import Place
from seatrial.keeper.timeline import StateEvent, Timeline
from seatrial.keeper.unexpected import unexpected

T = TypeVar("T")


@dataclass(eq=False)
class Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    held: list[p.Act | p.Alter | p.Impose] = field(default_factory=list)
    requests: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self) -> None:
        """Read ahead, so that the client's end is noticed while a request of its is waiting."""
        try:
            while line := await self.reader.readline():
                await self.requests.put(line)
        except (ConnectionError, ValueError):  # ValueError: a line over the limit
            pass
        finally:
            self.gone.set()
            await self.requests.put(b"")

    async def unless_gone(self, waiting: Coroutine[object, object, T]) -> T:
        """The result of what only waits; given up (ConnectionError) when the client has gone."""
        task = asyncio.ensure_future(waiting)
        gone = asyncio.ensure_future(self.gone.wait())
        try:
            await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise ConnectionError("the client has gone")
            return task.result()
        finally:
            for one in (task, gone):
                one.cancel()
            await asyncio.gather(task, gone, return_exceptions=True)


class Server:
    """Serves clients until `over` is set: by `down`, or when the last lease has gone."""

    def __init__(self, system: System, place: Place, owner: Owner, timeline: Timeline) -> None:
        self.over = asyncio.Event()
        self.asked_to_end = False  # by `down`, rather than for want of a lease
        self._system, self._place, self._owner, self._timeline = system, place, owner, timeline
        self._connections: set[Connection] = set()
        self._lock = SharedLock()
        self._idle_seconds: float | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._served: set[asyncio.Task[None]] = set()
        self._acting: set[asyncio.Task[None]] = set()
        self._listening: asyncio.Server | None = None

    async def listen(self) -> None:
        self._place.socket.unlink(missing_ok=True)
        previous = os.umask(0o177)  # nobody else may connect, not even for a moment
        try:
            self._listening = await asyncio.start_unix_server(
                self.serve, path=str(self._place.socket), limit=p.LONGEST_LINE
            )
        finally:
            os.umask(previous)

    async def close(self) -> None:
        """It is over: no more leases, and what is being done to components is cut off."""
        self.over.set()
        if self._listening is not None:
            self._listening.close()
        self._place.socket.unlink(missing_ok=True)
        for acting in self._acting:
            acting.cancel()
        await asyncio.gather(*self._acting, return_exceptions=True)

    async def adopt(self, inherited: socket.socket) -> None:
        """Serve the client that started this keeper, whose end of a socket pair we were given."""
        reader, writer = await asyncio.open_connection(sock=inherited, limit=p.LONGEST_LINE)
        task = asyncio.create_task(self.serve(reader, writer))
        self._served.add(task)
        task.add_done_callback(self._served.discard)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, writer)
        if self.over.is_set():
            refused = _ending()
            with contextlib.suppress(ConnectionError):
                await self._send(connection, p.Reply(error=refused.message, hint=refused.hint))
            writer.close()
            return
        self._connections.add(connection)
        self._leases_changed()
        reading = asyncio.create_task(connection.read())
        reading.add_done_callback(lambda _: self._lease_ends(connection))
        try:
            await self._send(connection, p.Reply(status=self.status()))
            while line := await connection.requests.get():
                await self._send(connection, await self._answer(connection, line))
        except ConnectionError:
            pass
        finally:
            reading.cancel()
            await self._leave(connection)

    async def _send(self, connection: Connection, reply: p.Reply) -> None:
        connection.writer.write(reply.model_dump_json().encode() + b"\n")
        await connection.writer.drain()

    async def _leave(self, connection: Connection) -> None:
        """Undo what it held, then give back its lock: whoever waits for that finds all mended."""
        self._lease_ends(connection)
        try:
            for held in reversed(connection.held):
                with contextlib.suppress(StartFailed, SeatrialError):
                    await self._undo(held)
        finally:
            self._lock.release(connection)
            connection.writer.close()

    def _lease_ends(self, connection: Connection) -> None:
        """At once, whatever its last request still does: the last lease ends the deployment."""
        self._connections.discard(connection)
        self._leases_changed()

    def _leases_changed(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        if self._connections:
            return
        if self._idle_seconds is None:
            self.over.set()
        else:
            loop = asyncio.get_running_loop()
            self._idle = loop.call_later(self._idle_seconds, self.over.set)

    async def _undo(self, held: p.Act | p.Alter | p.Impose) -> None:
        match held:
            case p.Impose(key=key):
                await self._owner.mend(key)
            case p.Alter(component=component, replica=replica):
                await self._do(self._owner.restore(component, replica))
            case p.Act():
                await self._do(self._acting_on(p.UNDO[held.action], held))

    @cached_property
    def _secrets(self) -> tuple[str, ...]:
        return (*self._system.secrets, *secrets_of(self._system))

    def status(self) -> p.DeploymentStatus:
        events = self._timeline.events
        return p.DeploymentStatus(
            id=self._place.id,
            environment=self._system.environment,
            digest=self._system.digest,
            ready=self._owner.ready,
            failure=self._owner.failure,
            components=self._owner.statuses(),
            secrets=(*self._secrets, *self._owner.secrets),
            capabilities=tuple(sorted(self._owner.capabilities)),
            edges=self._owner.edges,
            network_faults=self._owner.network_faults,
            apart=self._owner.apart,
            kept=self._idle_seconds is not None,
            last_event=events[-1].seq if events else 0,
        )

    async def _answer(self, connection: Connection, line: bytes) -> p.Reply:
        try:
            request = p.REQUEST.validate_json(line)
        except ValidationError as error:
            return p.Reply(
                error=f"not a request that this keeper knows: {error.errors()[0]['msg']}",
                hint="client and keeper are of different versions: seatrial down, then up again",
            )
        reply = await self._carried_out(connection, request)
        return reply.model_copy(update={"number": request.number})

    async def _carried_out(self, connection: Connection, request: p.Request) -> p.Reply:
        try:
            return await self._carry_out(connection, request)
        except StartFailed as failure:
            return p.Reply(error=failure.found, hint=failure.fix, failure=_failure(failure))
        except SeatrialError as error:
            return p.Reply(error=error.message, hint=error.hint)
        except Exception as error:
            told = unexpected(error, self._place)
            return p.Reply(error=told.message, hint=told.hint)

    async def _carry_out(self, connection: Connection, request: p.Request) -> p.Reply:
        match request:
            case p.Status():
                await self._owner.look()
                return p.Reply(status=self.status())
            case p.Events(since=since, wait=wait, settling=settling):
                over = self._settled if settling else _never
                waiting = self._timeline.wait(since, wait, over)
                return p.Reply(events=_events(await connection.unless_gone(waiting)))
            case p.Act():
                return await self._act(connection, request)
            case p.Alter(component=component, replica=replica):
                self._known(component, replica)
                connection.held.append(request)
                await self._do(self._owner.alter(request))
            case p.Restore(component=component, replica=replica):
                self._known(component, replica)
                await self._do(self._owner.restore(component, replica))
                held = connection.held
                held[:] = [one for one in held if not is_altered(one, component, replica)]
            case p.Impose(key=key, edges=edges, impairment=impairment, note=note):
                self._refuse_if_over()
                connection.held.append(request)
                await self._owner.impose(key, edges, impairment, note)
            case p.Mend(key=key):
                await self._owner.mend(key)
                connection.held[:] = [h for h in connection.held if not is_imposed(h, key)]
            case p.Lock(mode=mode, wait=wait, since=since):
                self._refuse_if_over()
                acquiring = self._lock.acquire(connection, mode, wait)
                if not await connection.unless_gone(acquiring):
                    return p.Reply(
                        error=f"the deployment was in use for {wait:g} s",
                        hint="another run holds its lock: wait for it, or use --name",
                    )
                return self._since(since)
            case p.Unlock(since=since):
                events = self._since(since)
                self._lock.release(connection)
                return events
            case p.Logs(component=component, lines=lines):
                self._known(component)
                tail = await asyncio.to_thread(self._owner.log_tail, component, lines)
                return p.Reply(logs=p.LogLines(lines=tail))
            case p.Use(component=component, replica=replica):
                self._known(component, replica)
                return p.Reply(usage=await self._owner.usage(component, replica))
            case p.Keep(idle_seconds=seconds):
                self._refuse_if_over()
                self._idle_seconds = seconds
                print(f"kept for {seconds:g} s without a client", flush=True)
            case p.Down():
                self.asked_to_end = True
                self._say_farewell(connection)
                self.over.set()
        return p.Reply()

    def _say_farewell(self, asking: Connection) -> None:
        """To all others, who did not expect it."""
        farewell = p.Reply(
            over=True,
            error="the deployment was taken down by `seatrial down`",
            hint="seatrial up, then again",
        )
        for other in self._connections - {asking}:
            other.writer.write(farewell.model_dump_json().encode() + b"\n")

    def _since(self, since: int | None) -> p.Reply:
        return p.Reply(events=None if since is None else _events(self._timeline.since(since)))

    def _settled(self) -> bool:
        return self._owner.ready or self._owner.failure is not None

    async def _act(self, connection: Connection, act: p.Act) -> p.Reply:
        self._known(act.component, act.replica)
        acts = (held for held in connection.held if isinstance(held, p.Act))
        undone = next((held for held in acts if undoes(act, held)), None)
        if act.hold:
            connection.held.append(act)  # before it is done: it may be cut off half-way
        await self._do(self._acting_on(act.action, act, by_fault=act.hold))
        if undone is not None:
            connection.held.remove(undone)
        return p.Reply()

    def _acting_on(
        self, action: p.Action, act: p.Act, *, by_fault: bool = False
    ) -> Coroutine[object, object, None]:
        return self._owner.act(action, act.component, act.replica, by_fault=by_fault)

    async def _do(self, doing: Coroutine[object, object, None]) -> None:
        """Let the owner do it, unless the deployment ends: then there is nothing left to do."""
        if self.over.is_set():
            doing.close()
            raise _ending()
        task = asyncio.ensure_future(doing)
        self._acting.add(task)
        task.add_done_callback(self._acting.discard)
        try:
            await asyncio.wait({task})
        finally:
            task.cancel()  # nothing happens when it is done
        if task.cancelled():  # by `close`
            raise _ending()
        task.result()

    def _refuse_if_over(self) -> None:
        if self.over.is_set():
            raise _ending()

    def _known(self, component: str, replica: int | None = None) -> None:
        status = self._owner.statuses().get(component)
        if status is None or (replica is not None and replica >= len(status.replicas)):
            wanted = component if replica is None else f"{component}, replica {replica}"
            raise SeatrialError(
                f"there is no {wanted} in this deployment",
                hint=f"its components: {', '.join(self._owner.statuses())}",
            )

    def write_state(self, description: str) -> None:
        """Tell clients to come where the socket is; `description` lets them name differences."""
        me, limits = processes.identify(os.getpid()), limits_of(self._system)
        assert me is not None
        state = {
            "id": self._place.id,
            "keeper": me.number,
            "keeper_started": me.started,
            "guardian": os.getppid(),
            "socket": str(self._place.socket),
            "system": str(self._system.file),
            "name": self._system.name,
            "environment": self._system.environment,
            "provider": self._system.config.provider,
            "digest": self._system.digest,
            "description": description,
            "started_at": datetime.now(UTC).isoformat(),
            "act_seconds": limits.act,
            "end_seconds": limits.end,
        }
        temporary = self._place.state_file.with_suffix(".new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            json.dump(state, stream)
        temporary.rename(self._place.state_file)


def _ending() -> KeeperError:
    return KeeperError("the deployment is ending", hint="wait until it has ended: seatrial up")


def _never() -> bool:
    return False


def _failure(failure: StartFailed) -> p.Failure:
    return p.Failure(
        component=None,
        cause=failure.cause,
        expected=failure.expected,
        found=failure.found,
        fix=failure.fix,
        log=failure.log,
    )


def _events(events: Iterable[StateEvent]) -> p.EventList:
    return p.EventList(events=tuple(p.Event(**vars(event)) for event in events))
