"""The fixture `fault`: breaks something for the length of a `with` or an `async with`.

A fault has the deployment to itself: the trial that uses the fixture holds the exclusive lock from
its set-up on. What it broke is mended when the block ends, however it ends; failing that when the
fixture does; failing that when the connection to the keeper does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import pytest

from seatrial.declaration.problems import nearest
from seatrial.errors import CapabilityMissing
from seatrial.evidence.records import FaultChanged
from seatrial.faults.applied import Applied
from seatrial.faults.fault import Fault
from seatrial.faults.registry import in_trials

if TYPE_CHECKING:
    from seatrial.plugin.session import TrialSession
    from seatrial.plugin.trial import Trial


class Faults:
    """What the fixture `fault` gives to a trial: each fault by its name, and any by `apply`."""

    def __init__(self, session: TrialSession, trial: Trial) -> None:
        self._session, self._trial = session, trial
        self._made: list[Applied] = []

    def apply(self, fault: Fault) -> Applied:
        """A fault of one's own, for `with` or `async with`."""
        for component in fault.components:
            self._session.running.require(component)
        try:
            self._session.deployment.require(fault.capability)
        except CapabilityMissing as missing:
            pytest.skip(f"needs the capability {fault.capability}: {missing.message}")
        applied = Applied(fault, self._session.deployment, self)
        self._made.append(applied)
        return applied

    def __getattr__(self, name: str) -> Callable[..., Applied]:
        """`fault.latency("api", "db", by="200ms")`: the faults of `seatrial.faults.registry`."""
        known = in_trials()
        if name not in known:
            raise AttributeError(f"there is no fault {name!r}: {nearest(name, known)}")
        return lambda *subjects, **parameters: self.apply(known[name].of(*subjects, **parameters))

    def __dir__(self) -> Iterable[str]:
        return [*super().__dir__(), *in_trials()]

    def mend(self) -> None:
        """End every fault that is still active, the last one first."""
        for fault in reversed(self._made):
            fault.end()

    # -- what the trial takes note of ------------------------------------------------------------

    def begins(self, fault: Applied) -> None:
        self._session.running.look()  # what went down before is not this fault's doing
        self._trial.faults += 1
        self._record(fault, began=True)

    def ended(self, fault: Applied) -> None:
        self._session.running.look()
        self._trial.faults -= 1
        self._record(fault, began=False)

    def _record(self, fault: Applied, *, began: bool) -> None:
        node = self._trial.node
        self._session.recorder.write(FaultChanged(node=node, fault=str(fault), began=began))
