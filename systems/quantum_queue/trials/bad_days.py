"""What a machine does to the queue on a bad day: no disk, no memory, a clock that is wrong.

All of it ends with the process that began it, also when that is killed.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
from pydantic import Field
from seatrial.environment.capability import Capability
from seatrial.environment.deployment import Deployment
from seatrial.faults.fault import Fault
from seatrial.keeper.protocol import Alter
from seatrial.kinds.postgres.binaries import run_as
from seatrial.kinds.rabbitmq.place import Place

_RABBITMQCTL = Path("/usr/lib/rabbitmq/bin/rabbitmqctl")  # the one on PATH wants to be root
_FAKETIME = "/usr/lib/*/faketime/libfaketimeMT.so.1"
_CTL_SECONDS = 60


class Altered(Fault):
    """A program runs with other variables."""

    name, in_trials = "alter", "altered"
    summary = "it is restarted with other variables, and as it was afterwards"
    capability = Capability.RESTART
    subjects: ClassVar[tuple[str, ...]] = ("component",)

    component: str = Field(description="the program that it happens to")
    env: dict[str, str] = Field(description="the variables")

    @property
    def components(self) -> tuple[str, ...]:
        return (self.component,)

    def begin(self, deployment: Deployment, key: str) -> None:
        deployment.alter(Alter(component=self.component, env=self.env, patience=30))

    def end(self, deployment: Deployment, key: str) -> None:
        deployment.restore(self.component)

    def __str__(self) -> str:
        return f"{self.name} of {self.component} ({', '.join(self.env)})"


# -- a full disk -----------------------------------------------------------------------------------


class Disk:
    """A file system of its own, and what fills it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Until not a byte goes into it any more."""
        with self._ballast.open("wb", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                with contextlib.suppress(OSError):
                    while file.write(b"\0" * size):
                        pass

    def free(self) -> None:
        self._ballast.unlink()


@contextmanager
def small_disk(megabytes: int) -> Iterator[Disk]:
    """A file system of that size, which only PostgreSQL's user and we can reach: it is mounted in
    a namespace of its own, and ends with the process in there. Skips where that is not allowed."""
    if shutil.which("unshare") is None or shutil.which("setpriv") is None:
        pytest.skip("needs a small file system: unshare and setpriv (util-linux) are missing")
    who = run_as()
    inside = f"mount -t tmpfs -o size={megabytes}m,mode=0777 tmpfs /mnt && echo mounted && exec "
    if who.name is not None:
        argv = ["unshare", "--mount", "--propagation", "private"]
        inside += f"setpriv --reuid={who.uid} --regid={who.gid} --clear-groups "
    else:
        argv = ["unshare", "--user", "--map-root-user", "--mount"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([*argv, "sh", "-c", inside + "cat"], **pipes) as holder:
        assert holder.stdin is not None and holder.stdout is not None
        assert holder.stderr is not None
        try:
            if holder.stdout.readline() != b"mounted\n":
                said = holder.stderr.read().decode(errors="replace").strip()
                pytest.skip(f"needs a small file system, which may not be mounted here: {said}")
            yield Disk(Path(f"/proc/{holder.pid}/root/mnt"))
        finally:
            holder.stdin.close()


# -- no memory -------------------------------------------------------------------------------------

# It puts the limit back when its input ends, whoever ended that.
_ALARM = """
timeout 30 "$0" -q set_vm_memory_high_watermark absolute 1MB && echo set && cat >&2
timeout 30 "$0" -q set_vm_memory_high_watermark absolute "$1"
"""


@contextmanager
def memory_alarm(deployment: Deployment, place: Place) -> Iterator[None]:
    """The broker thinks that its memory is used up. Skips where rabbitmqctl cannot reach it."""
    with subprocess.Popen(
        ["sh", "-c", _ALARM, str(_RABBITMQCTL), str(_node(place)["mem_limit"])],
        env=_environment(deployment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as holder:
        assert holder.stdin is not None and holder.stdout is not None
        try:
            assert holder.stdout.readline() == b"set\n", "rabbitmqctl did not set the limit"
            yield
        finally:
            holder.stdin.close()
            assert holder.wait(_CTL_SECONDS) == 0, "rabbitmqctl did not put the limit back"


def _environment(deployment: Deployment) -> dict[str, str]:
    """What rabbitmqctl must know to find a private broker: a part of that broker's own."""
    if not _RABBITMQCTL.exists():
        pytest.skip(f"needs rabbitmqctl, and there is no {_RABBITMQCTL} on this machine")
    (pid, *_) = deployment.statuses()["rabbitmq"].pids or (None,)
    try:
        text = Path(f"/proc/{pid}/environ").read_text()
    except OSError as error:
        pytest.skip(f"needs a broker on this machine, for rabbitmqctl: {error}")
    known = dict(one.split("=", 1) for one in text.split("\0") if "=" in one)
    names = "PATH HOME LANG ERL_INETRC ERL_EPMD_PORT RABBITMQ_NODENAME RABBITMQ_CONF_ENV_FILE"
    return {name: known[name] for name in names.split() if name in known}


def has_memory_alarm(place: Place) -> bool:
    return bool(_node(place)["mem_alarm"])


def _node(place: Place) -> dict[str, Any]:
    at = place.management
    assert at is not None
    login = (at.user or "", at.password or "")
    url = at.without_login.url.rstrip("/")
    answer = httpx.get(f"{url}/api/nodes", auth=login, timeout=10, trust_env=False)
    (node,) = answer.raise_for_status().json()
    return dict(node)


# -- a clock that is wrong -------------------------------------------------------------------------


def clock(shift: str) -> dict[str, str]:
    """Variables with which a program sees another time of day. Skips without libfaketime."""
    library = next(Path("/").glob(_FAKETIME.lstrip("/")), None)
    if library is None:
        pytest.skip(
            "needs libfaketime, which is not on this machine (Debian: apt install faketime)"
        )
    # What measures durations is left alone: a clock that is wrong still runs as fast as others.
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME": shift,
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
