"""Starting a component natively: what a kind plans, and the keeper carries out.

The keeper calls, in this order: `allocate` (ports and passwords, before anything starts, so that
references can be resolved), `plan` (write data folder and configuration), then it starts the
processes and waits for `Plan.ready`, then `after_start` (create users, databases...), after which
the component is ready.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from seatrial.declaration.models import ComponentConfig
from seatrial.kinds.base import Endpoint, Target
from seatrial.waiting import Deadline

#: Reserves a free loopback port and returns it. The reservation is a bound socket that does not
#: listen, with SO_REUSEADDR, so the server (which sets it too) can bind while nobody else is given
#: the port.
Ports = Callable[[], int]


class Ready(StrEnum):
    """How it is known that a started process can be used."""

    NOTIFY = "notify"  # it sends READY=1 to NOTIFY_SOCKET
    PROBE = "probe"  # the kind's probe says healthy; polled with back-off
    EXIT = "exit"  # it ends with exit code 0
    STARTED = "started"  # it runs on for a moment; nothing more can be known


@dataclass(frozen=True)
class Process:
    """One process to start; `env` is all of its environment but for the keeper's marker."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    user: str | None = None  # run as this user (only asked for when Seatrial runs as root)
    stop_signal: signal.Signals = signal.SIGTERM
    grace: float = 10.0  # seconds from the stop signal to SIGKILL
    discard_signal: signal.Signals = signal.SIGTERM  # when its data will not be needed again


@dataclass(frozen=True)
class Plan:
    process: Process
    ready: Ready
    helpers: tuple[Process, ...] = ()  # started before it, and ended after it
    spare: Process | None = None  # lays up for the next start what only time idle is worth


@dataclass(frozen=True)
class Site:
    """Where one replica of a component is to be started."""

    component: str
    replica: int  # 0-based
    config: ComponentConfig
    endpoints: Mapping[str, Endpoint]  # this replica's, as `allocate` returned them
    folder: Path  # private data folder, made by the keeper, empty at first, kept over restarts
    sockets: Path  # a short private path for Unix sockets
    cache: Path  # shared between deployments: templates, keyed by version and configuration
    system_folder: Path
    ports: Ports
    argv: tuple[str, ...] = ()  # of a program: its command with references resolved
    env: Mapping[str, str] = field(default_factory=dict)  # of a program: likewise
    python: str = "python3"  # the system's interpreter, for a command that begins with "python"


class Launch(Protocol):
    def allocate(self, config: ComponentConfig, ports: Ports) -> Mapping[str, Endpoint]:
        """Endpoints of one replica; generated passwords have 24 characters or more."""
        ...

    async def plan(self, site: Site) -> Plan:
        """Make the data folder and configuration. Raises ServerMissing or DeploymentError."""
        ...

    async def after_start(self, target: Target, site: Site, deadline: Deadline) -> None: ...
