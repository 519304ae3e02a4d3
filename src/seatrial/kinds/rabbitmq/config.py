"""What may be declared of a RabbitMQ component, and what may be expected of it."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from seatrial.declaration.models import CleanUp, ComponentConfig, ComponentName, Model
from seatrial.kinds.versions import Requirement
from seatrial.outcome import Priority

_COUNT = re.compile(r"\s*(>=|<=|==|!=|>|<)?\s*(\d+)\s*")
_OPERATORS: dict[str, Callable[[int, int], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
    "!=": operator.ne,
}

#: Values of queue arguments that can be compared; tables and lists are not expected of anything.
Argument = bool | int | float | str


def _checked_count(text: str) -> str:
    if _COUNT.fullmatch(text) is None:
        raise ValueError(f'{text!r} is no number of consumers; write ">=1", or "2"')
    return text.strip()


def _text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


#: A comparison with a count: ">=1", "<5", or "2" (exactly two).
Count = Annotated[str, BeforeValidator(_text), AfterValidator(_checked_count)]


def satisfies_count(found: int, wanted: Count) -> bool:
    match = _COUNT.fullmatch(wanted)
    assert match is not None
    return _OPERATORS[match[1] or "=="](found, int(match[2]))


def _option(line: str) -> str:
    key, equals, _ = line.partition("=")
    if "\n" in line or not equals or not re.fullmatch(r"[\w.$-]+", key.strip()):
        raise ValueError(f"{line!r} is no line of rabbitmq.conf; write `key = value`")
    return line.strip()


def _name(text: str) -> str:
    if not text or len(text.encode()) > 255 or "\0" in text:
        raise ValueError("a name has 1 to 255 bytes, none of them zero")
    return text


_Option = Annotated[str, AfterValidator(_option)]
_Name = Annotated[str, AfterValidator(_name)]
_Plugin = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class RabbitmqConfig(ComponentConfig):
    """A RabbitMQ broker and the virtual host in it that the system uses."""

    version: Requirement | None = Field(
        None, description='versions that will do, such as ">=3.10" or ">=3.10, <5"'
    )
    user: _Name = Field("app", description="who uses the virtual host (made by a native start)")
    vhost: _Name = Field("/", description="the virtual host (made by a native start)")
    port: int | None = Field(
        None, ge=1, le=65535, description="a fixed AMQP port for a native start; else a free one"
    )
    management_port: int | None = Field(
        None, ge=1, le=65535, description="likewise for the management API"
    )
    definitions: str | None = Field(
        None,
        description="a file of definitions (as the broker exports them) to load at a native start, "
        "relative to the system's folder",
    )
    plugins: tuple[_Plugin, ...] = Field(
        (), description="plugins that a native start enables beside rabbitmq_management"
    )
    options: tuple[_Option, ...] = Field(
        (), description="lines of rabbitmq.conf for a native start"
    )
    start_timeout: float = Field(60.0, gt=0, le=3600, description="seconds until it must be ready")

    @field_validator("user")
    @classmethod
    def _without_a_colon(cls, user: str) -> str:
        if ":" in user:
            raise ValueError('no ":" may be in it: it could not log in at the management API')
        return user

    @model_validator(mode="after")
    def _ports_differ(self) -> Self:
        if self.port is not None and self.port == self.management_port:
            raise ValueError(f"port and management_port are both {self.port}")
        return self


class BindingExpect(Model):
    """A queue is bound to this exchange with this routing key."""

    exchange: _Name
    routing_key: str = ""


class QueueExpect(Model):
    """A queue exists and is like this; what is left out may be anything."""

    durable: bool | None = None
    auto_delete: bool | None = None
    exclusive: bool | None = None
    type: Literal["classic", "quorum", "stream"] | None = None
    consumers: Count | None = Field(None, description='how many consume it: ">=1", or "2"')
    consumer: ComponentName | None = Field(
        None,
        description="the component that should consume it, named when nobody does; "
        "default: the one that says that it `consumes` it",
    )
    dead_letter: bool = Field(
        False, description="rejected messages reach a durable queue (its dead-letter exchange)"
    )
    arguments: Mapping[str, Argument] = Field(
        {}, description="effective arguments, set by the queue or by a policy: x-max-priority: 10"
    )
    lossless: bool = Field(
        True, description="no length limit, expiry or time-to-live may drop messages unnoticed"
    )
    bound_to: tuple[BindingExpect, ...] = ()
    priority: Priority = Priority.P1


class ExchangeExpect(Model):
    """An exchange exists and is like this; what is left out may be anything."""

    type: str | None = None
    durable: bool | None = None
    routes: tuple[str, ...] = Field((), description="routing keys that must reach a queue")
    priority: Priority = Priority.P1


class PermissionsExpect(Model):
    """A user's patterns in the virtual host match these names of queues and exchanges."""

    configure: tuple[str, ...] = Field((), description="what it may declare and delete")
    write: tuple[str, ...] = Field((), description="where it may publish; amq.default for queues")
    read: tuple[str, ...] = Field((), description="what it may consume, or bind to")
    priority: Priority = Priority.P1

    @property
    def by_permission(self) -> Mapping[str, tuple[str, ...]]:
        return {"configure": self.configure, "write": self.write, "read": self.read}

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if not any(self.by_permission.values()):
            raise ValueError("nothing is expected: name what it may configure, write or read")
        return self


class RabbitmqCleanUp(CleanUp):
    """Messages are a trial's own by their correlation id, message id or header `x-seatrial`."""

    queues: tuple[_Name, ...] = Field(
        min_length=1, description="queues that are searched for messages with the keys"
    )


class RabbitmqExpect(Model):
    """What the virtual host must be like."""

    queues: Mapping[_Name, QueueExpect] = {}
    exchanges: Mapping[_Name, ExchangeExpect] = {}
    permissions: Mapping[_Name, PermissionsExpect] = Field(
        {}, description="by user: what it may do, {configure: [orders], write: [amq.default]}"
    )

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if not (self.queues or self.exchanges or self.permissions):
            raise ValueError("nothing is expected: declare queues, exchanges or permissions")
        return self
