"""What a kind knows of the containers it runs in: how its image is recognised, and where in the
container it is reached and as whom.

`Service` is one service of a compose file, as far as kinds need it; the room `compose` reads it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from seatrial.declaration.models import ComponentConfig
from seatrial.kinds.base import Endpoint, Target
from seatrial.waiting import Deadline

_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::?[-=]([^}]*))?\})")
_LONGEST_SECRET = 4_096  # characters of a file


@dataclass(frozen=True)
class Port:
    """A port of the container; `published` is the host's, 0 for any, None where it is not."""

    target: int
    published: int | None = None
    host: str = ""  # address of the host that it is bound to


@dataclass(frozen=True)
class Mount:
    source: str  # a path of the host, or the name of a volume
    target: str
    bind: bool
    read_only: bool = False


@dataclass(frozen=True)
class Written:
    """Where a variable of a service is set, and of which others its value is made."""

    file: Path
    made_with: tuple[str, ...] = ()


@dataclass(frozen=True)
class Service:
    """A service of a compose file, variables filled in."""

    name: str
    image: str = ""  # "" where it is only built
    built: bool = False
    base: str = ""  # what it is built from, where it runs the program of that
    context: Path | None = None  # the folder that it is built from
    dockerfile: str = "Dockerfile"  # in it
    command: str = field(default="", repr=False)  # entry point and command, joined by spaces
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    env_files: Mapping[str, str] = field(default_factory=dict)  # variable -> the one that sets it
    written: Mapping[str, Written] = field(default_factory=dict)  # likewise, of those set beside
    labels: Mapping[str, str] = field(default_factory=dict, repr=False)
    arguments: Mapping[str, str] = field(default_factory=dict, repr=False)  # of its build
    ports: tuple[Port, ...] = ()  # published ones first, then those that are only exposed
    health_check: str = field(default="", repr=False)  # the command that asks, joined by spaces
    health_patience: float = 0.0  # s that it waits for an answer; 0 where the file does not say
    commands: tuple[tuple[str, ...], ...] = field(default=(), repr=False)  # both, in words
    mounts: tuple[Mount, ...] = ()
    built_in: tuple[Mount, ...] = ()  # what its image has of the folder that it is built from
    needs: Mapping[str, str] = field(default_factory=dict)  # service -> the condition it waits for
    awaited_end: bool = False  # another service waits until this one has ended well
    ended_well: bool = False  # its container has ended with code 0, while the project runs
    lasts: bool = False  # its container has run for long, as most that is to end does not
    restart: str = ""
    replicas: int = 1
    profiles: tuple[str, ...] = ()
    container_name: str = ""
    aliases: tuple[str, ...] = ()  # other names by which it is reached
    network_mode: str = ""
    networks: frozenset[str] = frozenset()  # as the file calls them; none where it has none
    joined: frozenset[str] = frozenset()  # those of its container that runs, as the engine does
    hosts: frozenset[str] = frozenset()  # names that have the addresses that it is told
    knows_others: bool = False  # it may know hosts that are no services of the project
    secrets: Mapping[str, Path] = field(default_factory=dict)  # /run/secrets/NAME -> its file
    configs: bool = False  # it has some
    heard: frozenset[int] = frozenset()  # ports at which its container listens for others

    @property
    def image_name(self) -> str:
        """The last part of the image's name, without registry, tag and digest: "postgres"."""
        return re.split(r"[:@]", self._last_part)[0]

    @property
    def made_of(self) -> str:
        """In words."""
        return f"built from {self.base}" if self.base else f"image {self.image}"

    @property
    def names(self) -> frozenset[str]:
        """By which other services reach it."""
        return frozenset((self.name, self.container_name, *self.aliases)) - {""}

    def only_calls(self, clients: re.Pattern[str], server: re.Pattern[str]) -> bool:
        """Whether it is a client of a server elsewhere, made of that server's image."""
        called = clients.search(self.command) is not None
        return called and server.search(self.command) is None

    @property
    def left_out(self) -> str:
        """Why it does not run where nobody asks for it; "" where it does."""
        if self.profiles:
            return f"only with profile {' or '.join(self.profiles)}"
        return "" if self.replicas else "its replicas are 0"

    @property
    def tag(self) -> str:
        return self._last_part.partition("@")[0].partition(":")[2]

    @property
    def _last_part(self) -> str:
        return (self.base or self.image).rpartition("/")[2].lower()

    def value(self, *names: str) -> str | None:
        """The first of these variables that is set, or is in the file that NAME_FILE names."""
        for name in names:
            if self.environment.get(name):
                return self.environment[name]
            path = self.environment.get(f"{name}_FILE", "")
            file = self.secrets.get(path) or self.mounted(path)
            if file is not None and (content := content_of(file)) is not None:
                return content
        return None

    def mounted(self, path: str) -> Path | None:
        """The host's file that is mounted at a path of the container, itself or its folder."""
        for mount in self.mounts:
            if mount.bind and (path == mount.target or path.startswith(f"{mount.target}/")):
                return Path(mount.source + path.removeprefix(mount.target))
        return None

    def usual(self, port: int) -> int:
        """Where a server with one port listens of which nothing says that: at the usual one, or at
        the single other one at which its container does, as settings within its image make it."""
        published = {one.target for one in self.ports if one.published is not None}
        known = port in self.heard or port in published or len(self.heard) != 1
        return port if known else next(iter(self.heard))

    def filled(self, text: str) -> str | None:
        """What a shell in its container makes of it, where it is a variable."""
        variable = _VARIABLE.fullmatch(text)
        if variable is None:
            return text
        return self.value(variable[1] or variable[2]) or variable[3]


