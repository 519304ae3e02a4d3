"""When to look at a project's containers again: the engine tells of what happens to them."""

from __future__ import annotations

import asyncio
import contextlib
from time import monotonic, time

from seatrial.compose.engine import PROJECT

_EVENTS = ("start", "die", "oom", "health_status", "pause", "unpause", "destroy")
_TOLD = 5.0  # s after which to look all the same: it may have missed something
_FRESH = 0.5  # s for which nobody need look again who has been told nothing
_ENDS = (b"die", b"oom", b"destroy")
_UNTOLD = 0.5  # s between two looks where the engine tells nothing


class Changes:
    """`docker events` of one project. It may end (the engine is started anew); then one looks every
    now and then."""

    def __init__(self, project: str) -> None:
        self._project = project
        self._process: asyncio.subprocess.Process | None = None
        self._listening: asyncio.Task[None] | None = None
        self._something = asyncio.Event()
        self._end = asyncio.Event()  # likewise, and that cannot wait
        self._looked = 0.0  # the moment when the last look began
        self._due = 0.0  # and of the next one in any case; the first is due at once

    async def begin(self) -> None:
        filters = [f"label={PROJECT}={self._project}", "type=container"]
        filters += [f"event={name}" for name in _EVENTS]
        words = (word for one in filters for word in ("--filter", one))
        since = f"{time():.6f}"  # what happens before it is connected is told, too
        with contextlib.suppress(OSError):  # who looks will say that docker cannot be started
            self._process = await asyncio.create_subprocess_exec(
                *("docker", "events", "--since", since, *words, "--format", "{{.Status}}"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
            self._listening = asyncio.create_task(self._listen(self._process))

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while told := await process.stdout.read(4096):
            self._something.set()
            if any(word in told for word in _ENDS):
                self._end.set()
        self.look_again()  # it tells nothing from now on

    async def wait(self, longest: float, *, calm: float = 0.0) -> bool:
        """Wait so many seconds, or until it is time to look again; whether it is. For `calm`
        seconds after a look only an end is worth another one: each takes time from what starts."""
        calm = min(self._due, self._looked + calm) - monotonic()
        until = min(longest, calm if calm > 0 else max(0.0, self._due - monotonic()))
        try:
            async with asyncio.timeout(until):
                await (self._end if calm > 0 else self._something).wait()
        except TimeoutError:
            return monotonic() >= self._due
        return True

    def look_again(self) -> None:
        """Something else has happened that asks for a look."""
        self._something.set()
        self._end.set()

    def looked(self) -> None:
        """To be called before a look: what happens during it asks for another one."""
        self._something.clear()
        self._end.clear()
        self._looked = monotonic()
        self._due = self._looked + (_TOLD if self._tells else _UNTOLD)

    @property
    def last_stands(self) -> bool:
        """Whether the last look is a fresh one, and nothing has happened since."""
        fresh = monotonic() < self._looked + _FRESH
        return fresh and self._tells and not self._something.is_set()

    @property
    def _tells(self) -> bool:
        return self._listening is not None and not self._listening.done()

    async def end(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        if self._process is not None:
            await self._process.wait()
        if self._listening is not None:
            await self._listening
