"""Install Debian packages without anything being started. Run by `install.py`, as root.

    python -I -B as_root.py PACKAGE...

The standard library only, and nothing of Seatrial: it may run under sudo. Standard input is a
lifeline: when it ends, whoever called is gone or wants this to stop. Standard output is one plain
line a step. Exit code 0: installed; 1: not, with the reason; 130: stopped on request.

What it changes on the machine, and whether it stays:

    the packages                                           stays
    /usr/sbin/policy-rc.d                                  only if there is none; removed at the end
    /etc/postgresql-common/createcluster.d/seatrial.conf   stays; only with PostgreSQL
    a newly installed service does not start at boot       stays
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

ROOT = Path("/")  # tests put another folder here

APT_LIMIT = 1200.0  # s, for one call of apt-get
STOP_PATIENCE = 60.0  # s that dpkg gets to finish the package that it is at
_LOOK = 0.1  # s between two looks at whether to stop
TAIL = 40  # lines of apt's output that a failure shows

POLICY = """\
#!/bin/sh
# Put here by `seatrial provision` while it installs packages, so that none of them starts a server.
# It removes this file itself; if that was prevented, it can be deleted.
exit 101
"""

NO_CLUSTER = """\
# Put here by `seatrial provision`: it starts private PostgreSQL servers of its own and needs no
# cluster of the machine's. Delete this file if later packages shall make one again.
create_main_cluster = false
"""


class Stopped(BaseException):
    """Somebody asked this to stop."""


class Failed(Exception):
    """It did not work; the message is for people."""


def say(line: str) -> None:
    """One line for the caller, who may be gone."""
    try:
        print(line, flush=True)
    except OSError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - for the rest of this process


# Guards ------------------------------------------------------------------------------------------


@contextmanager
def alone() -> Iterator[None]:
    """Only one of these at a time; a second waits its turn. Ends with the process."""
    with open(ROOT / "run/seatrial-provision.lock", "w") as file:
        for _ in range(int(APT_LIMIT / _LOOK)):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                _request.check()
                time.sleep(_LOOK)
        else:
            raise Failed("another `seatrial provision` is at work and does not end")
        yield


@contextmanager
def nothing_starts() -> Iterator[None]:
    """Forbid packages to start what they install, as long as this lasts.

    A policy-rc.d that is there already is the machine's own: it is neither changed nor removed.
    One that a killed run of ours left behind is taken over.
    """
    path = ROOT / "usr/sbin/policy-rc.d"
    ours = False
    try:
        ours = _place_policy(path)
        if not ours:
            say(f"{path} is there already; what it says about starting servers holds")
        yield
    finally:
        if ours:
            path.unlink(missing_ok=True)


def _place_policy(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o755)
    except FileExistsError:
        return not path.is_symlink() and path.is_file() and path.read_bytes() == POLICY.encode()
    with os.fdopen(descriptor, "w") as file:
        file.write(POLICY)
    return True


def policy_left_behind() -> bool:
    """Whether a killed run left its policy-rc.d, and no run is at work."""
    path = ROOT / "usr/sbin/policy-rc.d"
    try:
        if path.is_symlink() or path.read_bytes() != POLICY.encode():
            return False
        with open(ROOT / "run/seatrial-provision.lock") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def no_cluster() -> None:
    """Let the PostgreSQL packages make no database cluster of the machine's own."""
    path = ROOT / "etc/postgresql-common/createcluster.d/seatrial.conf"
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(NO_CLUSTER)
    say(f"create_main_cluster = false in {path}: PostgreSQL comes without a cluster of its own")


class _Request:
    """Whether this was asked to stop: by a signal, or by the end of the lifeline.

    A signal only leaves a note, which is read where stopping is safe. An exception out of the
    handler could come between starting a program and knowing it, or in the middle of clean-up.
    """

    def __init__(self) -> None:
        self._stop = False

    def listen(self) -> None:
        for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(each, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._stop = True

    def check(self) -> None:
        """Raises Stopped."""
        readable, _, _ = select.select([0], [], [], 0)
        if self._stop or (readable and not os.read(0, 4096)):
            raise Stopped


_request = _Request()


# apt ---------------------------------------------------------------------------------------------


def environment() -> dict[str, str]:
    """apt's environment: it asks nothing, keeps what was configured and restarts no services."""
    return os.environ | {
        "PATH": os.environ.get("PATH", os.defpath) + ":/usr/local/sbin:/usr/sbin:/sbin",
        "LC_ALL": "C.UTF-8",
        "DEBIAN_FRONTEND": "noninteractive",
        "APT_LISTCHANGES_FRONTEND": "none",
        "NEEDRESTART_SUSPEND": "1",
        "UCF_FORCE_CONFFOLD": "1",
    }


def apt_get(*arguments: str) -> tuple[int, list[str]]:
    """Run it; its exit code and the last lines that it wrote. Raises Stopped, Failed."""
    options = ["-q", "-y", "-o", "DPkg::Lock::Timeout=120", "-o", "Dpkg::Use-Pty=0"]
    options += ["-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold"]
    return run(["apt-get", *options, *arguments])


def run(argv: Sequence[str]) -> tuple[int, list[str]]:
    """Run a program under the lifeline and the time limit; it gets no input.

    Its output is read only as long as it lives, so that a daemon which a package starts and which
    holds the pipe open does not make this wait for ever.
    """
    # Of a session of its own: a Ctrl-C at the terminal must not kill dpkg halfway.
    program = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment(),
        start_new_session=True,
    )
    output = _Output(program)
    end = time.monotonic() + APT_LIMIT
    try:
        while program.poll() is None:
            output.read(_LOOK)
            _request.check()
            if time.monotonic() > end:
                raise Failed(
                    f"{argv[0]} did not end within {APT_LIMIT:.0f} s; it last said:\n{output.text}"
                )
    except BaseException:
        _end(program)
        raise
    output.drain()
    return program.returncode, list(output.tail)


