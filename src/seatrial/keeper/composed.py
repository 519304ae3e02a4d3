"""The keeper's part for a compose project of Seatrial's own: it starts, watches and removes it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from time import monotonic

from seatrial.compose.changes import Changes
from seatrial.compose.doing import doing
from seatrial.compose.drive import Drive
from seatrial.compose.engine import Container, docker
from seatrial.compose.logs import logs
from seatrial.compose.own import project_name
from seatrial.compose.project import Project
from seatrial.compose.targets import refuse_unknown, service_of
from seatrial.declaration.models import System
from seatrial.errors import CapabilityMissing, SeatrialError
from seatrial.keeper import processes
from seatrial.keeper.containers import Containers, are_up, used_by
from seatrial.keeper.failing import compose_failed, failure_of, log_of, refused, too_late, unwell
from seatrial.keeper.instance import StartFailed
from seatrial.keeper.log import LOG_TAIL, Log
from seatrial.keeper.network.impairment import Impairment, NetworkEdge
from seatrial.keeper.places import Place
from seatrial.keeper.ports import PortReservations
from seatrial.keeper.protocol import (
    LONGEST_LOG,
    UNDO,
    Action,
    Alter,
    ComponentStatus,
    Failure,
    Usage,
)
from seatrial.keeper.telling import Telling
from seatrial.keeper.timeline import Timeline
from seatrial.kinds.base import ProbeResult, Target, load
from seatrial.kinds.logins import is_turned_away
from seatrial.kinds.programs import as_it_listens
from seatrial.outcome import Cause, Health, State
from seatrial.waiting import Deadline, backoff

_LONGEST_PAUSE = 0.1  # s between two probes of what is not ready yet
_BUSY_PAUSE = 0.5  # s, while Compose still starts what they need: each takes time from that
_CALM = 2.0  # s, and likewise between two looks at what has not ended
_START_SECONDS = 300.0  # for images to be built and everything to be ready
_RESTART_SECONDS = 60.0
_PROBE_SECONDS = 2.0
_SAID = 2_000  # last lines of what Compose says, in which to look for what it does
_READ_LAST = "read its last log lines (its project is gone by now)"
_DOCKER = {
    Action.STOP: ("stop", "-t", "10"),
    Action.KILL: ("kill",),
    Action.PAUSE: ("pause",),
    Action.RESUME: ("unpause",),
    Action.START: ("start",),
    Action.RESTART: ("restart", "-t", "10"),
}


class Composed:
    """Owns the containers of a deployment in a compose environment."""

    capabilities = frozenset(
        {"start", "stop", "pause", "kill", "restart", "disconnect", "logs", "meters"}
    )
    edges: tuple[NetworkEdge, ...] = ()
    network_faults: tuple[str, ...] = ()

    def __init__(self, system: System, project: Project, place: Place, timeline: Timeline) -> None:
        refuse_unknown(system, project)
        self.system, self.project, self.place, self.timeline = system, project, place, timeline
        self.failure: Failure | None = None
        self.ready = False
        self.apart: tuple[str, ...] = ()
        self._drive: Drive | None = None
        self._changes = Changes(project_name(place.id))
        self._containers = Containers(system, project, timeline)
        self._ports = PortReservations()
        self._watching: asyncio.Task[None] | None = None

    # -- starting --------------------------------------------------------------------------------

    async def start(self) -> None:
        """Build and start everything; returns when all are ready, or one has failed."""
        for name in self.system.components:
            await self.timeline.add(name, None, State.WAITING)
        try:
            async with asyncio.timeout(_START_SECONDS):
                await self._start()
            self.ready = True
        except StartFailed as failure:
            self.failure = self.failure or failure_of(None, failure)
        except SeatrialError as error:
            self.failure = refused(error.message, error.hint)
        except TimeoutError:
            self.failure = too_late(_START_SECONDS)
        await self.timeline.wake()
        if self.ready:
            self._watching = asyncio.create_task(self._watch())

    async def _start(self) -> None:
        drive = await Drive.of(self.system, self.project, self.place.id, self.place.folder)
        self.apart = await drive.write(self._ports.reserve)
        self._drive = drive
        began = monotonic()
        marks = {processes.DEPLOYMENT: self.place.id}
        upping = asyncio.create_task(drive.up(marks))  # first of all: everything waits for it
        upping.add_done_callback(lambda _: self._changes.look_again())
        try:
            await self._changes.begin()
            await self._until_ready(list(self.system.components), began, upping)
        finally:
            upping.cancel()
            await asyncio.wait({upping})

    async def _until_ready(
        self, names: Sequence[str], began: float, upping: asyncio.Task[int] | None = None
    ) -> None:
        """Return when Compose has done its part and the probes of all these components say that
        they are ready. Raises StartFailed, as soon as a container has ended that should not."""
        last: dict[str, ProbeResult] = {}
        deadlines: dict[str, Deadline] = {}
        due, telling = True, Telling(self._containers.held_up)
        for pause in backoff(longest=_LONGEST_PAUSE):
            over = upping is None or upping.done()
            if due or (over and not deadlines):
                await self._look()
            await self._refuse_dead(names if self.ready else None)
            waiting = [name for name in names if name not in self._containers.proven]
            if any(await asyncio.gather(*(self._prove(name, last, began) for name in waiting))):
                await self._containers.record()
            if over:
                if upping is not None and upping.result() != 0:
                    raise await self._not_up()
                if self._containers.proven.issuperset(names):
                    break
                deadlines = deadlines or {n: Deadline.after(self._patience(n)) for n in names}
                await self._refuse_late(deadlines, last)
            if telling.due:
                await self._look()  # where they listen by now
                await telling.tell(self._held_up(waiting, last))
            due = await (
                self._changes.wait(pause)
                if over
                else self._changes.wait(max(pause, _BUSY_PAUSE), calm=_CALM)
            )

    async def _refuse_dead(self, names: Sequence[str] | None) -> None:
        if (found := self._containers.dead(names)) is not None:
            one, component = found
            failure = await self._ended(one)
            if not self.ready:
                self.failure = failure_of(component, failure)
            raise failure

    async def _not_up(self) -> StartFailed:
        """Why `docker compose up` failed."""
        assert self._drive is not None
        said = Log(self._drive.output).tail(LOG_TAIL)
        with contextlib.suppress(SeatrialError):  # what it said is told in any case
            await self._look()
        if (found := self._containers.ailing("\n".join(said))) is None:
            return compose_failed(said)
        one, component = found
        failure = await unwell(one, self.project)
        self.failure = failure_of(component, failure)
        return failure

    async def _ended(self, one: Container) -> StartFailed:
        how = f"exit code {one.exit_code}" + (", for want of memory" if one.oom_killed else "")
        again = f", {one.restarts} times by now" if one.restarts else ""
        task = "; what is to end is of kind: task" if one.exit_code == 0 else ""
        return StartFailed(
            Cause.EXITED,
            self._containers.meant(one),
            one.error or f"it ended with {how}{again}",
            f"{_READ_LAST}{task}{self._unset}",
            await log_of([one]),
        )

    @property
    def _unset(self) -> str:
        if not (unset := self.project.unset):
            return ""
        names = ", ".join(f"${name}" for name in unset)
        verb = "is" if len(unset) == 1 else "are"
        return f"; {names} of {self.project.file.name} {verb} not set, so empty"

    def _patience(self, name: str) -> float:
        config = self.system.components[name].config
        return float(getattr(config, "start_timeout", _RESTART_SECONDS))

    async def _prove(self, name: str, last: dict[str, ProbeResult], began: float) -> bool:
        """Take a component for ready once its containers run and its probe says so."""
        target = self._containers.seen[name]
        if not are_up(target.states):
            return False
        context, deadline = self._containers.context(), Deadline.after(_PROBE_SECONDS)
        kind = load(target.kind)
        if kind.endpoints and not any(target.endpoints.values()):
            self._containers.proven.add(name)  # nobody knows where it could be asked
            return True
        last[name] = await kind.probe(target, context, deadline)
        heard = as_it_listens(last[name], target)
        if heard.health is Health.UNHEALTHY:  # what is there, and lets nobody look, will do
            turned_away = is_turned_away(heard)
            if not (turned_away and await self._containers.let_in(name, deadline)):
                return False
        self._containers.proven.add(name)
        self._containers.took[name] = (monotonic() - began) * 1000
        return True

    def _held_up(self, waiting: Sequence[str], last: Mapping[str, ProbeResult]) -> dict[str, str]:
        """What keeps each of these from being ready."""
        assert self._drive is not None
        said = () if self.ready else Log(self._drive.output).tail(_SAID)
        busy = doing(said, self.project.services)
        found = {}
        for name in waiting:
            if self._containers.of(name):
                known, target = last.get(name), self._containers.seen[name]
                told = as_it_listens(known, target).found if known else target.provider.found
                found[name] = told
            else:
                found[name] = busy.get(service_of(self.system.components[name]), "")
        return found

    async def _refuse_late(
        self, deadlines: dict[str, Deadline], last: dict[str, ProbeResult]
    ) -> None:
        for name, deadline in deadlines.items():
            if name not in self._containers.proven and deadline.passed:
                raise await self._never_ready(name, last.get(name))

    async def _never_ready(self, name: str, last: ProbeResult | None) -> StartFailed:
        await self._look()
        target = self._containers.seen[name]
        if last is not None:
            last = as_it_listens(last, target)
        said = target.provider
        known = said.found or said.own_check.ailing or "its container does not run"
        failure = StartFailed(
            (last.cause if last else None) or Cause.TIMEOUT,
            f"{name} is ready in time",
            f"its container runs, but: {last.found}" if last else known,
            ((last.fix if last else "") or _READ_LAST) + self._unset + _or_runs_on(target),
            await log_of(self._containers.of(name)),
        )
        if self.failure is None and not self.ready:
            self.failure = failure_of(name, failure)
        return failure

    # -- looking ---------------------------------------------------------------------------------

    async def _watch(self) -> None:
        while True:
            if await self._changes.wait(60.0):
                with contextlib.suppress(SeatrialError):  # the engine is busy: look again
                    await self._look()

    async def _look(self) -> None:
        assert self._drive is not None
        self._changes.looked()
        await self._containers.look(self._drive, starting=not self.ready)

    async def look(self) -> None:
        """Ask the engine now; in between that happens by itself."""
        if self.ready and not self._changes.last_stands:
            await self._look()

    @property
    def secrets(self) -> tuple[str, ...]:
        return tuple(secret for one in self._containers.seen.values() for secret in one.secrets)

    def statuses(self) -> dict[str, ComponentStatus]:
        return self._containers.statuses()

    def log_tail(self, component: str, lines: int) -> tuple[str, ...]:
        """Called in a thread of its own."""
        return asyncio.run(logs(self._containers.of(component), lines, LONGEST_LOG))

    async def usage(self, component: str, replica: int | None) -> Usage:
        """As the engine's host accounts for it. Raises EngineError."""
        return await used_by(self._containers.of(component, replica))

    # -- acting ----------------------------------------------------------------------------------

    async def act(
        self, action: Action, component: str, replica: int | None, *, by_fault: bool = False
    ) -> None:
        """Do it to one container, or to all; returns when it has taken effect (`start`: is ready).

        Raises StartFailed when it does not come back, EngineError when the engine refuses.
        """
        down, seen = action in UNDO, self._containers
        mine = [one for one in seen.of(component, replica) if _applies(action, one)]
        if down:
            seen.asked.add(component)
            if by_fault:
                seen.by_fault.add(component)
        if action is Action.DISCONNECT:
            await seen.unplugged.take_off(one for one in mine if one not in seen.unplugged)
        elif action is Action.CONNECT:
            await seen.unplugged.put_back(mine)
        elif mine:
            await docker(*_DOCKER[action], *(one.id for one in mine), seconds=60.0)
        if down:
            await self._look()
            return
        seen.asked.discard(component)
        seen.by_fault.discard(component)
        if action is not Action.RESUME:
            seen.proven.discard(component)
            await self._look()
            await self._until_ready([component], monotonic())
        await self._look()

    async def alter(self, how: Alter) -> None:
        raise CapabilityMissing(
            f"{how.component} cannot be restarted otherwise: its compose file says how it runs",
            hint="use an environment whose processes Seatrial starts itself (local)",
        )

    async def restore(self, component: str, replica: int | None) -> None:
        """Nothing was ever altered."""

    async def impose(
        self, key: str, edges: tuple[NetworkEdge, ...], what: Impairment, note: str
    ) -> None:
        raise CapabilityMissing(
            "the network between containers cannot be disturbed in this environment",
            hint="use an environment whose processes Seatrial starts itself (local)",
        )

    async def mend(self, key: str) -> None:
        """Nothing was ever imposed."""

    async def end(self, *, hurry: bool) -> None:
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching
        await self._changes.end()
        if self._drive is not None:
            await self._drive.remove(hurry=hurry)
        self._ports.close()


def _applies(action: Action, one: Container) -> bool:
    """Whether the engine would take it: it refuses to stop what is stopped."""
    if action is Action.RESUME:
        return one.status == "paused"
    if action in (Action.KILL, Action.PAUSE, Action.DISCONNECT):
        return one.status == "running"
    return action is not Action.START or one.status not in ("running", "paused")


def _or_runs_on(target: Target) -> str:
    lasts = target.kind == "task" and State.STARTING in target.states
    return "; if it is to run on, it is of `kind: process`" if lasts else ""
