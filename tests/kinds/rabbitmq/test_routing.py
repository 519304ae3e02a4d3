"""What is computed must be what the broker does: random topologies, real messages."""

from __future__ import annotations

import asyncio
import random

import pytest
from pamqp import commands

from seatrial.kinds.base import Target
from seatrial.kinds.rabbitmq.client import RabbitmqClient
from seatrial.kinds.rabbitmq.reading import BindingSeen, ExchangeSeen, QueueSeen, Vhost
from seatrial.kinds.rabbitmq.routing import keys_into, reached, topic_matches
from seatrial.kinds.rabbitmq.wire import Content, session
from seatrial.waiting import Deadline
from tests.kinds.rabbitmq.admin import Admin

WORDS = ("a", "b", "")
PATTERNS = ("a", "a.b", "*", "*.b", "#", "a.#", "#.b", "a.*.b", "", "*.*", "#.a.#", "a.b.a", "q0")
KEYS = ("a", "b", "a.b", "a.a.b", "b.a.b", "", "q0", "a.b.a", "b.b", "a..b")


def topology(admin: Admin, chance: random.Random) -> None:
    """Queues q0 to q3; exchanges e0 to e5 of the known types, bound to each other and to queues."""
    for number in range(4):
        admin.queue(f"q{number}")
    for number in range(6):
        arguments: dict[str, object] = {}
        if chance.random() < 0.4:
            arguments["alternate-exchange"] = f"e{chance.randrange(6)}"
        kind = chance.choice(("direct", "topic", "topic", "fanout"))
        admin.exchange(f"e{number}", kind, arguments=arguments)
    for _ in range(9):
        source, key = f"e{chance.randrange(6)}", chance.choice(PATTERNS)
        if chance.random() < 0.35:
            admin.bind(source, f"e{chance.randrange(6)}", key, to="e")
        else:
            admin.bind(source, f"q{chance.randrange(4)}", key)


async def really_reached(target: Target, exchange: str, key: str) -> set[str]:
    """Publish, wait for the confirm, and empty the queues."""
    async with session(target.endpoint("amqp"), Deadline.after(10)) as amqp:
        channel = await amqp.channel()
        await amqp.ask(channel, commands.Confirm.Select(), commands.Confirm.SelectOk)
        method = commands.Basic.Publish(exchange=exchange, routing_key=key)
        amqp.send_content(channel, method, Content(commands.Basic.Properties(), b"."))
        while not isinstance(await amqp.receive(channel), commands.Basic.Ack):
            pass
        found = set()
        for number in range(4):
            purge = commands.Queue.Purge(queue=f"q{number}")
            if (await amqp.ask(channel, purge, commands.Queue.PurgeOk)).message_count:
                found.add(f"q{number}")
        return found


@pytest.mark.parametrize("seed", range(6))
def test_it_reaches_what_the_broker_reaches(target: Target, admin: Admin, seed: int) -> None:
    topology(admin, random.Random(seed))
    with RabbitmqClient(target) as client:
        vhost = client.read()
    different = []
    routed = 0
    for exchange in ("", *(f"e{number}" for number in range(6))):
        for key in KEYS:
            real = asyncio.run(really_reached(target, exchange, key))
            routed += bool(real)
            if reached(vhost, exchange, key) != real:
                different.append((exchange, key, sorted(reached(vhost, exchange, key)), real))
    assert different == []
    assert routed > 5  # else this shows little


@pytest.mark.parametrize(
    ("pattern", "key", "matches"),
    [
        ("a.*", "a.b", True),
        ("a.*", "a", False),
        ("a.*", "a.b.c", False),
        ("a.#", "a", True),
        ("a.#", "a.b.c", True),
        ("#", "", True),
        ("*", "", False),
        ("#.#", "a", True),
        ("", "", True),
        ("", "a", False),
        ("#.b.#", "a.c", False),
    ],
)
def test_topics(pattern: str, key: str, matches: bool) -> None:
    assert topic_matches(pattern, key) is matches


def _vhost(*bindings: BindingSeen, kind: str = "direct") -> Vhost:
    queue = QueueSeen("q", True, False, False, "classic", {})
    exchange = ExchangeSeen("e", kind, True, None)
    return Vhost({"q": queue}, {"e": exchange}, bindings)


def _bound(key: str) -> BindingSeen:
    return BindingSeen("e", "q", True, key, {})


def test_what_cannot_be_known_might_match() -> None:
    for kind in ("headers", "x-consistent-hash"):
        assert reached(_vhost(_bound("5"), kind=kind), "e", "any") == {"q"}
        assert reached(_vhost(kind=kind), "e", "any") == frozenset()


def test_keys_into_a_queue() -> None:
    assert keys_into(_vhost(), "q") == ("q",)
    assert keys_into(_vhost(_bound("one"), _bound("two")), "q") == ("one", "two")
    assert keys_into(_vhost(_bound("one.#"), _bound("two"), kind="topic"), "q") == ("two",)
    assert keys_into(_vhost(_bound("one.#"), kind="topic"), "q") == ()
    assert keys_into(_vhost(_bound(""), kind="fanout"), "q") == ()
