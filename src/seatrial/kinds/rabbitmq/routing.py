"""Which queues a message would reach, computed from bindings; nothing is ever published for it.

Where the broker would look at what cannot be known here (headers, exchange types of plugins), every
binding counts as one that might match: better to miss such a fault than to report a false one.
"""

from __future__ import annotations

from collections.abc import Iterable

from seatrial.kinds.rabbitmq.reading import BindingSeen, QueueSeen, Vhost

_BY_KEY = ("direct", "topic")


def reached(vhost: Vhost, exchange: str, key: str) -> frozenset[str]:
    """Names of the queues that a message with this routing key would be put into."""
    return frozenset(_reach(vhost, exchange, key, set()))


def _reach(vhost: Vhost, exchange: str, key: str, visited: set[str]) -> set[str]:
    if exchange == "":  # the default exchange, to which every queue is bound by its name
        return {key} & vhost.queues.keys()
    if exchange in visited or exchange not in vhost.exchanges:
        return set()
    visited.add(exchange)
    seen = vhost.exchanges[exchange]
    matching = [one for one in vhost.bindings_of(exchange) if _matches(seen.type, one, key)]
    if not matching and seen.alternate is not None:
        return _reach(vhost, seen.alternate, key, visited)
    found: set[str] = set()
    for one in matching:
        if not one.to_queue:
            found |= _reach(vhost, one.destination, key, visited)
        elif one.destination in vhost.queues:
            found.add(one.destination)
    return found


def _matches(kind: str, binding: BindingSeen, key: str) -> bool:
    if kind == "direct":
        return binding.key == key
    if kind == "topic":
        return topic_matches(binding.key, key)
    return True  # fanout; and headers and unknown types, where it might


def topic_matches(pattern: str, key: str) -> bool:
    """`*` is one word, `#` any number of words, none included; words stand between dots."""
    words = key.split(".") if key else []
    parts = pattern.split(".") if pattern else []
    reach = {0}  # how many words may be used up by the parts so far
    for part in parts:
        if part == "#":
            reach = set(range(min(reach), len(words) + 1)) if reach else set()
        else:
            reach = {at + 1 for at in reach if at < len(words) and part in ("*", words[at])}
    return len(words) in reach


def keys_into(vhost: Vhost, queue: str) -> tuple[str, ...]:
    """The routing keys that messages in this queue are known to have come with, at least.

    Keys of the bindings that lead to it by key; its name, where there is none. Patterns are left
    out: what they stand for is not known.
    """
    sources = (one for one in vhost.bindings if one.to_queue and one.destination == queue)
    keys = list(
        dict.fromkeys(
            one.key
            for one in sources
            if one.source in vhost.exchanges
            and vhost.exchanges[one.source].type in _BY_KEY
            and not _is_pattern(vhost, one)
        )
    )
    bound = any(one.to_queue and one.destination == queue for one in vhost.bindings)
    return tuple(keys) if bound else (queue,)


def _is_pattern(vhost: Vhost, binding: BindingSeen) -> bool:
    topic = vhost.exchanges[binding.source].type == "topic"
    return topic and not {"*", "#"}.isdisjoint(binding.key.split("."))


def durable(vhost: Vhost, names: Iterable[str]) -> list[QueueSeen]:
    return [vhost.queues[name] for name in sorted(names) if vhost.queues[name].durable]
