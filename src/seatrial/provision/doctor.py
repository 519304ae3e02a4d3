"""What each kind of environment needs on this machine: found or lacking, and how to mend it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydantic import JsonValue

from seatrial.errors import KeeperError
from seatrial.keeper import places
from seatrial.provision import as_root
from seatrial.provision.machine import Platform, free_disk, free_memory, this_platform
from seatrial.provision.servers import Server

_MIB = 2**20
_MEMORY = 512 * _MIB  # PostgreSQL, a broker and a few services side by side
_DISK = 1024 * _MIB  # templates, data folders and logs
_DISK_LEAST = 200 * _MIB
_LOOK = 10.0  # s that another program gets to answer


class State(StrEnum):
    OK = "ok"
    WARNING = "warning"  # it will do, but something may go wrong
    LACKING = "lacking"  # the environment cannot be used


@dataclass(frozen=True)
class Item:
    """One thing that an environment needs or can make use of."""

    name: str
    state: State
    found: str
    fix: str = ""  # what to do where it is not ok


@dataclass(frozen=True)
class Diagnosis:
    """What one kind of environment (a provider) needs."""

    environment: str
    items: tuple[Item, ...]

    @property
    def usable(self) -> bool:
        return all(item.state is not State.LACKING for item in self.items)


def diagnose(servers: Sequence[Server], interpreter: Item | None = None) -> tuple[Diagnosis, ...]:
    """Look at this machine. `interpreter` is what was found of a system's own Python."""
    platform = this_platform()
    local = [_platform(platform), *_python(interpreter), *_servers(servers, platform)]
    local += [_setpriv(), _base_folder(), _memory(), _disk(), *_left_behind()]
    compose = (_engine(), _compose(platform))
    remote = (Item("nothing", State.OK, "only the endpoints must be reachable from here"),)
    return (
        Diagnosis("local", tuple(local)),
        Diagnosis("compose", compose),
        Diagnosis("remote", remote),
    )


def in_json(diagnoses: Sequence[Diagnosis]) -> dict[str, JsonValue]:
    """What `doctor --json` promises."""
    return {
        diagnosis.environment: {
            "usable": diagnosis.usable,
            "items": [
                {"name": i.name, "state": i.state.value, "found": i.found, "fix": i.fix}
                for i in diagnosis.items
            ],
        }
        for diagnosis in diagnoses
    }


# local -------------------------------------------------------------------------------------------


def _platform(platform: Platform) -> Item:
    if platform.supported:
        return Item("platform", State.OK, platform.name)
    return Item(
        "platform",
        State.WARNING,
        f"{platform.name}: native servers are supported on Debian 12 and 13 and Ubuntu 24.04",
        "if they do not start, use an environment with `provider: compose` or `remote`",
    )


def _python(interpreter: Item | None) -> Iterator[Item]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Item("python", State.OK, f"{version} ({sys.executable})")
    if interpreter is not None:
        yield interpreter


def _servers(servers: Sequence[Server], platform: Platform) -> Iterator[Item]:
    for server in servers:
        if server.found is not None:
            user = f", runs as {server.found.runs_as}" if server.found.runs_as else ""
            found = f"{server.found.version or 'unknown version'} ({server.found.program}{user})"
            yield Item(server.label, State.OK, found)
        elif server.problem is not None:
            fix = server.problem.hint or ""
            if server.missing and not platform.supported:
                fix = f"install it (Debian: {' '.join(server.packages)}), or use compose or remote"
            yield Item(server.label, State.LACKING, server.problem.message, fix)


def _setpriv() -> Item:
    if path := shutil.which("setpriv"):
        return Item("setpriv", State.OK, path)
    return Item(
        "setpriv",
        State.WARNING,
        "not here: the keeper alone sees to it that nothing outlives it",
        "apt-get install util-linux",
    )


def _base_folder() -> Item:
    name = "data folder"
    try:
        folder = places.base()
    except KeeperError as error:
        return Item(name, State.LACKING, error.message, error.hint or "")
    except OSError as error:
        fix = "make it writable, or set SEATRIAL_HOME to a folder of yours"
        return Item(name, State.LACKING, f"cannot be made: {error}", fix)
    if not os.access(folder, os.W_OK | os.X_OK):
        return Item(name, State.LACKING, f"{folder} cannot be written to", f"chmod u+rwx {folder}")
    return Item(name, State.OK, str(folder))


def _memory() -> Item:
    free = free_memory()
    if free is None:
        return Item("memory", State.WARNING, "how much is free cannot be read")
    state = State.OK if free >= _MEMORY else State.WARNING
    fix = "" if state is State.OK else f"end other programs: {_size(_MEMORY)} are wanted"
    return Item("memory", state, f"{_size(free)} free", fix)


def _disk() -> Item:
    base = Path(os.environ.get("SEATRIAL_HOME", "/var/tmp"))  # noqa: S108
    free = free_disk(base)
    if free is None:
        return Item("disk", State.WARNING, f"how much is free in {base} cannot be read")
    state = State.OK if free >= _DISK else State.WARNING if free >= _DISK_LEAST else State.LACKING
    fix = "" if state is State.OK else f"make room in {base}: {_size(_DISK)} are wanted"
    return Item("disk", state, f"{_size(free)} free in {base}", fix)


def _left_behind() -> Iterator[Item]:
    if as_root.policy_left_behind():
        yield Item(
            "policy-rc.d",
            State.WARNING,
            "an interrupted `seatrial provision` left /usr/sbin/policy-rc.d behind: no package"
            " starts its services",
            "sudo rm /usr/sbin/policy-rc.d",
        )


def _size(amount: int) -> str:
    mib = amount / _MIB
    return f"{mib / 1024:.1f} GiB" if mib >= 1024 else f"{mib:.0f} MiB"


# compose -----------------------------------------------------------------------------------------


def _engine() -> Item:
    name = "docker engine"
    if shutil.which("docker") is None:
        return Item(name, State.LACKING, "no docker program", "sudo apt-get install docker.io")
    answer = _said(["docker", "version", "--format", "{{.Server.Version}}"])
    if answer.good:
        return Item(name, State.OK, answer.text)
    fix = "start it (sudo systemctl start docker), or add this user to the group docker"
    return Item(name, State.LACKING, answer.text, fix)


def _compose(platform: Platform) -> Item:
    name = "docker compose"
    for call in (["docker", "compose", "version", "--short"], ["docker-compose", "--version"]):
        answer = _said(call)
        if answer.good:
            return Item(name, State.OK, f"{answer.text} ({call[0]})")
        if answer.late:
            return Item(name, State.LACKING, answer.text, "see what keeps this machine so busy")
    package = "docker-compose-v2" if platform.id == "ubuntu" else "docker-compose"
    fix = f"sudo apt-get install {package}"
    return Item(name, State.LACKING, "neither version 2 nor version 1 is here", fix)


@dataclass(frozen=True)
class _Answer:
    good: bool
    text: str  # its last line
    late: bool = False  # it is there, and did not answer in time


def _said(call: Sequence[str]) -> _Answer:
    try:
        done = subprocess.run(
            call,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_LOOK,
        )
    except subprocess.TimeoutExpired:
        return _Answer(False, f"{call[0]} did not answer within {_LOOK:.0f} s", late=True)
    except OSError as error:
        return _Answer(False, str(error))
    lines = (done.stdout.strip() or done.stderr.strip()).splitlines() or ["it said nothing"]
    good = done.returncode == 0 and bool(done.stdout.strip())
    return _Answer(good, lines[-1] if good else done.stderr.strip().partition("\n")[0] or lines[-1])
