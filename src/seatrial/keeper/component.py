"""One component with its replicas: their states, and what can be done to them."""

from __future__ import annotations

import asyncio
import shlex
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic

from seatrial.declaration import references
from seatrial.declaration.models import Component, ProgramConfig
from seatrial.errors import KeeperError
from seatrial.keeper.instance import Instance, StartFailed, exit_text
from seatrial.keeper.log import Log
from seatrial.keeper.network.network import Endpoints, Network
from seatrial.keeper.places import Place, cache
from seatrial.keeper.ports import PortReservations, is_taken
from seatrial.keeper.protocol import Alter, Usage
from seatrial.keeper.timeline import Timeline
from seatrial.keeper.unexpected import unexpected
from seatrial.keeper.usage import usage_of
from seatrial.kinds.base import Context, Endpoint, Kind, Target, Words
from seatrial.kinds.launching import Launch, Site
from seatrial.last_words import and_last_words
from seatrial.outcome import Cause, State
from seatrial.waiting import Deadline

_SENT = (signal.SIGKILL, signal.SIGTERM)  # by whoever ended it: its log does not know why
_KILLED = "see who killed it (where memory ran out, dmesg tells)"
_FROZEN = "by a signal from outside"
_START_SECONDS = 60.0  # of a server; programs have `start_timeout`


@dataclass(frozen=True)
class World:
    """What a component needs to know of its deployment."""

    place: Place
    system_folder: Path
    python: str
    ports: PortReservations
    timeline: Timeline


@dataclass
class Replica:
    instance: Instance
    state: State = State.WAITING
    detail: str = ""
    by_fault: bool = False
    cause: Cause | None = None  # why it failed
    killed: bool = False  # where it ended: by a signal that no program sends to itself


