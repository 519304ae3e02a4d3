"""A system that runs in an environment, as checks, trials and the command line see it.

Every deployment in use has a keeper; this is a client of it with the system's models at hand. The
object is a lease: the deployment lives at least until `close`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, TypeVar

from seatrial.compose.images import digests_of
from seatrial.compose.secrets import secrets_of
from seatrial.declaration.interpreter import interpreter
from seatrial.declaration.models import System
from seatrial.environment.capability import LOOKING, Capability, missing, protected
from seatrial.environment.commands import whole, workable
from seatrial.environment.errors import EnvironmentFailedError
from seatrial.environment.others import not_up, project_runs, refuse_what_meets
from seatrial.errors import KeeperError, Refused
from seatrial.evidence.redaction import Redactor, redactor_of
from seatrial.keeper import client as keeper
from seatrial.keeper.log import Log
from seatrial.keeper.network.impairment import Impairment, NetworkEdge
from seatrial.keeper.places import Place, cache
from seatrial.keeper.protocol import (
    LONGEST_LOG,
    Action,
    Alter,
    ComponentStatus,
    DeploymentStatus,
    Event,
    Impose,
    Usage,
)
from seatrial.kinds.base import Context, Target

#: `up` lives until `down`, or so many seconds without a client.
IDLE_SECONDS = 8 * 3600.0

Progress = Callable[[Event], None]
_Detailed = TypeVar("_Detailed", ComponentStatus, Event)


#: Whoever can do the one can undo it.
_NEEDED = {Action.RESUME: Action.PAUSE, Action.CONNECT: Action.DISCONNECT}


class Deployment:
    """The components of `system` where they run, for whoever called Seatrial from `here`."""

    def __init__(
        self,
        system: System,
        client: keeper.KeeperClient,
        *,
        attached: bool,
        name: str = "",
        here: Path | None = None,
    ) -> None:
        self.system = system
        self.attached = attached  # it was there before us, and stays
        self.name = name
        self._here = here
        self._client = client
        client.advice = self.advice
        self._redactor: Redactor | None = None

    def advice(self, text: str) -> str:
        """What is to be done, with its commands such that they mean this deployment."""
        return whole(text, self.system, self.name, self._here)

    # -- looking -----------------------------------------------------------------------------

    @property
    def id(self) -> str:
        return self._client.place.id

    @property
    def place(self) -> Place:
        return self._client.place

    @property
    def protected(self) -> bool:
        return self.system.config.protected

    @property
    def capabilities(self) -> frozenset[Capability]:
        assert self._client.greeting.status is not None
        names = self._client.greeting.status.capabilities
        if self.protected:
            names = tuple(name for name in names if name in LOOKING)
        return frozenset(Capability(name) for name in names)

    @property
    def changes(self) -> tuple[str, ...]:
        """How the declaration differs by now from the one that runs, in lines."""
        return tuple(keeper.changes(self.system, self.place))

    def require(self, capability: Capability) -> None:
        """Raise CapabilityMissing, or Refused on a protected environment, if it cannot."""
        if capability in self.capabilities:
            return
        raise missing(self.system, capability)

    def refuse_to_write(self, what: str) -> None:
        """Raise Refused on a protected environment."""
        if self.protected:
            raise protected(self.system, what)

    @property
    def redactor(self) -> Redactor:
        """What redacts everything that is told of this deployment."""
        if self._redactor is None:
            redactor = redactor_of(self.system)
            redactor.add(self.secrets())
            self._redactor = redactor
        return self._redactor

    def status(self) -> DeploymentStatus:
        """What its keeper knows of it, redacted but for the endpoints."""
        status = self._client.status()
        components = {name: self._told(one) for name, one in status.components.items()}
        return status.model_copy(update={"components": components})

    def statuses(self) -> Mapping[str, ComponentStatus]:
        """The recorded state of every component; nothing is probed."""
        return self.status().components

    @property
    def apart(self) -> tuple[str, ...]:
        """What a compose project of Seatrial's own does not have as the user's has it, in lines."""
        return tuple(map(self.redactor.redact, self.status().apart))

    def _told(self, one: _Detailed) -> _Detailed:
        """With its detail redacted: a program's last words may hold anything."""
        if not one.detail:
            return one
        return one.model_copy(update={"detail": self.redactor.redact(one.detail)})

    def _events(self, events: Iterable[Event]) -> tuple[Event, ...]:
        return tuple(self._told(event) for event in events)

    def targets(self) -> dict[str, Target]:
        """Every component where it is reached from this host, with its recorded states."""
        return {
            name: Target(
                name,
                status.kind,
                self.system.components[name].config,
                status.endpoints,
                status.replicas,
                status.provider,
                status.causes,
                status.addresses,
                status.astray,
            )
            for name, status in self.statuses().items()
        }

    def digests(self) -> Mapping[str, tuple[str, ...]]:
        """By the id of each image that its containers were made of, what registries know it by;
        nothing where the engine does not say."""
        images = (one for status in self.statuses().values() for one in status.provider.images)
        return asyncio.run(digests_of({one.id for one in images if one.id}))

    def context(self) -> Context:
        """What probes and expectations may know of the whole."""
        return Context(self.system.folder, self.targets(), cache(), interpreter(self.system))

    def secrets(self) -> tuple[str, ...]:
        """All passwords of all endpoints, and what the declaration holds, for redaction."""
        status = self._client.status()
        everything = (
            e for s in status.components.values() for es in s.endpoints.values() for e in es
        )
        passwords = (e.password for e in everything if e.password)
        declared = (*self.system.secrets, *secrets_of(self.system), *status.secrets)
        return tuple(dict.fromkeys((*declared, *passwords)))

    def timeline(self, since: int = 0, wait: float = 0.0) -> tuple[Event, ...]:
        """State changes after the one numbered `since`; waits up to `wait` s for the first."""
        return self._events(self._client.events(since, wait))

    def logs(self, component: str, lines: int = 200) -> tuple[str, ...]:
        """The last log lines of a component, not redacted."""
        self.require(Capability.LOGS)
        return self._client.logs(component, lines)

    def usage(self, component: str, replica: int | None = None) -> Usage:
        """What the processes of a component use now: processor time, memory, their number.

        Raises CapabilityMissing.
        """
        self.require(Capability.METERS)
        return self._client.usage(component, replica)

    # -- acting ------------------------------------------------------------------------------

    def act(
        self, action: Action, component: str, replica: int | None = None, *, hold: bool = False
    ) -> None:
        """Do it, and return when it has taken effect; `hold` undoes it when this lease ends.

        Raises CapabilityMissing, Refused, or ActionFailed when the component does not come back.
        """
        self.require(Capability(_NEEDED.get(action, action).value))
        self._client.act(action, component, replica, hold=hold)

    def alter(self, how: Alter) -> None:
        """Restart a program with another environment or command, until `restore` or the end of
        this lease. Returns when it is ready, or has failed, or its patience is over: neither is an
        error. Raises CapabilityMissing or Refused."""
        self.require(Capability.RESTART)
        self._client.alter(how)

    def restore(self, component: str, replica: int | None = None) -> None:
        """Restart a program as it was declared. Raises ActionFailed when it does not come back."""
        self._client.restore(component, replica)

    @property
    def edges(self) -> tuple[NetworkEdge, ...]:
        """Where a network fault can be put on: who reaches which endpoint of whom by a proxy."""
        assert self._client.greeting.status is not None
        return self._client.greeting.status.edges

    def impose(
        self, key: str, edges: Sequence[NetworkEdge], impairment: Impairment, note: str = ""
    ) -> None:
        """Impair the connections of these edges, until `mend(key)` or the end of this lease.

        Raises CapabilityMissing or Refused.
        """
        self.require(Capability.NETWORK)
        self._client.impose(
            Impose(key=key, edges=tuple(edges), impairment=impairment, note=note[:300])
        )

    def mend(self, key: str) -> None:
        """End what was imposed under the key; nothing happens if nothing was."""
        self._client.mend(key)

    @contextmanager
    def locked(self, mode: Literal["shared", "exclusive"], wait: float = 300.0) -> Iterator[None]:
        """Hold the deployment's lock; raises KeeperError when not acquired in `wait` seconds."""
        self.lock(mode, wait)
        try:
            yield
        finally:
            with suppress(KeeperError):
                self.unlock()

    def lock(
        self, mode: Literal["shared", "exclusive"], wait: float = 300.0, since: int | None = None
    ) -> tuple[Event, ...]:
        """Acquire the lock (give up another one first); with `since`, the events after it.

        Raises KeeperError when not acquired in `wait` seconds.
        """
        try:
            return self._events(self._client.lock(mode, wait, since))
        except BaseException:  # Ctrl-C may come when it has been granted, and we do not know yet
            with suppress(KeeperError):
                self._client.unlock()
            raise

    def unlock(self, since: int | None = None) -> tuple[Event, ...]:
        """Give the lock back; with `since`, the events after it."""
        return self._events(self._client.unlock(since))

    # -- its life ----------------------------------------------------------------------------

    def wait_until_ready(self, seen: Progress = lambda event: None) -> None:
        """Return when everything is ready. Raises EnvironmentFailedError at the first failure."""
        failure = self._client.wait_until_ready(lambda event: seen(self._told(event))).failure
        self.redactor.add(self.secrets())  # now that it is seen what runs
        if failure is not None:
            redact = self.redactor.redact
            said = {name: redact(getattr(failure, name)) for name in ("expected", "found")}
            said["fix"] = workable(redact(failure.fix), self.system, self.targets(), self.name)
            log = tuple(self.redactor.redact_lines(failure.log))
            raise EnvironmentFailedError(
                self.system, failure.model_copy(update={**said, "log": log})
            )

    def keep(self, idle_seconds: float = IDLE_SECONDS) -> None:
        """It shall outlive this lease, until `down` or so many seconds without a client."""
        self._client.keep(idle_seconds)

    def down(self) -> None:
        """End the deployment (an observed one: the observing) and wait until nothing is left."""
        self._client.down()

    def close(self) -> None:
        """End this lease; a deployment without `keep` ends with its last one."""
        self._client.close()

    def __enter__(self) -> Deployment:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def attach(system: System, name: str = "", *, changed: bool = False) -> Deployment | None:
    """The deployment that runs already, or None. Raises Refused if declared differently, unless
    it may have `changed`, as for whoever only wants to see what runs."""
    place = Place.of(system.folder, system.environment, name)
    client = keeper.attach(place)
    if client is None:
        return None
    try:
        if not changed:
            keeper.refuse_if_different(system, place)
    except Refused:
        client.close()
        raise
    return Deployment(system, client, attached=True, name=name)


