"""The containers of a deployment as the engine shows them, and their states on the time line."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace

from seatrial.compose.drive import Drive
from seatrial.compose.earshot import with_listeners
from seatrial.compose.engine import Container
from seatrial.compose.logs import Heard, unsettled, with_last_words
from seatrial.compose.project import Project
from seatrial.compose.states import is_ailing, told_of
from seatrial.compose.targets import service_of, targets
from seatrial.compose.top import processes_of
from seatrial.compose.unplug import Unplugged
from seatrial.declaration.interpreter import interpreter
from seatrial.declaration.models import Component, System
from seatrial.keeper.places import cache
from seatrial.keeper.protocol import ComponentStatus, Usage
from seatrial.keeper.timeline import Timeline
from seatrial.keeper.usage import together
from seatrial.kinds.base import Commands, Context, Listening, OwnCheck, Target, Words, load
from seatrial.kinds.logins import Logins
from seatrial.outcome import State
from seatrial.waiting import Deadline

_UNHEALTHY = re.compile(r"ontainer \"?([\w.-]+)\"? is unhealthy")
_PATIENT = 3  # so often may a container end and be restarted once all that it needs is ready


class Containers:
    """What was seen of them last. Whoever acts on them says what it asked for."""

    def __init__(self, system: System, project: Project, timeline: Timeline) -> None:
        self._system, self._project, self._timeline = system, project, timeline
        self.all: list[Container] = []
        self.seen: dict[str, Target] = {}  # with states as the engine knows them
        self.took: dict[str, float] = {}  # ms until a component was ready
        self.proven: set[str] = set()  # components that were ready since they were last started
        self.asked: set[str] = set()  # components that we stopped, killed, paused, disconnected
        self.by_fault: set[str] = set()
        self.unplugged = Unplugged()
        self._targets: dict[str, Target] = {}  # with states as they are recorded
        self._states: dict[str, tuple[State, ...]] = {}
        self._said: dict[str, str] = {}  # by component, with its last change of state
        self._looking = asyncio.Lock()
        self._heard: Heard = {}
        self._logins = Logins()
        self._told: dict[str, Target] = {}  # as everybody is told where they are, and as whom

    def of(self, name: str, replica: int | None = None) -> list[Container]:
        service = service_of(self._system.components[name])
        mine = [one for one in self.all if one.service == service]
        return mine if replica is None else mine[replica : replica + 1]

    def context(self) -> Context:
        return Context(self._system.folder, self._targets, cache(), interpreter(self._system))

    async def look(self, drive: Drive, *, starting: bool = False) -> None:
        """Ask the engine, and put every change on the time line. Raises EngineError."""
        async with self._looking:
            found = await drive.containers()
            if starting:
                found = self._doubted(found)
            self.all = with_listeners(await with_last_words(found, self._heard))
            self._told = targets(self._system, self._project, self.all)
            self.seen = {n: self._logins.known(target) for n, target in self._told.items()}
            if starting:  # what ended behind its proof is to prove itself again
                self.proven -= {n for n, one in self.seen.items() if not are_up(one.states)}
            await self._record()

    def _doubted(self, found: list[Container]) -> list[Container]:
        """What no probe can ask is not up between two of its ends. Later that is not waited for:
        what was up once, and is restarted, is most likely up again."""
        components = self._system.components.values()
        silent = {service_of(one) for one in components if not load(one.kind).endpoints}
        doubted = zip(found, unsettled(found), strict=True)
        return [marked if one.service in silent else one for one, marked in doubted]

    async def let_in(self, name: str, deadline: Deadline) -> bool:
        """Whether a server that turned one login away lets in another one of the project."""
        target = self._told[name]
        if not await self._logins.ask(target, self.context(), deadline):
            return False
        self.seen[name] = self._logins.known(target)
        return True

    async def record(self) -> None:
        """Put on the time line what has become known since the last look."""
        async with self._looking:
            await self._record()

    async def _record(self) -> None:
        for name, target in self.seen.items():
            mine = zip(target.states, self.of(name), strict=False)
            states = tuple(self._state(name, *one) for one in mine) or (State.WAITING,)
            # The user's commands are not for a project of its own.
            said = target.provider
            words = replace(said, commands=Commands(), lacks="", killed=False, remedy="")
            causes = target.causes
            if name in self.asked:  # it is as it was asked to be
                words = replace(words, found="", ended="", own_check=OwnCheck())
                words, causes = replace(words, listening=Listening()), ()
            self._targets[name] = replace(target, states=states, provider=words, causes=causes)
            await self._note(name, states)

    def _state(self, name: str, state: State, one: Container) -> State:
        if state is State.READY and one in self.unplugged:
            return State.UNREACHABLE
        if state is State.READY and name not in self.proven:
            return State.STARTING
        if state is State.STOPPED and name not in self.asked:
            return State.EXITED
        return state

    async def held_up(self, name: str, why: str) -> None:
        """It is not ready yet: told as an event of its own, where the last one did not say so."""
        if self._said.get(name) == why:
            return
        state = _together(self._states.get(name, (State.WAITING,)))
        await self._timeline.add(name, None, state, why, by_fault=name in self.by_fault)

    async def _note(self, name: str, states: tuple[State, ...]) -> None:
        before = self._states.get(name, (State.WAITING,))
        self._states[name] = states
        if states == before:
            return
        by_fault, add, asked = name in self.by_fault, self._timeline.add, name in self.asked
        detail = "on request" if asked else self._targets[name].provider.found
        if len(states) > 1:
            for number, (state, one) in enumerate(zip(states, self.of(name), strict=False)):
                if before[number : number + 1] != (state,):
                    why = "" if state.up else detail if asked else told_of(one)
                    await add(name, number, state, why, by_fault=by_fault)
        if _together(states) is not _together(before):
            self._said[name] = detail
            await add(name, None, _together(states), detail, by_fault=by_fault)

    def dead(self, names: Sequence[str] | None) -> tuple[Container, str] | None:
        """One that has ended and should not have, with its component's name, else its service's: of
        any service, or of those of some components."""
        for one in self.all:
            mine = self._components(one)
            if names is not None and not any(each.name in names for each in mine):
                continue
            # A good end is a task's, or that of what nobody declared: it may be one.
            lasting = any(
                each.kind != "task" and State.DONE not in self.seen[each.name].states
                for each in mine
            )
            ended = one.status == "exited" and (one.exit_code != 0 or one.oom_killed or lasting)
            never = one.status == "created" and bool(one.error)
            if ended or never or self._circles(one, mine):
                return one, mine[0].name if mine else one.service
        return None

    def ailing(self, words: str) -> tuple[Container, str] | None:
        """Likewise one that its health check finds unwell, of those that Compose says so of in
        these words: by name, or as its version 1 does, by id."""
        said = set(_UNHEALTHY.findall(words))
        for one in self.all:
            if is_ailing(one) and {one.name, one.id[:12]} & said:
                mine = self._components(one)
                return one, mine[0].name if mine else one.service
        return None

    def meant(self, one: Container) -> str:
        """What it is there for, as far as is declared."""
        mine = self._components(one)
        ends = bool(mine) and all(each.kind == "task" for each in mine)
        return f"the container of {one.service} " + (
            "ends with exit code 0" if ends else "keeps running"
        )

    def _components(self, one: Container) -> list[Component]:
        components = self._system.components.values()
        return [each for each in components if service_of(each) == one.service]

    def _circles(self, one: Container, mine: Sequence[Component]) -> bool:
        """It ends again and again, though what it needs is ready."""
        again = one.status == "restarting" and one.restarts > _PATIENT
        return again and all(self.proven.issuperset(each.config.needs) for each in mine)

    def statuses(self) -> dict[str, ComponentStatus]:
        return {name: self._status(name) for name in self._system.components}

    def _status(self, name: str) -> ComponentStatus:
        states = self._states.get(name, (State.WAITING,))
        target = self._targets.get(name)
        down = not _together(states).up
        return ComponentStatus(
            name=name,
            kind=self._system.components[name].kind,
            state=_together(states),
            detail=target.provider.found if target is not None and down else "",
            replicas=states,
            by_fault=name in self.by_fault,
            endpoints={} if target is None else dict(target.endpoints),
            causes=() if target is None else target.causes,
            provider=Words() if target is None else target.provider,
            addresses=() if target is None else target.addresses,
            astray=() if target is None else target.astray,
            started_in_ms=self.took.get(name),
        )


def are_up(states: Sequence[State]) -> bool:
    """All of them, of those that there are."""
    return bool(states) and all(state in (State.READY, State.DONE) for state in states)


def _together(states: tuple[State, ...]) -> State:
    """The component is as well as its best replica, once all have been ready."""
    if State.STARTING in states or State.WAITING in states:
        return State.STARTING if State.STARTING in states else State.WAITING
    order = (State.READY, State.DONE, State.UNREACHABLE, State.PAUSED, State.STOPPED, State.FAILED)
    return next((state for state in order if state in states), State.EXITED)


async def used_by(some: Sequence[Container]) -> Usage:
    """What their processes use, as the engine's host accounts for it. Raises EngineError."""
    found = await asyncio.gather(*map(processes_of, some))
    return together(
        Usage(cpu_s=one.cpu_s, memory_bytes=one.memory_bytes, processes=1)
        for processes in found
        for one in processes
    )
