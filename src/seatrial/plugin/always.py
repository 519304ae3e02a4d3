"""The fixture `always`: a condition that is watched for as long as a block lasts.

`with` looks from a thread beside the block, `async with` from a task of the block's loop.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Generic, TypeVar, cast

from seatrial.errors import UsageError
from seatrial.evidence.records import SteadyMoment, SteadyWatched
from seatrial.outcome import Outcome
from seatrial.steady import (
    EVERY,
    LONGEST_GAP,
    Allowance,
    NotSteady,
    Steadiness,
    Watch,
    raise_unless_steady,
)

T = TypeVar("T")


class Watching(Generic[T]):
    """One watch; use it once, with `with`, or, where `look` is a coroutine function, `async with`.

    `concluded` is told how it ended, whatever came of it.
    """

    def __init__(
        self,
        look: Callable[[], T | Awaitable[T]],
        watch: Callable[[], Watch[T]],
        concluded: Callable[[Steadiness], None],
    ) -> None:
        self._look, self._make, self._concluded = look, watch, concluded
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._task: asyncio.Task[None] | None = None

    # -- from a thread ---------------------------------------------------------------------------

    def __enter__(self) -> None:
        self._watch = self._make()
        self._refuse_unless_steady(self._once())
        self._thread = threading.Thread(target=self._go_on, name="always", daemon=True)
        self._thread.start()

    def _once(self) -> bool:
        self._began = time.monotonic()
        try:
            value = self._look()
        except BaseException as error:  # pytest's own outcomes too: nobody else would see them here
            return self._watch.failed(self._began, error)
        if inspect.iscoroutine(value):  # it would pass for true for ever
            value.close()
            raise UsageError("always: this look is asynchronous", hint="write `async with always`")
        return self._watch.saw(self._began, cast("T", value))

    def _go_on(self) -> None:
        while not self._stop.wait(self._watch.pause(self._began)):
            self._once()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        interrupted = error is not None and not isinstance(error, Exception)
        if self._thread is not None and not interrupted:
            self._thread.join(self._watch.gap)  # a look that takes longer is a gap anyway
        self._end(error)

    # -- from a task -----------------------------------------------------------------------------

    async def __aenter__(self) -> None:
        self._watch = self._make()
        self._refuse_unless_steady(await self._once_async())
        self._task = asyncio.create_task(self._go_on_async())

    async def _once_async(self) -> bool:
        self._began = time.monotonic()
        try:
            value = self._look()
            if inspect.isawaitable(value):
                return self._watch.saw(self._began, await value)
        except Exception as error:
            return self._watch.failed(self._began, error)
        raise UsageError("always: this look is not asynchronous", hint="write `with always`")

    async def _go_on_async(self) -> None:
        while not self._stop.is_set():
            await asyncio.sleep(self._watch.pause(self._began))
            if not self._stop.is_set():
                await self._once_async()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        if self._task is not None:
            try:
                if error is None or isinstance(error, Exception):
                    await asyncio.wait({self._task}, timeout=self._watch.gap)
            finally:
                self._task.cancel()
                await asyncio.gather(self._task, return_exceptions=True)
        self._end(error)

    # -- how it ends -----------------------------------------------------------------------------

    def _refuse_unless_steady(self, holds: bool) -> None:
        """What does not hold to begin with, and need not always, is no steady state."""
        if not holds and self._watch.allowed == Allowance():
            steadiness = self._watch.conclude()
            self._concluded(steadiness)
            raise NotSteady(steadiness)

    def _end(self, error: BaseException | None) -> None:
        steadiness = self._watch.conclude()
        self._concluded(steadiness)
        if error is None:
            raise_unless_steady(steadiness)
        elif steadiness.outcome is not Outcome.PASSED:
            error.add_note(f"meanwhile, {steadiness}")


class Always:
    """`with always(look, until):`, and `async with always(look, until):`."""

    def __init__(self, record: Callable[[Steadiness], None]) -> None:
        self._record = record

    def __call__(
        self,
        look: Callable[[], Any],
        until: Callable[[Any], object] = bool,
        *,
        every: float = EVERY,
        gap: float = LONGEST_GAP,
        at_most: float | str | None = None,
        what: str = "condition",
    ) -> Watching[Any]:
        """Hold `until(look())` for the length of a block; an exception counts as not holding.

        `every` is seconds from one look to the next, `gap` how long nobody may look. `at_most`
        allows it to be broken: "2s" in all, or "1%" of the looks. Raises NotSteady (an
        AssertionError) with the moments when it did not hold, or NotMeasured.
        """
        allowed = Allowance.of(at_most)
        return Watching(look, lambda: Watch(until, every, gap, allowed, what), self._record)


def as_record(node: str, one: Steadiness) -> SteadyWatched:
    return SteadyWatched(
        node=node,
        what=one.what,
        outcome=one.outcome,
        reason=one.reason,
        allowed=one.allowed,
        duration_s=one.seconds,
        samples=one.samples,
        failing=one.failing,
        longest_gap_s=one.longest_gap,
        moments=tuple(
            SteadyMoment(at=m.at, offset_s=m.offset, duration_s=m.duration, found=m.found)
            for m in one.moments
        ),
        more_moments=one.more_moments,
    )