class _Output:
    """What a program writes: progress is passed on, the rest kept for a failure."""

    def __init__(self, program: subprocess.Popen[bytes]) -> None:
        assert program.stdout is not None
        self._pipe = program.stdout.fileno()
        os.set_blocking(self._pipe, False)
        self._rest = b""
        self._ended = False
        self.tail: deque[str] = deque(maxlen=TAIL)

    @property
    def text(self) -> str:
        return "\n".join(self.tail)

    def read(self, seconds: float) -> None:
        """What comes within this time; it returns with the first of it."""
        readable, _, _ = select.select([self._pipe], [], [], seconds)
        if readable:
            self._feed(os.read(self._pipe, 65536))
            if self._ended:
                time.sleep(seconds)  # it closed its output and goes on

    def drain(self) -> None:
        """What is left in the pipe now; a daemon that holds it open is not waited for."""
        try:
            while chunk := os.read(self._pipe, 65536):
                self._feed(chunk)
        except BlockingIOError:
            pass
        if self._rest:
            self._take(self._rest.decode(errors="replace"))

    def _feed(self, chunk: bytes) -> None:
        self._ended = not chunk
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._take(line.decode(errors="replace").rstrip())

    def _take(self, line: str) -> None:
        self.tail.append(line)
        if line.startswith(("Setting up ", "Need to get ")):
            say(line.removesuffix(" ..."))


def _end(program: subprocess.Popen[bytes]) -> None:
    """SIGINT stops apt's download at once but lets dpkg finish; whatever is left then is killed."""
    program.send_signal(signal.SIGINT)
    end = time.monotonic() + STOP_PATIENCE
    while time.monotonic() < end:
        program.poll()  # collects it, so that it does not count as alive
        try:
            os.killpg(program.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    say("the package manager did not stop; ending it")
    with suppress(ProcessLookupError):
        os.killpg(program.pid, signal.SIGKILL)
    program.wait()


def known(package: str) -> bool:
    """Whether apt's lists hold a version of it that can be installed."""
    code, lines = run(["apt-cache", "policy", package])
    candidates = [line.split(":", 1)[1].strip() for line in lines if "Candidate:" in line]
    return code == 0 and any(candidate != "(none)" for candidate in candidates)


def installed(package: str) -> bool:
    code, lines = run(["dpkg-query", "-W", "-f", "${Status}", package])
    return code == 0 and any("install ok installed" in line for line in lines)


def install(packages: Sequence[str]) -> None:
    """Raises Failed with apt's last lines."""
    if not all(map(known, packages)):
        _update()
    command = ("install", "--no-install-recommends", *packages)
    say(f"apt-get install --no-install-recommends {' '.join(packages)}")
    code, lines = apt_get(*command)
    if code:
        if any("dpkg --configure -a" in line for line in lines):
            say("an earlier installation was interrupted: dpkg --configure -a")
            run(["dpkg", "--force-confdef", "--force-confold", "--configure", "-a"])
        _update()
        code, lines = apt_get(*command)
    if code:
        raise Failed("apt-get install did not work; it last said:\n" + "\n".join(lines))


def _update() -> None:
    say("apt-get update")
    code, lines = apt_get("update")
    if code:
        say("apt-get update did not work; it last said:\n" + "\n".join(lines))


def not_at_boot(package: str) -> None:
    """Seatrial starts servers itself; a newly installed one shall not take its port at boot."""
    if not (ROOT / "etc/init.d" / package).exists():
        return
    code, _ = run(["update-rc.d", package, "disable"])
    if code == 0:
        say(f"{package} will not start at boot (update-rc.d {package} enable turns that on)")


# -------------------------------------------------------------------------------------------------


def main(packages: Sequence[str]) -> int:
    os.umask(0o022)  # what is left here must be readable by others
    _request.listen()
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    try:
        with alone(), nothing_starts():
            new = [package for package in packages if not installed(package)]
            if any(package.startswith("postgresql") for package in new):
                no_cluster()
            install(packages)
            for package in new:
                not_at_boot(package)
    except Stopped:
        say("stopped")
        return 130
    except (Failed, OSError) as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
