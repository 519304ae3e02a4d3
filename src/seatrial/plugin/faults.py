"""The fixture `fault`: breaks a component for the length of a `with` or an `async with`.

A fault has the deployment to itself: the trial that uses the fixture holds the exclusive lock from
its set-up on. What it broke is mended when the block ends, however it ends; failing that when the
fixture does; failing that when the connection to the keeper does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

import pytest

from seatrial.environment.deployment import Capability
from seatrial.errors import CapabilityMissing
from seatrial.keeper.protocol import UNDO, Action

if TYPE_CHECKING:
    from seatrial.plugin.session import TrialSession
    from seatrial.plugin.trial import Trial


class Fault:
    """One fault; use it once, with `with` or `async with`."""

    def __init__(
        self,
        session: TrialSession,
        trial: Trial,
        action: Action,
        component: str,
        replica: int | None,
    ) -> None:
        self._session, self._trial = session, trial
        self._action, self._component, self._replica = action, component, replica
        self.active = False

    def __str__(self) -> str:
        return f"{self._action} of {self._component}"

    def begin(self) -> None:
        """Break it; returns when that has taken effect."""
        self._session.running.look()  # what went down before is not this fault's doing
        self._trial.faults += 1
        self.active = True
        try:
            self._act(self._action, hold=True)
        except BaseException:  # half done, or interrupted while it was being done
            self.end()
            raise

    def end(self) -> None:
        """Mend it; returns when the component is ready again. Nothing happens if it is mended."""
        if not self.active:
            return
        self._act(UNDO[self._action])
        self._session.running.look()
        self.active = False
        self._trial.faults -= 1

    def _act(self, action: Action, *, hold: bool = False) -> None:
        deployment = self._session.deployment
        deployment.act(action, self._component, self._replica, hold=hold)

    def __enter__(self) -> None:
        self.begin()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()

    async def __aenter__(self) -> None:
        try:
            await _in_thread(self.begin)
        except asyncio.CancelledError:  # nobody will leave what was not entered
            await _in_thread(self.end)
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await _in_thread(self.end)


async def _in_thread(work: Callable[[], None]) -> None:
    """Run it beside the loop; a cancelled trial waits for its end, or it would leave its fault."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:  # another kind of loop: hold it up rather than fail to mend
        work()
        return
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


class Faults:
    """What the fixture `fault` gives to a trial."""

    def __init__(self, session: TrialSession, trial: Trial) -> None:
        self._session, self._trial = session, trial
        self._made: list[Fault] = []

    def stopped(self, component: str, replica: int | None = None) -> Fault:
        """The component is asked to end (SIGTERM), and started again afterwards."""
        return self._fault(Action.STOP, component, replica)

    def killed(self, component: str, replica: int | None = None) -> Fault:
        """The component is killed (SIGKILL), and started again afterwards."""
        return self._fault(Action.KILL, component, replica)

    def paused(self, component: str, replica: int | None = None) -> Fault:
        """The component's processes stand still (SIGSTOP), and go on afterwards."""
        return self._fault(Action.PAUSE, component, replica)

    def _fault(self, action: Action, component: str, replica: int | None) -> Fault:
        self._session.running.require(component)
        try:
            self._session.deployment.require(Capability(action.value))
        except CapabilityMissing as missing:
            pytest.skip(f"needs the capability {action.value}: {missing.message}")
        fault = Fault(self._session, self._trial, action, component, replica)
        self._made.append(fault)
        return fault

    def mend(self) -> None:
        """End every fault that is still active, the last one first."""
        for fault in reversed(self._made):
            fault.end()