@dataclass
class Managed:
    """A component of a local deployment, as its keeper holds it."""

    component: Component
    kind: Kind
    launch: Launch
    world: World
    lost: Callable[[Managed, StartFailed], None]  # a replica that was ready ended on its own
    allocated: tuple[Mapping[str, Endpoint], ...]
    replicas: list[Replica] = field(default_factory=list)
    state: State = State.WAITING
    started_in_ms: float | None = None
    settled: asyncio.Event = field(default_factory=asyncio.Event)  # ready once, or failed
    network: Network | None = None
    failure: StartFailed | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)  # to do something to it

    @classmethod
    def allocate(
        cls,
        component: Component,
        kind: Kind,
        launch: Launch,
        world: World,
        lost: Callable[[Managed, StartFailed], None],
    ) -> Managed:
        """Reserve ports and make passwords for all replicas."""
        count = component.config.replicas if isinstance(component.config, ProgramConfig) else 1
        allocated = tuple(
            launch.allocate(component.config, world.ports.reserve) for _ in range(count)
        )
        return cls(component, kind, launch, world, lost, allocated)

    @property
    def name(self) -> str:
        return self.component.name

    @property
    def endpoints(self) -> Mapping[str, tuple[Endpoint, ...]]:
        return {
            name: tuple(replica[name] for replica in self.allocated) for name in self.allocated[0]
        }

    @property
    def log(self) -> Log:
        return Log.of(self.world.place, self.name)

    def prepare(self, network: Network) -> None:
        """Make the instances, with references resolved as this component sees the others."""
        self.network = network
        everyone = network.seen_by(self.name)
        for number, endpoints in enumerate(self.allocated):
            site = self._site(number, endpoints, everyone)
            instance = Instance(
                self.kind,
                self.launch,
                site,
                self.world.place.id,
                self.log,
                lambda code, number=number: self._exited(number, code),  # type: ignore[misc]
                lambda why, number=number: self._held_up(number, why),  # type: ignore[misc]
            )
            self.replicas.append(Replica(instance))

    def _site(self, number: int, own: Mapping[str, Endpoint], everyone: Endpoints) -> Site:
        config = self.component.config
        argv: tuple[str, ...] = ()
        env: dict[str, str] = {}

        def resolve(text: str) -> str:
            return references.resolve(text, everyone, viewer=self.name, replica=number)

        if isinstance(config, ProgramConfig) and config.run is not None:
            words = shlex.split(config.run) if isinstance(config.run, str) else config.run
            argv = tuple(resolve(word) for word in words)
            env = {key: resolve(value) for key, value in config.env.items()}
        folder = self.world.place.data / f"{self.name}-{number}"
        folder.mkdir(mode=0o711, exist_ok=True)
        return Site(
            component=self.name,
            replica=number,
            config=config,
            endpoints=own,
            folder=folder,
            sockets=self.world.place.sockets,
            cache=cache(),
            system_folder=self.world.system_folder,
            ports=self.world.ports.reserve,
            argv=argv,
            env=env,
            python=self.world.python,
        )

    # -- states ------------------------------------------------------------------------------

    async def _set(
        self, number: int, state: State, detail: str = "", *, by_fault: bool = False
    ) -> None:
        replica = self.replicas[number]
        replica.state, replica.detail, replica.by_fault = state, detail, by_fault
        if state is not State.FAILED:
            replica.cause = None
        if self.network is not None:
            await self.network.note(self.name, number, state)
        timeline = self.world.timeline
        if len(self.replicas) > 1:
            await timeline.add(
                self.name, number, state, detail, by_fault=by_fault, cause=replica.cause
            )
        together = self._together()
        if together is not self.state or len(self.replicas) == 1:
            self.state = together
            await timeline.add(
                self.name, None, together, detail, by_fault=by_fault, cause=replica.cause
            )

    def _together(self) -> State:
        """The component is as well as its best replica, once all have been ready."""
        states = {replica.state for replica in self.replicas}
        if len(states) == 1:
            return states.pop()
        if not self.settled.is_set():
            return State.STARTING
        order = (State.READY, State.DONE, State.STARTING, State.PAUSED, State.STOPPED)
        return next((state for state in order if state in states), State.EXITED)

    async def _held_up(self, number: int, why: str) -> None:
        """It is still starting: told as an event of its own, so that nobody waits in silence."""
        replica = self.replicas[number]
        replica.detail = why
        which = number if len(self.replicas) > 1 else None
        await self.world.timeline.add(
            self.name, which, State.STARTING, why, by_fault=replica.by_fault
        )

    async def _exited(self, number: int, code: int) -> None:
        replica = self.replicas[number]
        failure, replica.killed = replica.instance.ended(code), -code == signal.SIGKILL
        known = -code not in _SENT and len(self.replicas) == 1  # replicas have one log in common
        why = and_last_words(failure.log) if known else ""
        await self._set(number, State.EXITED, f"ended on its own with {exit_text(code)}{why}")
        self.lost(self, failure)

    # -- starting and ending -----------------------------------------------------------------

    def target(self, everyone: Endpoints) -> Target:
        return Target(
            self.name,
            self.component.kind,
            self.component.config,
            everyone[self.name],
            tuple(replica.state for replica in self.replicas),
            causes=self.causes,
        )

    @property
    def causes(self) -> tuple[Cause | None, ...]:
        """Of each replica, why it failed."""
        return tuple(replica.cause for replica in self.replicas)

    @property
    def words(self) -> Words:
        """What is known of the first replica that ended by itself, or never became ready."""
        for number, replica in enumerate(self.replicas):
            who = self.name if len(self.replicas) == 1 else f"replica {number} of {self.name}"
            if replica.state is State.EXITED:
                remedy = _KILLED if replica.killed else ""
                found = f"{who} {replica.detail}"
                return Words(found=found, killed=replica.killed, remedy=remedy)
            if replica.state is State.FAILED:
                return Words(found=f"{who} never became ready: {replica.detail}")
            if replica.state in (State.STOPPED, State.PAUSED):
                break  # which is what is told of it first
        return Words()

    def target_of(self, number: int) -> Target:
        """The one replica alone, for its own readiness."""
        return Target(
            self.name,
            self.component.kind,
            self.component.config,
            {name: (endpoint,) for name, endpoint in self.allocated[number].items()},
            (self.replicas[number].state,),
        )

    async def start(self, context: Context) -> None:
        """Start all replicas side by side. Raises StartFailed of the first that fails."""
        begin = monotonic()
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(len(self.replicas)):
                    group.create_task(self.start_one(number, context))
        except* StartFailed as failures:
            self.failure = next(e for e in failures.exceptions if isinstance(e, StartFailed))
        self.started_in_ms = (monotonic() - begin) * 1000
        self.settled.set()
        if self.failure is not None:
            raise self.failure

    async def start_one(self, number: int, context: Context) -> None:
        replica = self.replicas[number]
        begin = monotonic()
        await self._set(number, State.STARTING)
        try:
            self._refuse_taken_port(number)
            await self._start_retrying(number, context)
        except Exception as error:
            failure = error if isinstance(error, StartFailed) else self._unexpected(error)
            replica.cause = failure.cause
            await self._set(number, State.FAILED, failure.found)
            await replica.instance.end(signal.SIGKILL)
            raise failure from None
        self.started_in_ms = (monotonic() - begin) * 1000
        done = not replica.instance.running
        await self._set(number, State.DONE if done else State.READY)

    def _unexpected(self, error: Exception) -> StartFailed:
        told = unexpected(error, self.world.place)
        return StartFailed(
            Cause.EXITED, f"{self.name} can be started", told.message, told.hint or ""
        )

    async def _start_retrying(self, number: int, context: Context) -> None:
        """A program that does not set SO_REUSEADDR cannot bind a reserved port: give the
        reservation up and try once more."""
        instance = self.replicas[number].instance
        deadline = Deadline.after(getattr(self.component.config, "start_timeout", _START_SECONDS))
        try:
            await instance.start(self.target_of(number), context, deadline)
        except StartFailed as failure:
            if failure.cause is not Cause.PORT_IN_USE:
                raise
            await instance.end(signal.SIGKILL)
            for endpoint in self.allocated[number].values():
                self.world.ports.release(endpoint.port)
            await instance.start(self.target_of(number), context, deadline)

    def _refuse_taken_port(self, number: int) -> None:
        for endpoint in self.allocated[number].values():
            if is_taken(endpoint.port):
                raise StartFailed(
                    Cause.PORT_IN_USE,
                    f"port {endpoint.port} is free for {self.name}",
                    "another program listens on it",
                    f"end that program, or leave `port` of {self.name} out to get a free one",
                )

    async def stop_one(
        self, number: int, how: signal.Signals | None = None, *, by_fault: bool = False
    ) -> None:
        await self._set(number, State.STOPPED, "on request", by_fault=by_fault)
        await self.replicas[number].instance.end(how)

    async def alter_one(self, number: int, how: Alter, context: Context) -> None:
        """Restart it in another way, until `restore_one`. That it ends, or is not ready in time, is
        no error: it is left as it is, so that it can say why."""
        replica = self.replicas[number]
        await self.stop_one(number, by_fault=True)
        replica.instance.site = self._altered(number, how)
        await self._set(number, State.STARTING, by_fault=True)
        try:
            self._refuse_taken_port(number)
            deadline = Deadline.after(how.patience)
            await replica.instance.start(self.target_of(number), context, deadline)
        except StartFailed as failure:
            replica.cause = failure.cause
            await self._set(number, State.FAILED, failure.found, by_fault=True)
            return
        done = not replica.instance.running
        await self._set(number, State.DONE if done else State.READY, by_fault=True)

    def _altered(self, number: int, how: Alter) -> Site:
        site = self._as_declared(number)

        def resolve(text: str) -> str:
            everyone = self._everyone()
            return references.resolve(text, everyone, viewer=self.name, replica=number)

        env = {name: value for name, value in site.env.items() if name not in how.unset}
        env |= {name: resolve(value) for name, value in how.env.items()}
        argv = site.argv if how.run is None else tuple(resolve(word) for word in how.run)
        config = site.config
        if how.config:
            given = config.model_dump(mode="json", exclude_unset=True)
            config = type(config).model_validate({**given, **how.config})
        return replace(site, argv=argv, env=env, config=config)

    async def restore_one(self, number: int, context: Context) -> None:
        """Restart it as it was declared. Raises StartFailed."""
        await self.stop_one(number)
        self.replicas[number].instance.site = self._as_declared(number)
        await self.start_one(number, context)

    def _as_declared(self, number: int) -> Site:
        return self._site(number, self.allocated[number], self._everyone())

    def _everyone(self) -> Endpoints:
        assert self.network is not None
        return self.network.seen_by(self.name)

    async def kill_one(self, number: int, *, by_fault: bool = False) -> None:
        """SIGKILL, without a goodbye."""
        await self.stop_one(number, signal.SIGKILL, by_fault=by_fault)

    async def pause_one(self, number: int, *, by_fault: bool = False) -> None:
        replica = self.replicas[number]
        if not replica.instance.running:
            raise KeeperError(
                f"{self.name} cannot be paused: it is {replica.state}",
                hint=f"start it first: seatrial restart {self.name}",
            )
        replica.instance.pause()
        await self._set(number, State.PAUSED, "on request", by_fault=by_fault)

    async def resume_one(self, number: int) -> None:
        self.replicas[number].instance.resume()
        await self._set(number, State.READY)

    def usage(self, replica: int | None) -> Usage:
        """What the processes of one replica use, or those of all."""
        some = self.replicas if replica is None else [self.replicas[replica]]
        return usage_of(number for one in some for number in one.instance.pids())

    async def lay_up(self) -> None:
        for replica in self.replicas:
            await replica.instance.lay_up()

    async def notice_frozen(self) -> None:
        """A process that somebody else stopped (SIGSTOP) runs, yet does nothing."""
        for number, replica in enumerate(self.replicas):
            if replica.state is State.READY and replica.instance.frozen:
                await self._set(number, State.PAUSED, _FROZEN)
            elif replica.detail == _FROZEN and not replica.instance.frozen:
                await self._set(number, State.READY)

    async def discard(self, patience: float | None) -> None:
        """End everything, with SIGKILL after `patience` seconds at most; its data will not be
        needed again."""
        await asyncio.gather(
            *(r.instance.end(r.instance.discard_signal, patience) for r in self.replicas),
        )
