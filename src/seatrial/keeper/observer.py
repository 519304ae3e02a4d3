"""The keeper's part for a deployment that is not ours to start: it only looks."""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from collections.abc import Mapping

from seatrial.errors import CapabilityMissing
from seatrial.keeper.network.impairment import Impairment, NetworkEdge
from seatrial.keeper.protocol import Action, ComponentStatus, Failure
from seatrial.keeper.timeline import Timeline
from seatrial.kinds.base import Context, Target, load
from seatrial.outcome import Health, State
from seatrial.waiting import Deadline

_PERIOD = 1.0  # s between two looks at the same component
_PROBE_SECONDS = 3.0


class Observer:
    """Probes every component again and again and records when it becomes unreachable."""

    capabilities: frozenset[str] = frozenset()
    edges: tuple[NetworkEdge, ...] = ()
    network_faults: tuple[str, ...] = ()

    def __init__(self, context: Context, timeline: Timeline) -> None:
        self.timeline = timeline
        self.failure: Failure | None = None
        self.ready = False
        self._context = context
        self._states: dict[str, tuple[State, str]] = {}
        self._observers: list[asyncio.Task[None]] = []

    @property
    def endpoints(self) -> Mapping[str, object]:
        return {name: target.endpoints for name, target in self._context.targets.items()}

    async def start(self) -> None:
        """Look at everything once, then keep looking in the background."""
        targets = self._context.targets.values()
        await asyncio.gather(*(self._look(target) for target in targets))
        self.ready = True
        await self.timeline.wake()
        self._observers = [asyncio.create_task(self._observe(target)) for target in targets]

    async def _observe(self, target: Target) -> None:
        while True:
            await asyncio.sleep(_PERIOD)
            await self._look(target)

    async def _look(self, target: Target) -> None:
        before = self._states.get(target.name, (None, ""))[0]
        state, detail = await self._state(target)
        if before is State.READY and state is State.UNREACHABLE:
            state, detail = await self._state(target)  # one failed probe may be its own fault
        if before is not state:
            self._states[target.name] = (state, detail)
            await self.timeline.add(target.name, None, state, detail)

    async def _state(self, target: Target) -> tuple[State, str]:
        # What cannot be seen from here (a task, or a component that this environment gives no
        # endpoint) is not held against it.
        kind = load(target.kind)
        if kind.endpoints and not target.endpoints:
            return State.READY, "not observed: it has no endpoint in this environment"
        try:
            result = await kind.probe(target, self._context, Deadline.after(_PROBE_SECONDS))
        except Exception as error:  # a defect of the kind's; what was seen before it is not known
            traceback.print_exc()
            return State.UNREACHABLE, f"its probe failed: {type(error).__name__}: {error}"
        down = result.health is Health.UNHEALTHY
        return (State.UNREACHABLE, result.found) if down else (State.READY, "")

    def statuses(self) -> dict[str, ComponentStatus]:
        return {
            name: ComponentStatus(
                name=name,
                kind=target.kind,
                state=self._states.get(name, (State.WAITING, ""))[0],
                detail=self._states.get(name, (State.WAITING, ""))[1],
                endpoints=dict(target.endpoints),
            )
            for name, target in self._context.targets.items()
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
        raise CapabilityMissing(
            f"the log of {component} cannot be read: Seatrial only connected to it",
            hint="read it where the component runs",
        )

    async def end(self, *, hurry: bool) -> None:
        for observer in self._observers:
            observer.cancel()
        for observer in self._observers:
            with contextlib.suppress(asyncio.CancelledError):
                await observer
