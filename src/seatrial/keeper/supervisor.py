"""All components of a local deployment: started side by side, as early as each one may."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping

from seatrial.declaration.interpreter import interpreter
from seatrial.declaration.models import ProgramConfig, System
from seatrial.errors import CapabilityMissing, UsageError
from seatrial.keeper.component import Managed, World
from seatrial.keeper.instance import StartFailed
from seatrial.keeper.network.impairment import Impairment, NetworkEdge
from seatrial.keeper.network.network import Endpoints, Network
from seatrial.keeper.places import Place, cache
from seatrial.keeper.ports import PortReservations
from seatrial.keeper.protocol import LONGEST_LOG, Action, Alter, ComponentStatus, Failure, Usage
from seatrial.keeper.timeline import Timeline
from seatrial.kinds.base import Context, load
from seatrial.outcome import State

#: Seconds from the stop signal to SIGKILL when a deployment ends, so that all of it is gone within
#: the 5 s that are promised when its last lease is lost.
_HURRY = 2.0  # programs
_SERVERS = 1.0

_LOGS = 1.0  # s from one look at how long the logs are to the next


class Supervisor:
    """Owns the processes of a deployment in the environment `local`."""

    capabilities: frozenset[str] = frozenset(
        {"start", "stop", "pause", "kill", "restart", "logs", "meters"}
    )
    apart: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()

    def __init__(self, system: System, place: Place, timeline: Timeline) -> None:
        self.system = system
        self.timeline = timeline
        self.failure: Failure | None = None
        self.ready = False
        self._starting: list[asyncio.Task[None]] = []
        self._bounding: asyncio.Task[None] | None = None
        self._ports = PortReservations()
        self._python = interpreter(system)
        world = World(place, system.folder, self._python, self._ports, timeline)
        self._managed: dict[str, Managed] = {}
        for component in system.components.values():
            kind = load(component.kind)
            if kind.launch is None or not _startable(component.config):
                raise CapabilityMissing(
                    f"{component.name}: a {component.kind} without `run` cannot be started here",
                    hint="declare `run`, or use an environment that only connects (remote)",
                )
            self._managed[component.name] = Managed.allocate(
                component, kind, kind.launch, world, self._lost
            )
        self.endpoints: Endpoints = {n: m.endpoints for n, m in self._managed.items()}
        through = system.components.values() if system.config.proxies else ()
        self.network = Network(through, self.endpoints, self._ports.reserve)
        if system.config.proxies:
            self.capabilities |= {"network"}
        for managed in self._managed.values():
            managed.prepare(self.network)

    def context(self) -> Context:
        targets = {name: m.target(self.endpoints) for name, m in self._managed.items()}
        return Context(self.system.folder, targets, cache(), self._python)

    async def start(self) -> None:
        """Start everything; returns when all are ready, or one has failed (see `failure`)."""
        self._bounding = asyncio.create_task(self._bound_logs())
        ready = {name: asyncio.Event() for name in self._managed}
        for name in self._managed:
            await self.timeline.add(name, None, State.WAITING)
        try:
            async with asyncio.TaskGroup() as group:
                self._starting = [
                    group.create_task(self._start(m, ready)) for m in self._managed.values()
                ]
        except* StartFailed:
            pass  # the first one is in `failure`; the group has cancelled the others
        self.ready = self.failure is None
        await self.timeline.wake()
        if self.ready:
            for managed in self._managed.values():
                await managed.lay_up()

    def _lost(self, managed: Managed, failure: StartFailed) -> None:
        """Something that was ready has ended while the rest still starts: that is a failure too."""
        if not self.ready and self.failure is None:
            self._failed(managed, failure)
            for task in self._starting:
                task.cancel()

    async def _start(self, managed: Managed, ready: Mapping[str, asyncio.Event]) -> None:
        for needed in managed.component.config.needs:
            await ready[needed].wait()
        try:
            async with managed.turn:
                await managed.start(self.context())
        except StartFailed as failure:
            if self.failure is None:
                self._failed(managed, failure)
                await self.timeline.wake()
            raise
        ready[managed.name].set()

    def _failed(self, managed: Managed, failure: StartFailed) -> None:
        self.failure = Failure(
            component=managed.name,
            cause=failure.cause,
            expected=failure.expected,
            found=failure.found,
            fix=failure.fix,
            log=failure.log,
        )

    def statuses(self) -> dict[str, ComponentStatus]:
        return {
            name: ComponentStatus(
                name=name,
                kind=m.component.kind,
                state=m.state,
                detail=next((r.detail for r in m.replicas if r.state is m.state), ""),
                replicas=tuple(r.state for r in m.replicas),
                causes=m.causes,
                cause=next((r.cause for r in m.replicas if r.state is m.state), None),
                by_fault=any(r.by_fault for r in m.replicas),
                endpoints=dict(m.endpoints),
                provider=m.words,
                started_in_ms=m.started_in_ms,
                pids=tuple(r.instance.pid for r in m.replicas),
            )
            for name, m in self._managed.items()
        }

    async def look(self) -> None:
        """Notice who was frozen, or thawed, by a signal from outside."""
        for managed in self._managed.values():
            await managed.notice_frozen()

    async def act(
        self, action: Action, component: str, replica: int | None, *, by_fault: bool = False
    ) -> None:
        """Do it to one replica, or to all; returns when it has taken effect (`start`: is ready).

        Raises StartFailed when it does not come back.
        """
        managed = self._managed[component]
        await self._each(
            managed, replica, lambda number: self._act(action, managed, number, by_fault)
        )

    async def alter(self, how: Alter) -> None:
        """Restart it with another environment or command; returns when it is ready, or has failed,
        or its patience is over."""
        managed = self._managed[how.component]
        if not _is_program(managed) and (how.env or how.unset or how.run):
            raise UsageError(
                f"{managed.name} has no environment or command of its own",
                hint="a component with `run` has",
            )
        context = self.context()
        await self._each(
            managed, how.replica, lambda number: managed.alter_one(number, how, context)
        )

    async def restore(self, component: str, replica: int | None) -> None:
        """Restart it as it was declared. Raises StartFailed when it does not come back."""
        managed, context = self._managed[component], self.context()
        await self._each(managed, replica, lambda number: managed.restore_one(number, context))

    async def _each(
        self,
        managed: Managed,
        replica: int | None,
        do: Callable[[int], Coroutine[object, object, None]],
    ) -> None:
        """Do it to one replica, or side by side to all, when it is this client's turn."""
        numbers = range(len(managed.replicas)) if replica is None else [replica]
        async with managed.turn:
            done = await asyncio.gather(*map(do, numbers), return_exceptions=True)
        for failure in done:
            if failure is not None:
                raise failure

    async def _act(self, action: Action, managed: Managed, number: int, by_fault: bool) -> None:
        instance = managed.replicas[number].instance
        if action in (Action.DISCONNECT, Action.CONNECT):
            raise CapabilityMissing(
                f"{managed.component.name} is a process of this machine, on its network"
            )
        if action in (Action.STOP, Action.RESTART):
            await managed.stop_one(number, by_fault=by_fault)
        elif action is Action.KILL:
            await managed.kill_one(number, by_fault=by_fault)
        elif action is Action.PAUSE:
            await managed.pause_one(number, by_fault=by_fault)
        elif action is Action.RESUME and managed.replicas[number].state is State.PAUSED:
            await managed.resume_one(number)
        if action is Action.RESTART or (action is Action.START and not instance.running):
            await managed.start_one(number, self.context())

    @property
    def edges(self) -> tuple[NetworkEdge, ...]:
        return self.network.edges

    @property
    def network_faults(self) -> tuple[str, ...]:
        return self.network.notes

    async def impose(
        self, key: str, edges: tuple[NetworkEdge, ...], what: Impairment, note: str
    ) -> None:
        await self.network.impose(key, edges, what, note)

    async def mend(self, key: str) -> None:
        await self.network.mend(key)

    def log_tail(self, component: str, lines: int) -> tuple[str, ...]:
        return self._managed[component].log.tail(lines, most=LONGEST_LOG)

    async def _bound_logs(self) -> None:
        while True:
            await asyncio.sleep(_LOGS)
            for managed in self._managed.values():
                managed.log.bound()

    async def usage(self, component: str, replica: int | None) -> Usage:
        return await asyncio.to_thread(self._managed[component].usage, replica)

    async def end(self, *, hurry: bool) -> None:
        """End everything: programs first, so that they can say goodbye to their servers. In a
        `hurry` (nobody asked for it and nobody waits) they have less time than their grace."""
        programs = [m for m in self._managed.values() if _is_program(m)]
        servers = [m for m in self._managed.values() if not _is_program(m)]
        for some, patience in ((programs, _HURRY if hurry else None), (servers, _SERVERS)):
            await asyncio.gather(*(m.discard(patience) for m in some), return_exceptions=True)
        if self._bounding is not None:
            self._bounding.cancel()
        await self.network.close()
        self._ports.close()


def _is_program(managed: Managed) -> bool:
    return isinstance(managed.component.config, ProgramConfig)


def _startable(config: object) -> bool:
    return not isinstance(config, ProgramConfig) or config.run is not None
