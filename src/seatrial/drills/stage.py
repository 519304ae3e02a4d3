"""What a drill may do to a deployment; the one implementation of `kinds.drill.Stage`."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager

from pydantic import JsonValue

from seatrial.environment.deployment import Deployment
from seatrial.faults.applied import Applied
from seatrial.faults.latency import Latency
from seatrial.faults.pause import Pause
from seatrial.faults.stop import Stop
from seatrial.keeper.network.impairment import Direction
from seatrial.keeper.protocol import Alter
from seatrial.kinds.base import Target
from seatrial.waiting import eventually

_BROKEN = 5.0  # s in which an altered program may become ready although it is not meant to
_MEANT_TO = 30.0  # s for one that is, and for servers


class DeploymentStage:
    """Everything is held by this client's lease, so the keeper undoes it when we are killed."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment

    def target(self, component: str) -> Target:
        return self.deployment.targets()[component]

    @contextmanager
    def altered(
        self,
        component: str,
        *,
        env: Mapping[str, str] = {},
        unset: Sequence[str] = (),
        run: Sequence[str] | None = None,
        config: Mapping[str, JsonValue] = {},
        becomes_ready: bool = False,
    ) -> Iterator[None]:
        how = Alter(
            component=component,
            replica=None,
            env=dict(env),
            unset=tuple(unset),
            run=None if run is None else tuple(run),
            config=dict(config),
            patience=_MEANT_TO if config or becomes_ready else _BROKEN,
        )
        try:
            self.deployment.alter(how)
            yield
        finally:
            self.deployment.restore(component)

    def stopped(self, component: str) -> AbstractContextManager[None]:
        return Applied(Stop(component=component, replica=None), self.deployment)

    def paused(self, component: str, replica: int | None = None) -> AbstractContextManager[None]:
        return Applied(Pause(component=component, replica=replica), self.deployment)

    @contextmanager
    def killed_from_outside(self, component: str) -> Iterator[None]:
        with self.altered(component):  # as it is declared, but held: it will be started again
            status = self.deployment.statuses()[component]
            for pid in status.pids:
                if pid is not None:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            eventually(
                lambda: self.deployment.statuses()[component],
                lambda now: not any(pid in status.pids for pid in now.pids if pid is not None),
                timeout=5,
                what=f"{component} has ended",
            )
            yield

    def late(self, viewer: str, target: str, seconds: float) -> AbstractContextManager[None]:
        fault = Latency.of(viewer, target, by=seconds, direction=Direction.DOWNSTREAM)
        return Applied(fault, self.deployment)
