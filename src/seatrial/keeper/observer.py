"""The keeper's part for a deployment that is not ours to start: it only looks."""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from collections.abc import Mapping
from dataclasses import dataclass

from seatrial.errors import CapabilityMissing, SeatrialError
from seatrial.keeper.attached import Look
from seatrial.keeper.network.impairment import Impairment, NetworkEdge
from seatrial.keeper.protocol import Action, Alter, ComponentStatus, Failure, Usage
from seatrial.keeper.timeline import Timeline
from seatrial.kinds.base import Context, Target, load
from seatrial.kinds.logins import Logins, is_turned_away
from seatrial.outcome import Cause, Health, State
from seatrial.waiting import Deadline

_PERIOD = 1.0  # s between two looks at the same component
_PROBE_SECONDS = 3.0


@dataclass(frozen=True)
class _Seen:
    """What the last look at a component showed."""

    state: State
    detail: str = ""
    cause: Cause | None = None


class Observer:
    """Probes every component again and again and records when it becomes unreachable."""

    edges: tuple[NetworkEdge, ...] = ()
    network_faults: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()

    def __init__(self, at: Look, timeline: Timeline) -> None:
        self.timeline = timeline
        self.failure: Failure | None = None
        self.ready = False
        self._at = at
        self._context: Context | None = None
        self._seen: dict[str, _Seen] = {}
        self._observers: list[asyncio.Task[None]] = []
        self._logins = Logins()

    @property
    def capabilities(self) -> frozenset[str]:
        return self._at.capabilities

    @property
    def _targets(self) -> Mapping[str, Target]:
        everything = {} if self._context is None else self._context.targets
        return {name: self._logins.known(target) for name, target in everything.items()}

    @property
    def secrets(self) -> tuple[str, ...]:
        return tuple(secret for one in self._targets.values() for secret in one.secrets)

    def _of(self, name: str) -> _Seen:
        return self._seen.get(name, _Seen(State.WAITING))

    async def start(self) -> None:
        """Look at everything once, then keep looking in the background."""
        try:
            context = self._context = await self._at.context()
        except SeatrialError as error:
            self.failure = Failure(
                component=None,
                cause=None,
                expected="there is something to look at",
                found=error.message,
                fix=error.hint or "",
            )
            await self.timeline.wake()
            return
        await asyncio.gather(*(self._look(name, context) for name in context.targets))
        self.ready = True
        await self.timeline.wake()
        self._observers = [asyncio.create_task(self._follow())]
        self._observers += [asyncio.create_task(self._observe(name)) for name in context.targets]

    async def _follow(self) -> None:
        """Where everything is may change: a container that is made anew has another address."""
        while True:
            await asyncio.sleep(_PERIOD)
            with contextlib.suppress(SeatrialError):  # not to be seen: what was seen stands
                self._context = await self._at.context()

    async def _observe(self, name: str) -> None:
        while True:
            await asyncio.sleep(_PERIOD)
            assert self._context is not None
            await self._look(name, self._context)

    async def _look(self, name: str, context: Context) -> None:
        target = context.targets[name]
        was = self._of(name).state
        now = await self._state(target, context)
        if was is State.READY and now.state is State.UNREACHABLE:
            now = await self._state(target, context)  # one may be the probe's own fault
        self._seen[name] = now
        if now.state is not was:
            await self.timeline.add(name, None, now.state, now.detail, cause=now.cause)

    async def _state(self, target: Target, context: Context) -> _Seen:
        # What cannot be seen from here (a task, or a component that this environment gives no
        # endpoint) is not held against it.
        kind = load(target.kind)
        if kind.endpoints and not target.endpoints:
            return _Seen(State.READY, "not observed: it has no endpoint in this environment")
        deadline = Deadline.after(_PROBE_SECONDS)
        try:
            result = await kind.probe(self._logins.known(target), context, deadline)
            if is_turned_away(result) and await self._logins.ask(target, context, deadline):
                return _Seen(State.READY)
        except Exception as error:  # a defect of the kind's; what was seen before it is not known
            traceback.print_exc()
            return _Seen(State.UNREACHABLE, f"its probe failed: {type(error).__name__}: {error}")
        if result.health is Health.UNHEALTHY:
            return _Seen(State.UNREACHABLE, result.found, result.cause)
        return _Seen(State.READY)

    def statuses(self) -> dict[str, ComponentStatus]:
        return {
            name: ComponentStatus(
                name=name,
                kind=target.kind,
                state=self._of(name).state,
                detail=self._of(name).detail,
                cause=self._of(name).cause,
                replicas=target.states,
                endpoints=dict(target.endpoints),
                provider=target.provider,
                causes=target.causes,
                addresses=target.addresses,
                astray=target.astray,
            )
            for name, target in self._targets.items()
        }

    async def look(self) -> None:
        """Nothing to do: it looks all the time."""

    async def act(
        self, action: Action, component: str, replica: int | None, *, by_fault: bool = False
    ) -> None:
        raise CapabilityMissing(
            f"{component} cannot be asked to {action.value}: Seatrial only connected to it",
            hint="use an environment that Seatrial starts (local)",
        )

    async def alter(self, how: Alter) -> None:
        raise CapabilityMissing(
            f"{how.component} cannot be restarted otherwise: Seatrial only connected to it",
            hint="use an environment that Seatrial starts (local)",
        )

    async def restore(self, component: str, replica: int | None) -> None:
        """Nothing was ever altered."""

    async def impose(
        self, key: str, edges: tuple[NetworkEdge, ...], what: Impairment, note: str
    ) -> None:
        raise CapabilityMissing(
            "the network between these components cannot be disturbed: Seatrial only connected",
            hint="use an environment that Seatrial starts (local)",
        )

    async def mend(self, key: str) -> None:
        """Nothing was ever imposed."""

    def log_tail(self, component: str, lines: int) -> tuple[str, ...]:
        """Called in a thread of its own."""
        return asyncio.run(self._at.log_tail(component, lines))

    async def usage(self, component: str, replica: int | None) -> Usage:
        return await self._at.usage(component, replica)

    async def end(self, *, hurry: bool) -> None:
        for observer in self._observers:
            observer.cancel()
        for observer in self._observers:
            with contextlib.suppress(asyncio.CancelledError):
                await observer
