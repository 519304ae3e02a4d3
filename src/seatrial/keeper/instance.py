"""One replica of a component as real processes: start, wait until ready, stop, kill, pause."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import signal
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic

from seatrial.errors import SeatrialError
from seatrial.keeper import open_files, processes
from seatrial.keeper.log import Log
from seatrial.keeper.notification import Notification
from seatrial.keeper.places import mark_of
from seatrial.keeper.ports import is_taken, listeners
from seatrial.keeper.telling import SILENT
from seatrial.kinds.base import Context, Kind, ProbeResult, Target
from seatrial.kinds.launching import Launch, Plan, Process, Ready, Site
from seatrial.outcome import LASTING, Cause, Health
from seatrial.waiting import Deadline, backoff

_PROBE_SECONDS = 2.0
_SOON = 0.1  # s from one probe of what is started to the next, at first
_LATE = 0.05  # of the time that it has taken so far: what is ready is noticed so much later at most
_SELDOM = 2.0  # s between two probes at most
_STAYS = 0.3  # s that what says nothing must run to be ready: what lacks a setting ends by then


class StartFailed(Exception):
    """A replica did not become ready."""

    def __init__(
        self, cause: Cause, expected: str, found: str, fix: str, log: tuple[str, ...] = ()
    ) -> None:
        super().__init__(found)
        self.cause, self.expected, self.found, self.fix, self.log = cause, expected, found, fix, log


class Instance:
    """Starts and ends the processes of one `Site`.

    `exited` is called when the main process ends without having been asked to, with its exit code;
    `held_up` while it starts, with what keeps it from being ready, whenever that is another thing.
    """

    def __init__(
        self,
        kind: Kind,
        launch: Launch,
        site: Site,
        deployment: str,
        log: Log,
        exited: Callable[[int], Awaitable[None]],
        held_up: Callable[[str], Awaitable[None]],
    ) -> None:
        self.kind, self.launch, self.site, self.log = kind, launch, site, log
        self._deployment = deployment
        self._exited, self._held_up = exited, held_up
        self._marker = f"{deployment}/{site.component}-{site.replica}"
        guardian = processes.identify(os.getppid())
        self._owner = mark_of(guardian) if guardian is not None else ""
        self._plan: Plan | None = None
        self._main: asyncio.subprocess.Process | None = None
        self._helpers: list[asyncio.subprocess.Process] = []
        self._notification: Notification | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._expected_to_end = False
        self._begin = 0  # of its present start, in the log

    @property
    def running(self) -> bool:
        return self._main is not None and self._main.returncode is None

    @property
    def pid(self) -> int | None:
        return self._main.pid if self._main is not None and self.running else None

    @property
    def frozen(self) -> bool:
        """Whether its main process stands still by SIGSTOP."""
        found = processes.stat_of(self.pid) if self.pid is not None else None
        return found is not None and found.state == "T"

    async def start(self, target: Target, context: Context, deadline: Deadline) -> None:
        """Start it and return when it is ready. Raises StartFailed; what was started stays for
        `end` to clear away."""
        try:
            self._plan = await self.launch.plan(self.site)
        except SeatrialError as error:
            raise StartFailed(
                Cause.EXITED, "it can be started", error.message, error.hint or ""
            ) from error
        self._begin = self.log.size
        self._expected_to_end = False
        self.last = None
        for helper in self._plan.helpers:
            self._helpers.append(await self._spawn(helper, {}))
        await self._start_main(self._plan)
        try:
            await self._until_ready(self._plan, target, context, deadline)
            if self._plan.ready is not Ready.EXIT:
                await self.launch.after_start(target, self.site, deadline)
        except SeatrialError as error:
            raise StartFailed(
                Cause.EXITED,
                "it can be set up",
                error.message,
                error.hint or "",
                self.log.tail(since=self._begin),
            ) from error
        if self._plan.ready is not Ready.EXIT:
            self._watcher = asyncio.create_task(self._watch())

    async def lay_up(self) -> None:
        """Start what makes the next start quicker, for when nobody else wants the processor."""
        if self._plan is None or self._plan.spare is None or not self.running:
            return
        with contextlib.suppress(StartFailed, OSError):  # OSError: it may not be done here
            helper = await self._spawn(self._plan.spare, {})
            self._helpers.append(helper)
            os.sched_setscheduler(helper.pid, os.SCHED_IDLE, os.sched_param(0))

    async def _start_main(self, plan: Plan) -> None:
        extra = {}
        if plan.ready is Ready.NOTIFY:
            address = self.site.sockets / f"{self.site.component}-{self.site.replica}.n"
            self._notification = Notification(address, plan.process.user)
            extra = {"NOTIFY_SOCKET": str(address)}
        self._main = await self._spawn(plan.process, extra)

    async def _spawn(
        self, process: Process, extra: Mapping[str, str]
    ) -> asyncio.subprocess.Process:
        env = {
            **process.env,
            **extra,
            processes.DEPLOYMENT: self._deployment,
            processes.COMPONENT: self._marker,
            processes.OWNER: self._owner,
        }
        log = os.open(self.log.file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            if process.user is None or os.getuid() != 0:
                user = group = None
            else:
                entry = pwd.getpwnam(process.user)
                user, group = entry.pw_uid, entry.pw_gid
            started = await asyncio.create_subprocess_exec(
                *process.argv,
                env=env,
                cwd=process.cwd,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                user=user,
                group=group,
                extra_groups=None if user is None else [],
            )
            open_files.restore_limit(started.pid)
            return started
        except OSError as error:
            raise StartFailed(
                Cause.EXITED,
                f"{process.argv[0]} can be started",
                f"{type(error).__name__}: {error}",
                f"look at `run` of {self.site.component}: is the program there and executable?",
            ) from error
        finally:
            os.close(log)

    async def _until_ready(
        self, plan: Plan, target: Target, context: Context, deadline: Deadline
    ) -> None:
        assert self._main is not None
        ended = asyncio.create_task(self._main.wait())
        ready = asyncio.create_task(self._ready(plan, target, context, deadline))
        telling = asyncio.create_task(self._tell(plan))
        try:
            async with asyncio.timeout(deadline.remaining()):
                await asyncio.wait({ended, ready}, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            pass
        finally:
            for task in (ended, ready, telling):
                if not task.done():
                    task.cancel()
        if plan.ready is Ready.EXIT and self._main.returncode == 0:
            return
        if self._main.returncode is not None:
            raise self.ended(self._main.returncode)
        if ready.done() and not ready.cancelled():
            ready.result()
            return
        raise self._not_ready(plan)

    async def _ready(
        self, plan: Plan, target: Target, context: Context, deadline: Deadline
    ) -> None:
        """Return when it is ready; may take for ever."""
        if plan.ready is Ready.EXIT:
            await asyncio.Event().wait()  # ending is what is waited for
        elif plan.ready is Ready.NOTIFY:
            assert self._notification is not None
            await self._notification.came.wait()
        elif plan.ready is Ready.STARTED:
            await asyncio.sleep(min(_STAYS, deadline.remaining() / 2))
        elif plan.ready is Ready.PROBE:
            for pause in backoff(longest=_SOON, share=_LATE):
                self._saw(await self.kind.probe(target, context, deadline.within(_PROBE_SECONDS)))
                if self.last is not None and self.last.health is Health.HEALTHY:
                    return
                await asyncio.sleep(min(pause, _SELDOM))

    def _saw(self, result: ProbeResult) -> None:
        if self.last is None or self.last.found != result.found:
            self._since = monotonic()
        self.last = result

    last: ProbeResult | None = None
    _since = 0.0  # when it was seen first

    async def _tell(self, plan: Plan) -> None:
        """Tell what keeps it from being ready, where that has changed: ever more seldom."""
        told, after = "", 0.0
        while True:
            pause = max(SILENT, after)
            await asyncio.sleep(pause)
            after += pause
            found = self._so_far(plan)[1]
            if found != told:
                told = found
                await self._held_up(found)

    def ended(self, code: int) -> StartFailed:
        """Why it ended by itself, from its exit code and its log since it was started."""
        name = self.site.component
        if self.log.says_port_in_use(self._begin):
            return self._port_in_use(code)
        return StartFailed(
            Cause.EXITED,
            f"{name} keeps running" if self._wants_to_run else f"{name} ends with exit code 0",
            f"it ended with {exit_text(code)}",
            f"read its last log lines: seatrial logs {name}",
            self.log.tail(since=self._begin),
        )

    def _port_in_use(self, code: int) -> StartFailed:
        name, given = self.site.component, [e.port for e in self.site.endpoints.values()]
        ports = ", ".join(map(str, given))
        found = f"it ended with {exit_text(code)}: the address is already in use"
        fix = f"end the program that holds the port, or leave `port` of {name} out"
        if given and not any(is_taken(port) for port in given):
            found += f"; that is another address, for port {ports} is free"
            fix = _listen_there(name)
        expected = f"{name} listens on port {ports}" if given else f"{name} keeps running"
        return StartFailed(
            Cause.PORT_IN_USE, expected, found, fix, self.log.tail(since=self._begin)
        )

    @property
    def _wants_to_run(self) -> bool:
        return self._plan is None or self._plan.ready is not Ready.EXIT

    def _not_ready(self, plan: Plan) -> StartFailed:
        cause, found, fix = self._so_far(plan)
        return StartFailed(
            cause,
            f"{self.site.component} is ready in time",
            found,
            fix,
            self.log.tail(since=self._begin),
        )

    def _so_far(self, plan: Plan) -> tuple[Cause, str, str]:
        """Cause, found and fix of its not being ready by now."""
        name = self.site.component
        cause, found = Cause.TIMEOUT, "it runs, but is not ready"
        fix = f"read its log: seatrial logs {name}; a slow start may need a higher start_timeout"
        if plan.ready is Ready.NOTIFY:
            found = "it runs, but has not sent READY=1 to NOTIFY_SOCKET"
        elif plan.ready is Ready.EXIT:
            found = "it still runs"
        elif self.last is not None:
            cause = self.last.cause or cause
            found = f"it runs, but: {self.last.found}"
            fix = self.last.fix or fix
            elsewhere = self._elsewhere()
            if elsewhere:
                found = f"it runs, but listens at {elsewhere}, and not at {self._addresses()}"
                fix = _listen_there(name)
            if elsewhere or cause in LASTING:
                fix += f"; more time would not help: it has been so for {self._lasted:.0f} s"
        return cause, found, fix

    @property
    def _lasted(self) -> float:
        return monotonic() - self._since

    def _elsewhere(self) -> str:
        """Where it listens, if that is not where it was told to; "" where nothing is to be seen."""
        given = self.site.endpoints.values()
        there = listeners(self.pids())
        if any(one.takes(e.host, e.port) for one in there for e in given):
            return ""
        return ", ".join(sorted(map(str, there)))

    def _addresses(self) -> str:
        return ", ".join(endpoint.address for endpoint in self.site.endpoints.values())

    async def _watch(self) -> None:
        assert self._main is not None
        code = await self._main.wait()
        if not self._expected_to_end:
            await self._exited(code)

    def pids(self) -> list[int]:
        """All its live processes, grandchildren and what left them included."""
        found = set(processes.marked(processes.COMPONENT, self._marker))
        for process in (self._main, *self._helpers):
            if process is not None and process.returncode is None:
                found |= {process.pid, *processes.descendants(process.pid)}
        return sorted(found)

    def pause(self) -> None:
        processes.send(self.pids(), signal.SIGSTOP)

    def resume(self) -> None:
        processes.send(self.pids(), signal.SIGCONT)

    async def end(self, how: signal.Signals | None = None, patience: float | None = None) -> None:
        """End the main process with `how` (default: its own stop signal), SIGKILL after its grace
        (or `patience` seconds, if those are fewer), then whatever else of it is left. Safe to call
        at any time, also twice."""
        self._expected_to_end = True
        if self._notification is not None:
            self._notification.close()
        plan = self._plan
        if plan is not None and self._main is not None and self.running:
            # An ending component may still need its children, so only the main process is told.
            processes.send([self._main.pid], how or plan.process.stop_signal)
            self.resume()  # a paused process would not see the signal
            with contextlib.suppress(TimeoutError):
                grace = plan.process.grace
                async with asyncio.timeout(grace if patience is None else min(grace, patience)):
                    await self._main.wait()
        processes.send(self.pids(), signal.SIGKILL)
        for process in (self._main, *self._helpers):
            if process is not None:
                await process.wait()
        self._helpers.clear()
        if self._watcher is not None:
            await self._watcher
            self._watcher = None

    @property
    def discard_signal(self) -> signal.Signals:
        """How to end it when its data will not be needed again."""
        return self._plan.process.discard_signal if self._plan else signal.SIGKILL


def _listen_there(name: str) -> str:
    return (
        f"give its program the port: {{{name}.port}} in its `run` or `env`, on 127.0.0.1; or "
        f"declare the one that it insists on: `port` of {name}"
    )


def exit_text(code: int) -> str:
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"
