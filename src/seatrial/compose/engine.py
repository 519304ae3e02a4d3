"""Asking the container engine, through its own command line: it knows contexts and remote hosts."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from seatrial.errors import DeploymentError
from seatrial.kinds.base import Image
from seatrial.listeners import Listener
from seatrial.secrecy import ending

PROJECT = "com.docker.compose.project"
_SERVICE = "com.docker.compose.service"
_NUMBER = "com.docker.compose.container-number"
_ONEOFF = "com.docker.compose.oneoff"
_VERSION = "com.docker.compose.version"
WORKING_DIR = f"{PROJECT}.working_dir"
CONFIG_FILES = f"{PROJECT}.config_files"

_CURL = re.compile(r"curl: \(\d+\) .*")
ANSWER_SECONDS = 10.0
_MOST_OUTPUT = 32 * 1024 * 1024  # bytes


class EngineError(DeploymentError):
    """The engine is not there, cannot be reached, or refused what was asked."""


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def last_words(self) -> str:
        lines = (self.err.strip() or self.out.strip()).splitlines()
        return lines[-1] if lines else f"exit code {self.code}"


async def call(
    argv: Sequence[str],
    seconds: float = ANSWER_SECONDS,
    *,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    together: bool = False,
) -> Ended:
    """Run a command to its end. `together`: what it writes to standard error is in `out`, at its
    place. Raises EngineError when it cannot be started or does not end."""
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT if together else asyncio.subprocess.PIPE,
            env=None if env is None else {**os.environ, **env},
            cwd=cwd,
            limit=_MOST_OUTPUT,
        )
    except OSError as error:
        raise EngineError(
            f"{argv[0]} cannot be started: {error.strerror}",
            hint="install Docker with its Compose plugin, or use another environment",
        ) from error
    try:
        async with asyncio.timeout(seconds):
            out, err = await process.communicate()
    except TimeoutError:
        raise EngineError(
            f"`{' '.join(argv[:3])}` did not end within {seconds:g} s",
            hint="see whether the engine hangs: docker info",
        ) from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return Ended(process.returncode or 0, _text(out), _text(err or b""))


def _text(data: bytes) -> str:
    return data[:_MOST_OUTPUT].decode(errors="replace")


async def docker(*words: str, seconds: float = ANSWER_SECONDS) -> str:
    """What `docker WORDS` prints. Raises EngineError when it fails."""
    ended = await call(("docker", *words), seconds)
    if ended.code != 0:
        raise EngineError(
            f"docker {words[0]}: {ended.last_words}",
            hint="docker info   (does the engine run, and may this user ask it?)",
        )
    return ended.out


# -- containers ---------------------------------------------------------------------------------


class _Said(BaseModel):
    """Part of what `docker inspect` prints; the rest is left out."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class _Look(_Said):
    exit_code: int = Field(0, alias="ExitCode")
    output: str = Field("", alias="Output")


class _Health(_Said):
    said: str = Field("", alias="Status")
    failed: int = Field(1, alias="FailingStreak")  # of the last looks, without one in between
    log: tuple[_Look, ...] | None = Field(None, alias="Log")

    @property
    def status(self) -> str:
        """Whatever was paused the engine calls unhealthy until it has looked again: then counts
        what it found before."""
        if self.said == "none":
            return ""
        paused = self.said == "unhealthy" and self.failed == 0
        return "healthy" if paused and self.log and self.log[-1].exit_code == 0 else self.said


class _State(_Said):
    status: str = Field(alias="Status")
    exit_code: int = Field(0, alias="ExitCode")
    oom_killed: bool = Field(False, alias="OOMKilled")
    error: str = Field("", alias="Error")
    pid: int = Field(0, alias="Pid")
    started: str = Field("", alias="StartedAt")
    finished: str = Field("", alias="FinishedAt")
    health: _Health | None = Field(None, alias="Health")


class _Config(_Said):
    image: str = Field("", alias="Image")
    labels: Mapping[str, str] | None = Field(None, alias="Labels")
    env: tuple[str, ...] | None = Field(None, alias="Env", repr=False)
    exposed: Mapping[str, object] | None = Field(None, alias="ExposedPorts")


