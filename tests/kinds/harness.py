"""Plays the keeper for one component: allocate, plan, start, wait until ready, after_start."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from seatrial.declaration.models import ComponentConfig
from seatrial.keeper import processes
from seatrial.kinds.base import Context, Endpoint, Target, load
from seatrial.kinds.launching import Launch, Plan, Process, Ready, Site
from seatrial.outcome import Health
from seatrial.waiting import Deadline, eventually

_START = 60.0  # s
_MEMORY = Path("/dev/shm")


@contextmanager
def open_folder() -> Iterator[Path]:
    """A temporary folder through which an unprivileged server may pass, removed at the end.

    In memory where there is enough: a server's data folder is a thousand files.
    """
    roomy = os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > 4 << 30
    folder = Path(tempfile.mkdtemp(prefix="st-", dir=_MEMORY if roomy else None))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Reserved:
    """Free ports, held by sockets that are bound and do not listen."""

    held: list[socket.socket] = field(default_factory=list)

    def __call__(self) -> int:
        one = socket.socket()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(("127.0.0.1", 0))
        self.held.append(one)
        return int(one.getsockname()[1])

    def release(self) -> None:
        for one in self.held:
            one.close()


@dataclass
class Running:
    """One component of one replica under the harness's care."""

    kind: str
    site: Site
    launch: Launch
    ports: Reserved
    log: Path
    plan: Plan | None = None
    process: subprocess.Popen[bytes] | None = None
    helpers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def endpoints(self) -> Mapping[str, Endpoint]:
        return self.site.endpoints

    @property
    def target(self) -> Target:
        endpoints = {name: (one,) for name, one in self.site.endpoints.items()}
        return Target(self.site.component, self.kind, self.site.config, endpoints)

    @property
    def context(self) -> Context:
        return context_of(self.site.cache, self.site.system_folder, self.target)

    def start(self) -> None:
        self.plan = asyncio.run(self.launch.plan(self.site))
        self.helpers = [self._spawn(helper) for helper in self.plan.helpers]
        with ExitStack() as stack:
            notify = None
            if self.plan.ready is Ready.NOTIFY:
                notify = stack.enter_context(self._listen(self.plan.process.user))
            self.process = self._spawn(self.plan.process, notify)
            self._wait(self.plan.ready, notify)
        deadline = Deadline.after(_START)
        asyncio.run(self.launch.after_start(self.target, self.site, deadline))

    def start_anyhow(self) -> None:
        """Start its process and wait for nothing."""
        self.plan = asyncio.run(self.launch.plan(self.site))
        self.process = self._spawn(self.plan.process)

    @contextmanager
    def _listen(self, user: str | None) -> Iterator[socket.socket]:
        path = self.site.sockets / "notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
            receiver.bind(str(path))
            if user is not None:
                os.chown(path, pwd.getpwnam(user).pw_uid, -1)
            receiver.settimeout(0.1)
            yield receiver
        path.unlink()

    def _spawn(
        self, process: Process, notify: socket.socket | None = None
    ) -> subprocess.Popen[bytes]:
        env = dict(process.env)
        if notify is not None:
            env["NOTIFY_SOCKET"] = notify.getsockname()
        with open(self.log, "ab") as log:
            return subprocess.Popen(
                [*dying_with_us(process.user), *process.argv],
                env=env,
                cwd=process.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _wait(self, ready: Ready, notify: socket.socket | None) -> None:
        if ready is Ready.NOTIFY:
            assert notify is not None
            eventually(lambda: self._notified(notify), timeout=_START, watch=self._ended)
        elif ready is Ready.PROBE:
            probe = load(self.kind).probe
            eventually(
                lambda: asyncio.run(probe(self.target, self.context, Deadline.after(5))),
                lambda result: result.health is Health.HEALTHY,
                timeout=_START,
                watch=self._ended,
            )

    def _notified(self, notify: socket.socket) -> bool:
        try:
            return b"READY=1" in notify.recv(4096).split(b"\n")
        except TimeoutError:
            return False

    def _ended(self) -> str | None:
        assert self.process is not None
        if self.process.poll() is None:
            return None
        return f"it ended with {self.process.returncode}: {self.log.read_text()[-2000:]}"

    def end(self, how: signal.Signals | None = None) -> None:
        """End it with a signal (default: its own stop signal), and its helpers after it."""
        assert self.plan is not None
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how or self.plan.process.stop_signal)
            self.process.wait(self.plan.process.grace)
        for helper in self.helpers:
            helper.kill()
            helper.wait()
        self.helpers = []

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Every process of it stopped, as by the keeper's pause."""
        assert self.process is not None
        pids = [self.process.pid, *descendants(self.process.pid)]
        try:
            processes.send(pids, signal.SIGSTOP)  # one that has ended since is no error
            yield
        finally:
            processes.send(reversed(pids), signal.SIGCONT)


def dying_with_us(user: str | None) -> list[str]:
    """A command in front of another: run it as this user, and end it when pytest is killed."""
    who: list[str] = []
    if user is not None and os.geteuid() == 0:
        entry = pwd.getpwnam(user)
        who = [f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups"]
    setpriv = shutil.which("setpriv")
    assert setpriv is not None, "util-linux is not installed"
    return [setpriv, *who, "--pdeathsig", "KILL", "--"]


def context_of(cache: Path, system_folder: Path, *targets: Target) -> Context:
    return Context(system_folder, {target.name: target for target in targets}, cache)


def at(target: Target, **changes: object) -> Target:
    """The target with its first endpoint changed: port, password, path..."""
    name = next(iter(target.endpoints))
    endpoint = replace(target.endpoint(), **changes)  # type: ignore[arg-type]
    return replace(target, endpoints={**target.endpoints, name: (endpoint,)})


def descendants(pid: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parents.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry.name))
    found: list[int] = []
    queue = [pid]
    while queue:
        children = parents.get(queue.pop(), [])
        found += children
        queue += children
    return found


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")


@contextmanager
def running(
    config: ComponentConfig, *, component: str, cache: Path | None = None
) -> Iterator[Running]:
    """Start a component, and end it and all it left at the end."""
    launch = load(config.kind).launch
    assert launch is not None
    ports = Reserved()
    with open_folder() as folder:
        for name in ("data", "s", "cache", "system"):
            (folder / name).mkdir(mode=0o711)
        site = Site(
            component=component,
            replica=0,
            config=config,
            endpoints=launch.allocate(config, ports),
            folder=folder / "data",
            sockets=folder / "s",
            cache=cache or folder / "cache",
            system_folder=folder / "system",
            ports=ports,
        )
        one = Running(config.kind, site, launch, ports, folder / "log")
        try:
            one.start()
            yield one
        finally:
            if one.plan is not None:
                pids = descendants(one.process.pid) if one.process is not None else []
                one.end(one.plan.process.discard_signal)
                until = time.monotonic() + 10
                while any(alive(pid) for pid in pids) and time.monotonic() < until:
                    time.sleep(0.01)
                left = [pid for pid in pids if alive(pid)]
                for pid in left:
                    os.kill(pid, signal.SIGKILL)
                assert not left, f"processes outlived {component}"
            ports.release()
