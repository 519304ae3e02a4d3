"""What a kind is: a name and its facets.

A kind is a folder here whose `__init__` defines `KIND: Kind`. Facets that need third-party clients
live in modules of their own and are imported on first use, so that reading a declaration stays
quick. Only `config` and `probe` are required; what else there is, the rooms that can use it take:

    config   the keys it accepts in `components`, and its endpoints    declaration
    expect   the keys it accepts in `expect`, and how they are checked checks
    probe    is it there, and if not, which cause                      checks, keeper
    launch   how to start it natively                                  keeper
    client   what a trial talks to it with                             plugin
    meters   what only the server knows of its load                    keeper
    clean_up how what trials created is found again and removed        plugin
    drills   ways to break it, each with what must be said about it    drills
    server   which program on this machine would be started            provision
    containers  how its image is recognised, and where it listens in it   compose
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from seatrial.declaration.models import CleanUp, ComponentConfig, Model
from seatrial.kinds.endpoint import Endpoint as Endpoint
from seatrial.kinds.printable import make_printable
from seatrial.outcome import Cause, Connection, Health, Outcome, Priority, State
from seatrial.waiting import Deadline

if TYPE_CHECKING:
    from seatrial.kinds.containers import InContainers
    from seatrial.kinds.drill import Drills
    from seatrial.kinds.launching import Launch


@dataclass(frozen=True)
class Image:
    """What a container was made of."""

    reference: str  # that it was made from: "postgres:15"
    id: str  # "sha256:...", of this engine


@dataclass(frozen=True)
class OwnCheck:
    """The health check that a component brings along: what it says, and how it asks."""

    well: str = ""  # "its own health check says healthy"; "" where it says anything else
    ailing: str = ""  # "its container ... runs, but its health check says ..."
    path: str = ""  # that it asks
    patience: float = 0.0  # s that it waits, where that is known
    aside: bool = False  # it asks otherwise than we can, with headers say
    alone: bool = False  # nobody else reaches what it asks there, nor is meant to


@dataclass(frozen=True)
class Listening:
    """Where a component listens, as the kernel that runs it knows."""

    unheard: str = ""  # "in its container nothing listens at 8000, but at ..."
    fix: str = ""  # what is to be done about that, where it is certain
    heard: bool = False  # it is known to listen there, for others
    unpublished: str = ""  # `unheard` of the ports that it publishes, where another one is asked


@dataclass(frozen=True)
class Commands:
    """Of whoever runs a component, where that is not Seatrial itself; or what to do, in words."""

    start: str = ""  # it runs again
    logs: str = ""  # shows its log
    status: str = ""  # shows its state
    inside: str = ""  # before another one: that runs where the component does


@dataclass(frozen=True)
class Words:
    """What whoever runs a component says of it, where that is not Seatrial itself."""

    found: str = ""  # "its container has exited with code 1"
    commands: Commands = Commands()
    lacks: str = ""  # though it runs: "there is 1 container ..., and compose.yaml says 2"
    ended: str = ""  # "its container ... has exited with code 0", where that may be right
    lasts: str = ""  # "it still runs, 75 s after ...", where a task may be none
    killed: bool = False  # it was, from outside
    remedy: str = ""  # what keeps it from ending again, where more than its log tells that
    own_check: OwnCheck = OwnCheck()
    listening: Listening = Listening()
    by_names: bool = False  # it may hang up on whoever does not ask for names of its own
    setting: str = ""  # what says where it is reached, and as whom; "" where Seatrial allots it
    images: tuple[Image, ...] = ()  # of its containers, each once

    @property
    def in_containers(self) -> bool:
        return bool(self.images)


@dataclass(frozen=True)
class Address:
    """How a component of the system is told to reach another one, a server."""

    of: str  # the component that is told so; "" for the server's own settings
    where: str  # "DATABASE_URL of the service web of compose.yaml"
    endpoint: Endpoint  # as this machine reaches it
    spare: bool = False  # by its name it is of something else, which may not be used


@dataclass(frozen=True)
class Astray:
    """A setting of a component that leads nowhere, as whoever runs it can tell."""

    where: str  # "DATABASE_URL of the service web of compose.yaml"
    cause: Cause
    found: str
    fix: str
    spare: bool = False  # its name says that it may not be used: DATABASE_REPLICA_URL


@dataclass(frozen=True)
class Target:
    """A component where it can be reached: what probes, clients and checks are given.

    `endpoints` maps the endpoint's name to one `Endpoint` a replica (at least one).
    `states` are the states of the replicas as their keeper knows them, () where none watches.
    """

    name: str
    kind: str
    config: ComponentConfig
    endpoints: Mapping[str, tuple[Endpoint, ...]]
    states: tuple[State, ...] = ()
    provider: Words = Words()
    causes: tuple[Cause | None, ...] = ()  # of replicas that failed: why, as their keeper saw it
    addresses: tuple[Address, ...] = ()  # of others, where what they are told can be seen
    astray: tuple[Astray, ...] = ()  # of what it is told itself
    secrets: tuple[str, ...] = field(default=(), repr=False)  # that it runs with, to be masked
    as_told: bool = False  # tried with a login that another one is told, and nothing besides

    @property
    def start(self) -> str:
        """The command that starts it again."""
        return self.provider.commands.start or f"seatrial restart {self.name}"

    @property
    def logs(self) -> str:
        """The command that shows its log."""
        return self.provider.commands.logs or f"seatrial logs {self.name}"

    @property
    def status(self) -> str:
        """The command that shows its state."""
        return self.provider.commands.status or "seatrial status"

    def endpoint(self, name: str | None = None) -> Endpoint:
        """The first replica's endpoint; without a name, the kind's default one."""
        return self.endpoints[name or next(iter(self.endpoints))][0]


@dataclass(frozen=True)
class ProbeResult:
    """What one look at a component showed. On anything but healthy: cause, expected, found, fix.

    Healthy with a cause is a warning: it can be used, but something about it (slow, degraded)
    deserves a finding at p2.
    """

    health: Health
    connection: Connection
    response_time_ms: float
    cause: Cause | None = None
    expected: str = ""
    found: str = ""
    fix: str = ""
    version: str | None = None
    #: Parts that it complains of, in its own words ("database_status"), whatever they stand for.
    complaints: tuple[str, ...] = ()
    #: Why it is no part of health in this environment (a task on a remote, say); health is unknown.
    skipped: str = ""
    own: bool = False  # it follows from no other component's fault, whatever its cause

    def __post_init__(self) -> None:
        make_printable(self, "expected", "found", "fix", "version")


class Probe(Protocol):
    """Look at a component once, read-only; never raises, never outlives the deadline."""

    async def __call__(
        self, target: Target, context: Context, deadline: Deadline
    ) -> ProbeResult: ...


@dataclass(frozen=True)
class Context:
    """What a probe or an expectation may know of the rest of the deployment."""

    system_folder: Path
    targets: Mapping[str, Target]
    cache: Path  # where what is slow to make may be kept between runs, by digest
    python: str = "python3"  # the system's interpreter

    async def consumers(self, component: str, queue: str, deadline: Deadline) -> int:
        """How many consumers a queue of that component has, counted exactly."""
        target = self.targets[component]
        kind = load(target.kind)
        if kind.consumers is None:
            raise ValueError(f"a {target.kind} has no queues")
        return await kind.consumers(target, queue, deadline)


@dataclass(frozen=True)
class CheckResult:
    """One expectation held against one observation."""

    id: str  # stable: "rabbitmq.queue.orders.durable"
    component: str
    title: str
    priority: Priority
    outcome: Outcome  # passed, failed, not_measured or skipped
    cause: Cause | None = None
    expected: str = ""
    found: str = ""
    fix: str = ""
    subject: str = ""  # what of the component it is about, by its own name: the queue, say
    within: str = ""  # the id of the result without which this cannot be looked at, or cannot pass
    own: bool = False  # a mistake of its component's own, which may be why that is down

    def __post_init__(self) -> None:
        make_printable(self, "expected", "found", "fix")


class Expectations(Protocol):
    """Check all expectations of one component, read-only.

    `expect` is an instance of the kind's expectation model, or None where nothing is declared (a
    kind may still check what holds for any deployment). What cannot be looked at before the
    deadline is `not_measured`, never left out.
    """

    async def __call__(
        self, target: Target, expect: Model | None, context: Context, deadline: Deadline
    ) -> Sequence[CheckResult]: ...


class CleanUpFacet(Protocol):
    """Find and remove what trials created, by the keys that the ledger wrote down."""

    def left(self, target: Target, how: CleanUp, keys: Sequence[str]) -> int:
        """How many things with these keys are still there."""
        ...

    def remove(self, target: Target, how: CleanUp, keys: Sequence[str]) -> None: ...


@dataclass(frozen=True)
class Installed:
    """The server program that a native start would use."""

    program: str  # its path
    version: str | None  # None where it does not say
    runs_as: str | None = None  # the user it is switched to when Seatrial runs as root


class FindServer(Protocol):
    """Find the server for a component, or for any with None. Raises ServerMissing."""

    def __call__(self, config: ComponentConfig | None, /) -> Installed: ...


#: A component's own figures, by name.
ReadMeters = Callable[[Target, Deadline], Awaitable[Mapping[str, float]]]
#: How many consume the queue of this name.
CountConsumers = Callable[[Target, str, Deadline], Awaitable[int]]
#: A facet written as "module:attribute", imported on first use.
Lazy = str


@dataclass(frozen=True)
class Kind:
    name: str
    summary: str
    config: type[ComponentConfig]
    endpoints: tuple[str, ...]  # names, the default one first; () for a kind without a port
    probe_at: Lazy
    expect: type[Model] | None = None
    schemes: Mapping[str, int] = field(default_factory=dict)  # URL scheme -> default port
    expectations_at: Lazy = ""
    launch_at: Lazy = ""
    client_at: Lazy = ""
    meters_at: Lazy = ""
    clean_up: type[CleanUp] | None = None  # the model of its `clean_up` in a declaration
    clean_up_at: Lazy = ""
    consumers_at: Lazy = ""
    drills_at: Lazy = ""
    server_at: Lazy = ""  # with `packages`: is it installed?
    containers_at: Lazy = ""
    packages: tuple[str, ...] = ()  # Debian packages that carry its server
    #: What other programs call such a component in a health answer: "database", "db", "queue"...
    also_called: tuple[str, ...] = ()
    place: str = ""  # what the path of its URL names, and its configuration too: "database"
    default_place: str = ""  # that of a URL without a path, where it is always the same
    logs_in: bool = False  # where it is started natively, nobody comes in without a login
    #: What is wrong with others where such a component does not run: it declares queues, say.
    provides: frozenset[Cause] = frozenset()

    def read(self, url: str, *, user: str | None = None, password: str | None = None) -> Endpoint:
        """The endpoint that a URL names; see `Endpoint.parse`. Raises ValueError likewise."""
        endpoint = Endpoint.parse(url, user=user, password=password)
        if endpoint.scheme not in self.schemes or not endpoint.host:
            known = " or ".join(f"{scheme}://" for scheme in self.schemes)
            raise ValueError(f"such a URL begins with {known}, and names a host")
        return replace(endpoint, port=endpoint.port or self.schemes[endpoint.scheme])

    @property
    def has_queues(self) -> bool:
        return bool(self.consumers_at)

    @property
    def probe(self) -> Probe:
        return cast(Probe, _load(self.probe_at))

    @property
    def expectations(self) -> Expectations | None:
        return cast(Expectations, _load(self.expectations_at)) if self.expectations_at else None

    @property
    def launch(self) -> Launch | None:
        return cast("Launch", _load(self.launch_at)) if self.launch_at else None

    @property
    def client(self) -> Callable[[Target], object] | None:
        """Makes the typed client for trials: sync, with its async twin at `.aio`."""
        return cast("Callable[[Target], object]", _load(self.client_at)) if self.client_at else None

    @property
    def meters(self) -> ReadMeters | None:
        return cast("ReadMeters", _load(self.meters_at)) if self.meters_at else None

    @property
    def cleaner(self) -> CleanUpFacet | None:
        return cast(CleanUpFacet, _load(self.clean_up_at)) if self.clean_up_at else None

    @property
    def consumers(self) -> CountConsumers | None:
        return cast("CountConsumers", _load(self.consumers_at)) if self.consumers_at else None

    @property
    def drills(self) -> Drills | None:
        return cast("Drills", _load(self.drills_at)) if self.drills_at else None

    @property
    def containers(self) -> InContainers | None:
        return cast("InContainers", _load(self.containers_at)) if self.containers_at else None

    @property
    def server(self) -> FindServer | None:
        return cast(FindServer, _load(self.server_at)) if self.server_at else None


def _load(reference: Lazy) -> object:
    module, _, attribute = reference.partition(":")
    return getattr(import_module(module), attribute)


def load(name: str) -> Kind:
    """The kind with this name; KeyError if there is none."""
    from seatrial.kinds.registry import KINDS

    return KINDS[name]
