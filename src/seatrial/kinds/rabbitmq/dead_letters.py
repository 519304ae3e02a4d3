"""Where the messages go that a queue rejects, expires or has no room for."""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.kinds.rabbitmq.reading import QueueSeen, Vhost
from seatrial.kinds.rabbitmq.routing import durable, keys_into, reached

EXCHANGE, KEY = "x-dead-letter-exchange", "x-dead-letter-routing-key"


@dataclass(frozen=True)
class Path:
    """The dead-letter path of a queue: `gap` says where it ends in nothing."""

    exchange: str
    reaches: tuple[str, ...] = ()  # queues
    gap: str = ""
    fix: str = ""

    @property
    def shown(self) -> str:
        name = f"exchange {self.exchange!r}" if self.exchange else "the default exchange"
        return f"{name} -> {', '.join(self.reaches)}" if self.reaches else name


def dead_letter_path(vhost: Vhost, queue: QueueSeen, *, strict: bool = False) -> Path | None:
    """The path of a queue's dead letters; None where it has no dead-letter exchange.

    `strict`: each known routing key must reach a queue, and one of these must outlive a restart.
    Otherwise only a path on which nothing at all arrives is a gap.
    """
    exchange = queue.text(EXCHANGE)
    if exchange is None:
        return None
    if exchange and exchange not in vhost.exchanges:
        return Path(
            exchange,
            gap=f"the dead-letter exchange {exchange!r} does not exist: rejected messages "
            "will be lost",
            fix=f"declare exchange {exchange!r} and bind a durable queue to it, "
            f"or correct {queue.settings[EXCHANGE].by}",
        )
    key = queue.text(KEY)
    keys = (key,) if key is not None else keys_into(vhost, queue.name)
    routes = {one: reached(vhost, exchange, one) for one in keys}
    lost = [one for one, queues in routes.items() if not queues]
    reaches = tuple(sorted(frozenset[str]().union(*routes.values())))
    if not keys:  # they come with keys that patterns stand for: nobody knows which
        reaches = tuple(sorted(_anything(vhost, exchange, set())))
        lost = [] if reaches else ["(any)"]
    if lost and (strict or len(lost) == len(routes) or not routes):
        return _gap(exchange, reaches, lost)
    if strict and not durable(vhost, reaches):
        names = ", ".join(reaches)
        return Path(
            exchange,
            reaches,
            f"it leads only to {names}, which a restart of the broker removes",
            f"make {names} durable",
        )
    return Path(exchange, reaches)


def _gap(exchange: str, reaches: tuple[str, ...], lost: list[str]) -> Path:
    name = repr(exchange) if exchange else "the default exchange"
    what = " or ".join(repr(one) for one in lost)
    if lost == ["(any)"]:
        gap = f"{name} has no bound queue: rejected messages will be lost"
        fix = f"bind a durable queue to {name}"
    else:
        gap = f"{name} has no bound queue for routing key {what}: rejected messages will be lost"
        fix = (
            f"bind a durable queue to {name} with routing key {lost[0]!r}"
            if exchange
            else f"declare a durable queue {lost[0]!r}, or set {KEY}"
        )
    return Path(exchange, reaches, gap, fix)


def _anything(vhost: Vhost, exchange: str, visited: set[str]) -> set[str]:
    """Queues that anything sent to an exchange might reach."""
    if exchange in visited or exchange not in vhost.exchanges:
        return set()
    visited.add(exchange)
    found: set[str] = set()
    for one in vhost.bindings_of(exchange):
        if not one.to_queue:
            found |= _anything(vhost, one.destination, visited)
        elif one.destination in vhost.queues:
            found.add(one.destination)
    alternate = vhost.exchanges[exchange].alternate
    return found | (_anything(vhost, alternate, visited) if alternate else set())
