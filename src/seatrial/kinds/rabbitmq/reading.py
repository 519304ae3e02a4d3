"""What a virtual host holds, as the management API tells it: queues, exchanges, bindings, policies.

Settings are read live (`disable_stats`), counts are not taken from here at all: the API samples
them every few seconds. A queue's effective arguments are computed from its own and from the
policies, since what the API says of them is sampled too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from seatrial.kinds.rabbitmq.management import Json, Management, NotThere, quoted
from seatrial.kinds.rabbitmq.together import together
from seatrial.kinds.trouble import Trouble
from seatrial.outcome import Cause

Value: TypeAlias = object  # of an argument: bool, int, float, str, list or dict

#: Of these the smallest of all that are set counts; of all others the queue's own, then the
#: policy's.
_SMALLEST = {
    "x-max-length",
    "x-max-length-bytes",
    "x-message-ttl",
    "x-expires",
    "x-delivery-limit",
    "x-max-in-memory-length",
    "x-max-in-memory-bytes",
}
_FOR_QUEUES = {
    "classic": {"queues", "all", "classic_queues"},
    "quorum": {"queues", "all", "quorum_queues"},
    "stream": {"queues", "all", "streams"},
}
_FOR_EXCHANGES = {"exchanges", "all"}


@dataclass(frozen=True)
class Setting:
    """An effective argument, and who set it: "the queue itself", or "policy NAME"."""

    value: Value
    by: str


@dataclass(frozen=True)
class QueueSeen:
    name: str
    durable: bool
    auto_delete: bool
    exclusive: bool
    type: str
    settings: Mapping[str, Setting]  # by argument name, such as "x-max-length"

    def argument(self, name: str) -> Value | None:
        setting = self.settings.get(name)
        return setting.value if setting is not None else None

    def text(self, name: str) -> str | None:
        value = self.argument(name)
        return value if isinstance(value, str) else None


@dataclass(frozen=True)
class ExchangeSeen:
    name: str
    type: str
    durable: bool
    alternate: str | None  # where what it cannot route goes


@dataclass(frozen=True)
class BindingSeen:
    source: str
    destination: str
    to_queue: bool  # else to an exchange
    key: str
    arguments: Mapping[str, Value]


@dataclass(frozen=True)
class Vhost:
    queues: Mapping[str, QueueSeen]
    exchanges: Mapping[str, ExchangeSeen]
    bindings: tuple[BindingSeen, ...] = ()  # without those of the default exchange
    _by_source: dict[str, list[BindingSeen]] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        for one in self.bindings:
            self._by_source.setdefault(one.source, []).append(one)

    def bindings_of(self, exchange: str) -> list[BindingSeen]:
        return self._by_source.get(exchange, [])


@dataclass(frozen=True)
class Policy:
    name: str
    pattern: str
    priority: int
    applies_to: str
    definition: Mapping[str, Value]

    def matches(self, name: str) -> bool:
        try:
            return re.search(self.pattern, name) is not None
        except re.error:  # what only the broker's own engine understands
            return False


async def read_vhost(api: Management, vhost: str) -> Vhost:
    """Everything that checks need of a virtual host. Raises Trouble."""
    where = quoted(vhost)
    paths = (
        f"queues/{where}?disable_stats=true",
        f"exchanges/{where}?disable_stats=true",
        f"bindings/{where}",
        f"policies/{where}",
        f"operator-policies/{where}",
    )
    try:
        queues, exchanges, bindings, policies, operator = await together(map(api.many, paths))
    except NotThere as error:
        raise Trouble(Cause.WRONG_VHOST, f"there is no virtual host {vhost!r}") from error
    return Vhost(
        queues={q.name: q for q in _queues(queues, _policies(policies), _policies(operator))},
        exchanges={e.name: e for e in _exchanges(exchanges, _policies(policies))},
        bindings=tuple(_binding(one) for one in bindings if one.get("source")),
    )


def _policies(found: Iterable[Json]) -> list[Policy]:
    return [
        Policy(
            name=str(one.get("name", "")),
            pattern=str(one.get("pattern", "")),
            priority=_number(one.get("priority")),
            applies_to=str(one.get("apply-to", "all")),
            definition=_mapping(one.get("definition")),
        )
        for one in found
    ]


def _queues(found: Iterable[Json], user: list[Policy], operator: list[Policy]) -> list[QueueSeen]:
    return [_queue(one, user, operator) for one in found]


def _queue(one: Json, user: list[Policy], operator: list[Policy]) -> QueueSeen:
    name, kind = str(one.get("name", "")), str(one.get("type", "classic"))
    applies = _FOR_QUEUES.get(kind, {"queues", "all"})
    policy = next((p for p in user if p.name == one.get("policy")), None)
    if policy is None:
        policy = _strongest(user, name, applies)
    own = {key: Setting(value, "the queue itself") for key, value in _arguments(one).items()}
    settings = dict(own)
    for source, words in ((policy, "policy"), (_strongest(operator, name, applies), "operator")):
        if source is None:
            continue
        by = f"policy {source.name}" if words == "policy" else f"operator policy {source.name}"
        for key, value in source.definition.items():
            _merge(settings, f"x-{key}", Setting(value, by))
    return QueueSeen(
        name=name,
        durable=one.get("durable") is True,
        auto_delete=one.get("auto_delete") is True,
        exclusive=one.get("exclusive") is True or bool(one.get("owner_pid_details")),
        type=kind,
        settings=settings,
    )


def _merge(settings: dict[str, Setting], key: str, more: Setting) -> None:
    before = settings.get(key)
    if before is None:
        settings[key] = more
    elif key in _SMALLEST:
        old, new = before.value, more.value
        if isinstance(old, int | float) and isinstance(new, int | float) and new < old:
            settings[key] = more


def _strongest(policies: list[Policy], name: str, applies: set[str]) -> Policy | None:
    matching = [p for p in policies if p.applies_to in applies and p.matches(name)]
    return max(matching, key=lambda policy: policy.priority, default=None)


def _exchanges(found: Iterable[Json], policies: list[Policy]) -> list[ExchangeSeen]:
    seen = []
    for one in found:
        name = str(one.get("name", ""))
        arguments = _arguments(one)
        alternate = arguments.get("alternate-exchange")
        if alternate is None and (policy := _strongest(policies, name, _FOR_EXCHANGES)):
            alternate = policy.definition.get("alternate-exchange")
        kind = str(one.get("type", ""))
        if kind == "x-delayed-message":  # it routes as the type that it names
            kind = str(arguments.get("x-delayed-type", kind))
        durable = one.get("durable") is True
        seen.append(
            ExchangeSeen(name, kind, durable, alternate if isinstance(alternate, str) else None)
        )
    return seen


def _binding(one: Json) -> BindingSeen:
    return BindingSeen(
        source=str(one.get("source", "")),
        destination=str(one.get("destination", "")),
        to_queue=one.get("destination_type") == "queue",
        key=str(one.get("routing_key", "")),
        arguments=_arguments(one),
    )


def _arguments(one: Json) -> Mapping[str, Value]:
    return _mapping(one.get("arguments"))


def _mapping(found: object) -> Mapping[str, Value]:
    return {str(key): value for key, value in found.items()} if isinstance(found, dict) else {}


def _number(found: object) -> int:
    return found if isinstance(found, int) else 0