class _Binding(_Said):
    ip: str = Field("", alias="HostIp")
    port: str = Field("", alias="HostPort")


class _Ipam(_Said):
    ip: str = Field("", alias="IPv4Address")


class _Network(_Said):
    ip: str = Field("", alias="IPAddress")
    aliases: tuple[str, ...] | None = Field(None, alias="Aliases")
    wished: _Ipam | None = Field(None, alias="IPAMConfig")

    @property
    def link(self) -> tuple[str, ...]:
        """What `docker network connect` must be told to make it again."""
        names = tuple(word for alias in self.aliases or () for word in ("--alias", alias))
        return (*names, "--ip", self.wished.ip) if self.wished and self.wished.ip else names


class _Networking(_Said):
    ports: Mapping[str, tuple[_Binding, ...] | None] | None = Field(None, alias="Ports")
    networks: Mapping[str, _Network] | None = Field(None, alias="Networks")


class _HostConfig(_Said):
    network_mode: str = Field("", alias="NetworkMode")


class _Inspected(_Said):
    id: str = Field(alias="Id")
    image: str = Field("", alias="Image")
    name: str = Field("", alias="Name")
    created: str = Field("", alias="Created")
    path: str = Field("", alias="Path", repr=False)
    args: tuple[str, ...] | None = Field(None, alias="Args", repr=False)
    restarts: int = Field(0, alias="RestartCount")
    state: _State = Field(alias="State")
    config: _Config = Field(alias="Config")
    networking: _Networking = Field(alias="NetworkSettings")
    host: _HostConfig = Field(alias="HostConfig")


@dataclass(frozen=True)
class Container:
    """A container of a project, as the engine describes it."""

    id: str
    image: Image
    name: str
    service: str
    number: int
    status: str  # created, running, paused, restarting, removing, exited, dead
    exit_code: int
    oom_killed: bool
    error: str
    health: str  # "", starting, healthy, unhealthy
    health_output: str  # of the last look that its health check took
    restarts: int
    ran_for: float  # s since it was started last, by this machine's clock
    lived: float  # s from then until it ended, where it has
    age: float  # s since it was made, likewise
    command: str = field(repr=False)  # entry point and command, joined by spaces
    environment: Mapping[str, str] = field(repr=False)
    #: Container's port -> address and port of the host; where it uses another's network, of that.
    published: Mapping[int, tuple[str, int]]
    exposed: tuple[int, ...]
    address: str  # where this machine reaches it, by a network; likewise; "" for nowhere
    networks: Mapping[str, str]  # name -> its address there
    links: Mapping[str, tuple[str, ...]]  # name -> what would connect it there again
    on_host: bool  # it shares the host's network
    host: str  # the id of the container whose network it uses; "" for none
    cut_off: str  # the network that it was made on, where it is on none any more; else ""
    compose_version: str
    working_dir: str = ""  # the folder of its project, as Compose says
    config_files: str = ""  # that it was started from, likewise
    pid: int = 0  # of its first process, for the kernel that runs it; 0 for none
    # What `logs` adds:
    unsettled: bool = False  # it runs, but was restarted so lately that it may not stay
    last_words: str = field(default="", repr=False)  # of its log, where it ended on its own
    # What `earshot` adds:
    listens: tuple[Listener, ...] | None = None  # where anything in it does; None: not known
    datagrams: frozenset[int] = frozenset()  # ports at which it may listen by UDP
    stranded: str = ""  # whose network it uses, where that has a new one since


async def containers(project: str) -> list[Container]:
    """All containers of a project, those that ended too; one-off ones are left out. Raises
    EngineError."""
    listed = await docker("ps", "-aq", "--no-trunc", "--filter", f"label={PROJECT}={project}")
    ids = listed.split()
    if not ids:
        return []
    ended = await call(("docker", "inspect", "--type", "container", *ids))
    try:  # one that has gone meanwhile is missing from the answer, which is no error
        inspected = [_Inspected.model_validate(one) for one in json.loads(ended.out or "[]")]
    except (ValueError, ValidationError) as error:
        raise EngineError(
            f"docker inspect: an answer that is not understood: {type(error).__name__}",
            hint="docker version   (Seatrial knows 20.10 and later)",
        ) from error
    networks = {one.id: one.networking for one in inspected}
    found = [_container(one, networks) for one in inspected]
    return sorted(
        (one for one in found if one is not None), key=lambda one: (one.service, one.number)
    )


