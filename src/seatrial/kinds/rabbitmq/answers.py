"""What the client for trials returns, and what it raises beside Trouble."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pamqp import commands

from seatrial.kinds.rabbitmq.counting import Counts
from seatrial.kinds.rabbitmq.management import Json
from seatrial.kinds.rabbitmq.reading import BindingSeen, QueueSeen
from seatrial.kinds.rabbitmq.wire import Content


class QueueMissing(LookupError):
    """There is no such queue."""


class NotConfirmed(AssertionError):
    """A published message was not taken: it reached no queue, or the broker refused it."""


@dataclass(frozen=True)
class QueueInfo:
    """One queue. Counts of messages and consumers are exact; `publish_count` is sampled by the
    broker (every 1.5 s in a local deployment, every 5 to 10 s elsewhere unless told otherwise)."""

    name: str
    messages_ready: int
    messages_unacknowledged: int
    consumers: int
    durable: bool
    auto_delete: bool
    exclusive: bool
    type: str
    arguments: Mapping[str, object]  # as they take effect, policies included
    policies: tuple[str, ...]  # "policy NAME", "operator policy NAME"
    publish_count: int  # messages put into it since the broker started
    messages_persistent: int  # of those in it; sampled, as `publish_count` is

    @property
    def messages(self) -> int:
        return self.messages_ready + self.messages_unacknowledged


@dataclass(frozen=True)
class Binding:
    exchange: str
    queue: str
    routing_key: str
    arguments: Mapping[str, object]


@dataclass(frozen=True)
class Message:
    body: bytes
    exchange: str
    routing_key: str
    redelivered: bool
    persistent: bool
    correlation_id: str | None = None
    message_id: str | None = None
    content_type: str | None = None
    headers: Mapping[str, object] = field(default_factory=dict)
    timestamp: datetime | None = None

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


def message_of(got: commands.Basic.GetOk, content: Content) -> Message:
    properties = content.properties
    return Message(
        body=content.body,
        exchange=got.exchange or "",
        routing_key=got.routing_key or "",
        redelivered=bool(got.redelivered),
        persistent=properties.delivery_mode == 2,
        correlation_id=properties.correlation_id,
        message_id=properties.message_id,
        content_type=properties.content_type,
        headers=dict(properties.headers or {}),
        timestamp=properties.timestamp,
    )


def binding_of(seen: BindingSeen) -> Binding:
    return Binding(seen.source, seen.destination, seen.key, seen.arguments)


def info_of(seen: QueueSeen, counts: Counts, stats: Json, totals: Json) -> QueueInfo:
    published = stats.get("message_stats")
    count = published.get("publish") if isinstance(published, dict) else 0
    setters = sorted({one.by for one in seen.settings.values()} - {"the queue itself"})
    return QueueInfo(
        name=seen.name,
        messages_ready=counts.ready if counts.ready is not None else _number(stats, "ready"),
        messages_unacknowledged=_number(
            totals if "messages_unacknowledged" in totals else stats, "unacknowledged"
        ),
        consumers=counts.consumers or 0,
        durable=seen.durable,
        auto_delete=seen.auto_delete,
        exclusive=seen.exclusive,
        type=seen.type,
        arguments={key: one.value for key, one in seen.settings.items()},
        policies=tuple(setters),
        publish_count=count if isinstance(count, int) else 0,
        messages_persistent=_number(stats, "persistent"),
    )


def _number(found: Json, what: str) -> int:
    value = found.get(f"messages_{what}")
    return value if isinstance(value, int) else 0
