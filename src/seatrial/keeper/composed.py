"""The keeper's part for a compose project of Seatrial's own: it starts, watches and removes it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

from seatrial.compose.drive import Drive, logs
from seatrial.compose.engine import Container, docker
from seatrial.compose.project import Project
from seatrial.compose.targets import refuse_unknown, service_of, targets
from seatrial.compose.unplug import Unplugged
from seatrial.declaration.interpreter import interpreter
from seatrial.declaration.models import Component, System
from seatrial.errors import CapabilityMissing, SeatrialError
from seatrial.keeper.instance import StartFailed
from seatrial.keeper.log import LOG_TAIL, Log
from seatrial.keeper.network.impairment import Impairment, NetworkEdge
from seatrial.keeper.places import Place, cache
from seatrial.keeper.ports import PortReservations
from seatrial.keeper.protocol import LONGEST_LOG, UNDO, Action, Alter, ComponentStatus, Failure
from seatrial.keeper.timeline import Timeline
from seatrial.kinds.base import Context, ProbeResult, Target, Words, load
from seatrial.outcome import Cause, Health, State
from seatrial.waiting import Deadline, backoff

_PERIOD = 0.5  # s between two looks at the containers
_START_SECONDS = 300.0  # for images to be built and everything to be ready
_RESTART_SECONDS = 60.0
_PROBE_SECONDS = 2.0
_PATIENT = 3  # so often may a container end and be restarted once all that it needs is ready
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

    capabilities = frozenset({"start", "stop", "pause", "kill", "restart", "disconnect", "logs"})
    edges: tuple[NetworkEdge, ...] = ()
    network_faults: tuple[str, ...] = ()

    def __init__(self, system: System, project: Project, place: Place, timeline: Timeline) -> None:
        refuse_unknown(system, project)
        self.system, self.project, self.place, self.timeline = system, project, place, timeline
        self.failure: Failure | None = None
        self.ready = False
        self._drive: Drive | None = None
        self._ports = PortReservations()
        self._containers: list[Container] = []
        self._seen: dict[str, Target] = {}  # with states as the engine knows them
        self._targets: dict[str, Target] = {}  # with states as they are recorded
        self._states: dict[str, tuple[State, ...]] = {}
        self._proven: set[str] = set()  # components that were ready since they were last started
        self._asked: set[str] = set()  # components that we stopped, killed, paused, disconnected
        self._unplugged = Unplugged()
        self._by_fault: set[str] = set()
        self._looking = asyncio.Lock()
        self._watching: asyncio.Task[None] | None = None
        self._took: dict[str, float] = {}

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
            self.failure = self.failure or _failure(None, failure)
        except SeatrialError as error:
            self.failure = _refused(error.message, error.hint)
        except TimeoutError:
            self.failure = _refused(
                f"not everything was ready within {_START_SECONDS:g} s",
                "seatrial logs; docker ps",
                Cause.TIMEOUT,
            )
        await self.timeline.wake()
        if self.ready:
            self._watching = asyncio.create_task(self._watch())

    async def _start(self) -> None:
        drive = await Drive.of(self.system, self.project, self.place.id, self.place.folder)
        await drive.write(self._ports.reserve)
        self._drive = drive
        began = monotonic()
        for words in drive.ways_up:
            await self._carry_out(drive, words)
        await self._until_ready(list(self.system.components), began)

    async def _carry_out(self, drive: Drive, words: tuple[str, ...]) -> None:
        """Let Compose do it, and look meanwhile at what has become of the containers."""
        process = await drive.begin(words)
        upping = asyncio.create_task(process.wait())
        try:
            for pause in backoff(longest=_PERIOD):
                over = upping.done()
                await self._look()
                await self._refuse_dead()
                if over:
                    break
                await asyncio.wait({upping}, timeout=pause)
        finally:
            if process.returncode is None:
                process.kill()
            await upping
        if process.returncode != 0:
            raise _not_up(drive.output)

    async def _refuse_dead(self, names: Sequence[str] | None = None) -> None:
        """Raise StartFailed as soon as a container has ended that should not have: of any service,
        or of those of some components."""
        components = self.system.components.values()
        for one in self._containers:
            mine = [each for each in components if service_of(each) == one.service]
            if names is not None and not any(each.name in names for each in mine):
                continue
            dead = one.status == "exited" and (one.exit_code != 0 or one.oom_killed)
            never = one.status == "created" and bool(one.error)
            if dead or never or self._circles(one, mine):
                failure = await self._ended(one)
                if not self.ready:
                    self.failure = _failure(mine[0].name if mine else one.service, failure)
                raise failure

    def _circles(self, one: Container, mine: Sequence[Component]) -> bool:
        """It ends again and again, though what it needs is ready."""
        again = one.status == "restarting" and one.restarts > _PATIENT
        return again and all(self._proven.issuperset(each.config.needs) for each in mine)

    async def _ended(self, one: Container) -> StartFailed:
        how = f"exit code {one.exit_code}" + (", for want of memory" if one.oom_killed else "")
        again = f", {one.restarts} times by now" if one.restarts else ""
        return StartFailed(
            Cause.EXITED,
            f"the container of {one.service} keeps running",
            one.error or f"it ended with {how}{again}",
            "read its last log lines above",
            await logs([one], LOG_TAIL, LONGEST_LOG),
        )

    async def _until_ready(self, names: Sequence[str], began: float) -> None:
        """Return when the probes of all these components say so. Raises StartFailed."""
        deadlines = {name: Deadline.after(self._patience(name)) for name in names}
        last: dict[str, ProbeResult] = {}
        for pause in backoff(longest=_PERIOD):
            await self._look()
            await self._refuse_dead(names if self.ready else None)
            waiting = [name for name in names if name not in self._proven]
            await asyncio.gather(*(self._prove(name, last, began) for name in waiting))
            if self._proven.issuperset(names):
                break
            for name in waiting:
                if name not in self._proven and deadlines[name].remaining() <= 0:
                    raise await self._never_ready(name, last.get(name))
            await asyncio.sleep(pause)
        await self._look()

    def _patience(self, name: str) -> float:
        config = self.system.components[name].config
        return float(getattr(config, "start_timeout", _RESTART_SECONDS))

    async def _prove(self, name: str, last: dict[str, ProbeResult], began: float) -> None:
        """Take a component for ready once its containers run and its probe says so."""
        target = self._seen[name]
        if not target.states or not all(state in _UP for state in target.states):
            return
        context, deadline = self.context(), Deadline.after(_PROBE_SECONDS)
        last[name] = await load(target.kind).probe(target, context, deadline)
        if last[name].health is Health.HEALTHY:
            self._proven.add(name)
            self._took[name] = (monotonic() - began) * 1000

    async def _never_ready(self, name: str, last: ProbeResult | None) -> StartFailed:
        mine = self._of(name)
        failure = StartFailed(
            (last.cause if last else None) or Cause.TIMEOUT,
            f"{name} is ready in time",
            f"its container runs, but: {last.found}" if last else "its container does not run",
            (last.fix if last else "") or f"read its log: seatrial logs {name}",
            await logs(mine, LOG_TAIL, LONGEST_LOG),
        )
        if self.failure is None and not self.ready:
            self.failure = _failure(name, failure)
        return failure

    # -- looking ---------------------------------------------------------------------------------

    def context(self) -> Context:
        return Context(self.system.folder, self._targets, cache(), interpreter(self.system))

    def _of(self, name: str, replica: int | None = None) -> list[Container]:
        service = service_of(self.system.components[name])
        mine = [one for one in self._containers if one.service == service]
        return mine if replica is None else mine[replica : replica + 1]

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_PERIOD)
            with contextlib.suppress(SeatrialError):  # the engine is busy: look again
                await self._look()

    async def _look(self) -> None:
        """Ask the engine, and put every change on the time line."""
        assert self._drive is not None
        async with self._looking:
            self._containers = await self._drive.containers()
            self._seen = targets(self.system, self.project, self._containers)
            for name, target in self._seen.items():
                mine = zip(target.states, self._of(name), strict=False)
                states = tuple(self._state(name, *one) for one in mine) or (State.WAITING,)
                words = Words() if name in self._asked else Words(found=target.provider.found)
                self._targets[name] = Target(
                    name, target.kind, target.config, target.endpoints, states, words
                )
                await self._note(name, states)

    def _state(self, name: str, state: State, one: Container) -> State:
        if state is State.READY and one in self._unplugged:
            return State.UNREACHABLE
        if state is State.READY and name not in self._proven:
            return State.STARTING
        if state is State.STOPPED and name not in self._asked:
            return State.EXITED
        return state

    async def _note(self, name: str, states: tuple[State, ...]) -> None:
        before = self._states.get(name, (State.WAITING,))
        self._states[name] = states
        if states == before:
            return
        by_fault = name in self._by_fault
        detail = "on request" if name in self._asked else self._targets[name].provider.found
        if len(states) > 1:
            for number, state in enumerate(states):
                if before[number : number + 1] != (state,):
                    await self.timeline.add(name, number, state, detail, by_fault=by_fault)
        if _together(states) is not _together(before):
            await self.timeline.add(name, None, _together(states), detail, by_fault=by_fault)

    def statuses(self) -> dict[str, ComponentStatus]:
        return {name: self._status(name) for name in self.system.components}

    def _status(self, name: str) -> ComponentStatus:
        states = self._states.get(name, (State.WAITING,))
        target = self._targets.get(name)
        down = not _together(states).up
        return ComponentStatus(
            name=name,
            kind=self.system.components[name].kind,
            state=_together(states),
            detail=target.provider.found if target is not None and down else "",
            replicas=states,
            by_fault=name in self._by_fault,
            endpoints={} if target is None else dict(target.endpoints),
            provider=Words() if target is None else target.provider,
            started_in_ms=self._took.get(name),
        )

    def log_tail(self, component: str, lines: int) -> tuple[str, ...]:
        """Called in a thread of its own."""
        return asyncio.run(logs(self._of(component), lines, LONGEST_LOG))

    # -- acting ----------------------------------------------------------------------------------

    async def look(self) -> None:
        """Ask the engine now; in between that happens by itself."""
        if self.ready:
            await self._look()

    async def act(
        self, action: Action, component: str, replica: int | None, *, by_fault: bool = False
    ) -> None:
        """Do it to one container, or to all; returns when it has taken effect (`start`: is ready).

        Raises StartFailed when it does not come back, EngineError when the engine refuses.
        """
        down = action in UNDO
        mine = [one for one in self._of(component, replica) if _applies(action, one)]
        if down:
            self._asked.add(component)
            if by_fault:
                self._by_fault.add(component)
        if action is Action.DISCONNECT:
            await self._unplugged.take_off(one for one in mine if one not in self._unplugged)
        elif action is Action.CONNECT:
            await self._unplugged.put_back(mine)
        elif mine:
            await docker(*_DOCKER[action], *(one.id for one in mine), seconds=60.0)
        if down:
            await self._look()
            return
        self._asked.discard(component)
        self._by_fault.discard(component)
        if action is not Action.RESUME:
            self._proven.discard(component)
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
        if self._drive is not None:
            await self._drive.remove(hurry=hurry)
        self._ports.close()


_UP = (State.READY, State.DONE)


def _applies(action: Action, one: Container) -> bool:
    """Whether the engine would take it: it refuses to stop what is stopped."""
    if action is Action.RESUME:
        return one.status == "paused"
    if action in (Action.KILL, Action.PAUSE, Action.DISCONNECT):
        return one.status == "running"
    return action is not Action.START or one.status not in ("running", "paused")


def _together(states: tuple[State, ...]) -> State:
    """The component is as well as its best replica, once all have been ready."""
    if State.STARTING in states or State.WAITING in states:
        return State.STARTING if State.STARTING in states else State.WAITING
    order = (State.READY, State.DONE, State.UNREACHABLE, State.PAUSED, State.STOPPED, State.FAILED)
    return next((state for state in order if state in states), State.EXITED)


def _not_up(output: Path) -> StartFailed:
    """Why `docker compose up` failed: what it said last."""
    tail = Log(output).tail(LOG_TAIL)
    words = next((line for line in reversed(tail) if line.strip()), "it said nothing")
    return StartFailed(
        Cause.EXITED,
        "`docker compose up` builds and starts everything",
        words.strip(),
        "read what it said above; does plain `docker compose up` do better?",
        tail,
    )


def _failure(component: str | None, failure: StartFailed) -> Failure:
    return Failure(
        component=component,
        cause=failure.cause,
        expected=failure.expected,
        found=failure.found,
        fix=failure.fix,
        log=failure.log,
    )


def _refused(found: str, fix: str | None, cause: Cause | None = None) -> Failure:
    return Failure(
        component=None,
        cause=cause,
        expected="the compose project can be started",
        found=found,
        fix=fix or "",
    )
