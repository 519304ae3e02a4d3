"""The fixture `eventually`: waiting that knows the deployment, and stops when it is hopeless."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from seatrial.waiting import LONGEST_PAUSE, eventually, eventually_async

T = TypeVar("T")

#: Caps the pauses between two looks, in seconds.
POLL_INTERVAL = "TEST_POLL_INTERVAL"


class Eventually:
    """`eventually(look, until, timeout=30)`, and `await eventually.aio(look, until)`.

    As `seatrial.waiting.eventually`, and stops early when a component that the trial needs is
    down while no fault of the trial's own is active.
    """

    def __init__(self, watch: Callable[[], str | None]) -> None:
        self._watch = watch
        self._longest = longest_pause()

    def __call__(
        self,
        look: Callable[[], T],
        until: Callable[[T], object] = bool,
        *,
        timeout: float = 30.0,
        terminal: Callable[[T], object] | None = None,
        retry_on: tuple[type[Exception], ...] = (),
        what: str = "condition",
    ) -> T:
        """Return the first value that satisfies `until`. Raises NotReached, with all values."""
        return eventually(
            look,
            until,
            timeout=timeout,
            longest_pause=self._longest,
            terminal=terminal,
            watch=self._watch,
            retry_on=retry_on,
            what=what,
        )

    async def aio(
        self,
        look: Callable[[], Awaitable[T]],
        until: Callable[[T], object] = bool,
        *,
        timeout: float = 30.0,
        terminal: Callable[[T], object] | None = None,
        retry_on: tuple[type[Exception], ...] = (),
        what: str = "condition",
    ) -> T:
        """The same for an asynchronous `look`."""
        return await eventually_async(
            look,
            until,
            timeout=timeout,
            longest_pause=self._longest,
            terminal=terminal,
            watch=self._watch,
            retry_on=retry_on,
            what=what,
        )


def longest_pause() -> float:
    """Seconds between two looks at most. Raises pytest.UsageError for a value that is none."""
    text = os.environ.get(POLL_INTERVAL, "")
    try:
        seconds = float(text or LONGEST_PAUSE)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise pytest.UsageError(f"{POLL_INTERVAL}={text}: write seconds over 0, such as 0.5")
    return min(seconds, LONGEST_PAUSE)
