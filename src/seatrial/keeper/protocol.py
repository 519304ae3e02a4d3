"""What a keeper and its clients say to each other: one JSON object a line, a reply per request.

    status                    all components
    events  since, wait       state changes after `since`; waits up to `wait` seconds for one, or,
                              with `settling`, for the deployment to be ready or to have failed
    act     action, ...       start, stop, kill, pause, resume, restart; `hold`: undone when this
                              connection ends, and marked as a fault on the time line
    alter   component, ...    restart it with another environment or command; undone likewise
    restore component         restart it as it was declared
    impose  key, edges, ...   a network fault, which ends when this connection does
    mend    key               end it before
    lock    mode, wait        the deployment's lock, shared or exclusive, held by this connection
    unlock                    both with `since` answer with the events after it: one round trip
    logs    component, lines
    use     component, replica  what its processes use
    keep    idle_seconds      the deployment lives on without this connection
    down                      end the deployment

A connection is a lease: while one is open the deployment lives; with the last one gone, and no
`keep`, it ends.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, model_validator

from seatrial.keeper.network.impairment import Impairment, NetworkEdge
from seatrial.kinds.base import Address, Astray, Endpoint, Words
from seatrial.outcome import Cause, State

PROTOCOL = 4  # another one when an older client or keeper would understand something else
LONGEST_LINE = 8 * 1024 * 1024  # bytes
LONGEST_LOG = 1_300_000  # bytes of a log in one reply: JSON makes up to six of each


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int = 0  # of the request on its connection; its reply bears it, too


class _Answer(BaseModel):
    """What a later keeper says beyond this is ignored; see `PROTOCOL`."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Action(StrEnum):
    START = "start"
    STOP = "stop"
    KILL = "kill"
    PAUSE = "pause"
    RESUME = "resume"
    RESTART = "restart"
    DISCONNECT = "disconnect"  # from its networks
    CONNECT = "connect"


#: What undoes an action that was held.
UNDO = {
    Action.STOP: Action.START,
    Action.KILL: Action.START,
    Action.PAUSE: Action.RESUME,
    Action.DISCONNECT: Action.CONNECT,
}


class Status(_Message):
    op: Literal["status"] = "status"


class Events(_Message):
    op: Literal["events"] = "events"
    since: int = 0
    wait: float = Field(0.0, ge=0, le=60)
    settling: bool = False


class Act(_Message):
    op: Literal["act"] = "act"
    action: Action
    component: str
    replica: int | None = Field(None, ge=0)
    hold: bool = False

    @model_validator(mode="after")
    def _can_be_held(self) -> Act:
        if self.hold and self.action not in UNDO:
            raise ValueError(f"{self.action} cannot be held: nothing undoes it")
        return self


class Alter(_Message):
    """Strings may hold references, which are filled in as this component sees the others."""

    op: Literal["alter"] = "alter"
    component: str
    replica: int | None = Field(None, ge=0)
    env: dict[str, str] = {}  # variables that are set
    unset: tuple[str, ...] = ()
    run: tuple[str, ...] | None = None  # None: its own command
    config: dict[str, JsonValue] = {}  # other values of its keys in the declaration
    patience: float = Field(3.0, gt=0, le=60)  # s in which it may become ready


class Restore(_Message):
    op: Literal["restore"] = "restore"
    component: str
    replica: int | None = Field(None, ge=0)


class Impose(_Message):
    op: Literal["impose"] = "impose"
    key: str = Field(min_length=1, max_length=64)  # of the client's making: it need not wait for it
    edges: tuple[NetworkEdge, ...] = Field(min_length=1)
    impairment: Impairment
    note: str = Field("", max_length=300)  # what it is, for people


class Mend(_Message):
    op: Literal["mend"] = "mend"
    key: str


class Lock(_Message):
    op: Literal["lock"] = "lock"
    mode: Literal["shared", "exclusive"]
    wait: float = Field(60.0, ge=0, le=3600)
    since: int | None = None  # answer with the state changes after this one


class Unlock(_Message):
    op: Literal["unlock"] = "unlock"
    since: int | None = None  # likewise, up to the moment of unlocking


class Logs(_Message):
    op: Literal["logs"] = "logs"
    component: str
    lines: int = Field(200, ge=1, le=100_000)


class Use(_Message):
    op: Literal["use"] = "use"
    component: str
    replica: int | None = Field(None, ge=0)


class Keep(_Message):
    op: Literal["keep"] = "keep"
    idle_seconds: float = Field(gt=0)


class Down(_Message):
    op: Literal["down"] = "down"


Request = Annotated[
    Status
    | Events
    | Act
    | Alter
    | Restore
    | Impose
    | Mend
    | Lock
    | Unlock
    | Logs
    | Use
    | Keep
    | Down,
    Field(discriminator="op"),
]
REQUEST: TypeAdapter[Request] = TypeAdapter(Request)


class Failure(_Answer):
    """Why the deployment did not come up, or an action did not take effect."""

    component: str | None
    cause: Cause | None
    expected: str
    found: str
    fix: str
    log: tuple[str, ...] = ()


class ComponentStatus(_Answer):
    name: str
    kind: str
    state: State
    detail: str = ""
    replicas: tuple[State, ...] = ()
    causes: tuple[Cause | None, ...] = ()  # of each replica that failed
    cause: Cause | None = None  # of a whole that is not up, where it is known
    by_fault: bool = False
    endpoints: dict[str, tuple[Endpoint, ...]] = {}
    provider: Words = Words()
    addresses: tuple[Address, ...] = ()
    astray: tuple[Astray, ...] = ()
    started_in_ms: float | None = None
    pids: tuple[int | None, ...] = ()


class DeploymentStatus(_Answer):
    id: str
    protocol: int = PROTOCOL
    environment: str
    digest: str
    ready: bool
    failure: Failure | None
    components: dict[str, ComponentStatus]
    secrets: tuple[str, ...] = ()  # of the declaration that runs; a client's may be another by now
    capabilities: tuple[str, ...]
    edges: tuple[NetworkEdge, ...] = ()  # where a network fault can be put on
    network_faults: tuple[str, ...] = ()  # that are on
    apart: tuple[str, ...] = ()  # what is not as the user's own project has it, one a line
    kept: bool  # it lives on without clients
    last_event: int


class Event(_Answer):
    seq: int
    at: datetime
    component: str
    replica: int | None
    state: State
    detail: str
    by_fault: bool
    cause: Cause | None = None


class EventList(_Answer):
    events: tuple[Event, ...]


class LogLines(_Answer):
    lines: tuple[str, ...]


class Usage(_Answer):
    """What the processes of a component, or of one of its replicas, use at a moment."""

    cpu_s: float  # processor seconds since they were started; of one that has ended none
    memory_bytes: int  # resident; what several have in common is counted once
    processes: int  # that live


class Reply(_Answer):
    """`error` is None when the request was carried out; otherwise `hint` says what to do."""

    number: int | None = None  # the request's; None where that could not be read
    over: bool = False  # the answer to nothing: somebody has asked for the end of the deployment
    error: str | None = None
    hint: str | None = None
    exit_code: int | None = None  # where it cannot be started: of the command that asked for it
    status: DeploymentStatus | None = None
    events: EventList | None = None
    logs: LogLines | None = None
    usage: Usage | None = None
    failure: Failure | None = None