def _container(one: _Inspected, everybodys: Mapping[str, _Networking]) -> Container | None:
    labels = one.config.labels or {}
    if labels.get(_ONEOFF, "").lower() == "true" or _SERVICE not in labels:
        return None
    health = one.state.health
    looks = (health.log if health else None) or ()
    number, networks = labels.get(_NUMBER, "1"), one.networking.networks or {}
    used = everybodys.get(one.host.network_mode.removeprefix("container:"), one.networking)
    return Container(
        id=one.id,
        image=Image(one.config.image, one.image),
        name=one.name.lstrip("/"),
        service=labels[_SERVICE],
        number=int(number) if number.isdecimal() else 1,
        status=one.state.status,
        exit_code=one.state.exit_code,
        oom_killed=one.state.oom_killed,
        error=one.state.error,
        health=health.status if health else "",
        health_output=ending(_in_a_line(looks[-1].output), 300) if looks else "",
        restarts=one.restarts,
        ran_for=_seconds_since(one.state.started),
        lived=_seconds_since(one.state.started) - _seconds_since(one.state.finished),
        age=_seconds_since(one.created),
        command=" ".join((one.path, *(one.args or ()))),
        environment=dict(pair.partition("=")[::2] for pair in one.config.env or ()),
        published=_published(used.ports or {}),
        exposed=tuple(_port(name) for name in one.config.exposed or () if _is_tcp(name)),
        address=next((each.ip for each in (used.networks or {}).values() if each.ip), ""),
        networks={name: network.ip for name, network in networks.items()},
        links={name: network.link for name, network in networks.items()},
        on_host=one.host.network_mode == "host",
        host=one.host.network_mode.partition("container:")[2],
        cut_off=_cut_off(one.host.network_mode, networks),
        compose_version=labels.get(_VERSION, ""),
        working_dir=labels.get(WORKING_DIR, ""),
        config_files=labels.get(CONFIG_FILES, ""),
        pid=one.state.pid,
    )


def _in_a_line(output: str) -> str:
    """Of a traceback, what it ends with; of curl, its word behind the progress that it shows."""
    words = output.strip()
    if curls := _CURL.search(words):
        return curls[0]
    return words.splitlines()[-1] if words.startswith("Traceback ") else " ".join(words.split())


def _seconds_since(moment: str) -> float:
    """0 where it is to come, by another clock; for ever where it is no moment at all."""
    try:
        began = datetime.fromisoformat(moment)
        return max(0.0, (datetime.now(UTC) - began).total_seconds())
    except (ValueError, TypeError):
        return math.inf


_MODES = ("", "bridge", "default", "host", "none", "ns", "pasta", "private", "slirp4netns")


def _cut_off(made_on: str, networks: Mapping[str, _Network]) -> str:
    """Of the networks that a container was made on, the first one stays written down. What an
    engine writes there otherwise is a mode: "bridge", "host", "container:ID"... Where it is on
    another network, it may be there on purpose: whether it answers there, a probe knows."""
    is_mode = made_on in _MODES or ":" in made_on
    return "" if is_mode or networks else made_on


def _is_tcp(name: str) -> bool:
    """Also what is only exposed: Compose writes "8000" there."""
    return name.partition("/")[2] in ("", "tcp")


def _port(name: str) -> int:
    return int(name.partition("/")[0])


def _published(ports: Mapping[str, tuple[_Binding, ...] | None]) -> dict[int, tuple[str, int]]:
    found: dict[int, tuple[str, int]] = {}
    for name, bindings in ports.items():
        usable = [one for one in bindings or () if one.port.isdecimal() and ":" not in one.ip]
        if usable and _is_tcp(name):
            found[_port(name)] = (usable[0].ip, int(usable[0].port))
    return found


def far_host() -> str | None:
    """The host of an engine that runs elsewhere (DOCKER_HOST), None for one on this machine."""
    parts = urlsplit(os.environ.get("DOCKER_HOST", ""))
    return parts.hostname if parts.scheme in ("tcp", "ssh", "http", "https") else None