def start(system: System, name: str | None = "") -> Deployment:
    """Start the system; `name=None` makes a private instance that nobody attaches to, or
    attaches to the compose project that somebody else has started.

    Returns before it is ready: see `wait_until_ready`. Raises UsageError for a compose project that
    would meet the user's.
    """
    place = Place.private() if name is None else Place.of(system.folder, system.environment, name)
    observe = name is None and project_runs(system)
    if not observe:
        refuse_what_meets(system)
    client = keeper.start(system, place, observe=observe)
    return Deployment(system, client, attached=observe, name=name or "")


def attach_or_start(system: System, name: str = "") -> Deployment:
    """`attach`, else `start`; of several who do so at once one starts and the others attach."""
    while True:
        if (found := attach(system, name)) is not None:
            return found
        with suppress(keeper.AlreadyRunning):
            return start(system, name)


def join(system: System, place_id: str, name: str = "", here: Path | None = None) -> Deployment:
    """A further lease on a deployment by its id (a pytest process of a run). Raises KeeperError."""
    client = keeper.attach(Place(place_id))
    if client is None:
        hint = whole("start it: seatrial up", system, name, here)
        raise KeeperError(f"the deployment {place_id} is gone", hint=hint)
    return Deployment(system, client, attached=True, name=name, here=here)


def require_running(system: System, name: str = "", *, changed: bool = False) -> Deployment:
    """The deployment that runs already (see `attach`). Raises DeploymentError where there is
    none."""
    deployment = attach(system, name, changed=changed)
    if deployment is None:
        raise not_up(system, name)
    return deployment


def logs_left(system: System, name: str, component: str, lines: int) -> tuple[str, ...] | None:
    """The last log lines of a deployment that did not come up, not redacted; None without any."""
    log = Log.of(Place.of(system.folder, system.environment, name), component)
    return log.tail(lines, most=LONGEST_LOG) if log.file.exists() else None


def end(system: System, name: str = "") -> bool:
    """End what `up` started, whatever it was declared as; False where nothing ran."""
    return keeper.end(Place.of(system.folder, system.environment, name))