def port_of(text: str) -> int | None:
    """None for what is no port; texts come from files of others, and may be of any length."""
    number = int(text) if re.fullmatch(r"\d{1,5}", text, re.ASCII) else 0
    return number if 0 < number < 65_536 else None


def says_something(value: str | None) -> bool:
    """Not so where frameworks have such a variable always, and a word in it for none: Laravel's
    REDIS_PASSWORD=null."""
    return (value or "null").lower() not in ("null", "(null)", "none", "nil")


def content_of(file: Path, longest: int = _LONGEST_SECRET) -> str | None:
    """Of a file, a secret say, the first characters; None where it cannot be read, or is none: a
    pipe would be waited for."""
    try:
        if not file.is_file():
            return None
        with file.open(encoding="utf-8", errors="replace") as stream:
            return stream.read(longest).rstrip("\r\n")
    except OSError:
        return None


@dataclass(frozen=True)
class Guess:
    """What a service probably is: settings for seatrial.yaml, and what nobody could know."""

    because: str  # "image postgres:15"
    strength: int  # the strongest guess wins
    settings: Mapping[str, str | bool] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    may_consume: bool = False  # queues, where there is a broker
    example: str = ""  # of what may be expected of it, as YAML


#: Strengths: of a server that is known by its image, of what its settings tell, of what is left.
BY_IMAGE, BY_SETTINGS, BY_ELIMINATION = 30, 20, 10


class InContainers:
    """What a kind overrides of this, it knows; the rest is that of a kind which knows nothing."""

    #: What of a compose file `endpoints` is made of, as it is told.
    told_by: str = "ports"

    def recognise(self, service: Service) -> Guess | None:
        return None

    def endpoints(
        self, service: Service, config: ComponentConfig, mentioned: Sequence[Endpoint]
    ) -> Mapping[str, Endpoint]:
        """Where it listens in its container, by name: host is the service's name.

        `mentioned` are the URLs of this kind's schemes in the environment of other services that
        lead to this one: what the system itself uses.
        """
        return {}

    def asks_otherwise(self, service: Service) -> bool:
        """Whether its own health check asks in a way that Seatrial does not."""
        return False

    def health_asked(self, service: Service) -> str:
        """The path that its own health check asks; "" for none."""
        return ""

    def answers_by_names(self, service: Service) -> bool:
        """Whether it may know names of its own, and answer nobody who asks for another one."""
        return False

    def as_asked(self, service: Service, config: ComponentConfig) -> ComponentConfig:
        """The settings that count where it is reached there."""
        return config

    async def meet(self, service: Service, target: Target, deadline: Deadline) -> Guess | None:
        """A guess after a look at a service that runs, and of which nothing told what it is."""
        return None

    async def settle(self, guess: Guess, target: Target, deadline: Deadline) -> Guess | None:
        """The guess after a look at the service while it runs; None where it proved wrong."""
        return guess


def login_of(mentioned: Sequence[Endpoint]) -> tuple[str | None, str | None]:
    """User and password of the first URL that has both."""
    for one in mentioned:
        if one.user and one.password:
            return one.user, one.password
    return None, None
