"""One use of a fault: for the length of a `with` or an `async with`, however that ends."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from types import TracebackType
from typing import Protocol

from seatrial.environment.deployment import Deployment
from seatrial.faults.fault import Fault


class Witness(Protocol):
    """Who wants to know when a fault begins, before it does, and when it has ended."""

    def begins(self, fault: Applied) -> None: ...

    def ended(self, fault: Applied) -> None: ...


class Nobody:
    def begins(self, fault: Applied) -> None: ...

    def ended(self, fault: Applied) -> None: ...


class Applied:
    """Mended when the block ends; failing that, by the keeper when the deployment's lease does."""

    def __init__(self, fault: Fault, deployment: Deployment, witness: Witness | None = None):
        self.fault = fault
        self.active = False
        self._deployment = deployment
        self._witness = witness or Nobody()
        self._key = secrets.token_hex(8)

    def __str__(self) -> str:
        return str(self.fault)

    def begin(self) -> None:
        """Break it; returns when that has taken effect."""
        self.fault.check(self._deployment)
        self._witness.begins(self)
        self.active = True
        try:
            self.fault.begin(self._deployment, self._key)
        except BaseException:  # half done, or interrupted while it was being done
            self.end()
            raise

    def end(self) -> None:
        """Mend it; returns when that has taken effect. Nothing happens if it is mended."""
        if not self.active:
            return
        self.fault.end(self._deployment, self._key)
        self.active = False
        self._witness.ended(self)

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
