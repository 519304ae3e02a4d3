"""What a broker that runs tells `init`."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from seatrial.kinds.base import Target
from seatrial.kinds.containers import BY_IMAGE, Guess
from seatrial.kinds.rabbitmq.containers import CONTAINERS
from seatrial.waiting import Deadline

from .admin import Admin

GUESS = Guess("image rabbitmq", BY_IMAGE, example="of definitions")


def settled(target: Target) -> str:
    found = asyncio.run(CONTAINERS.settle(GUESS, target, Deadline.after(10)))
    assert found is not None
    return found.example


def test_the_example_is_a_queue_that_is_there(target: Target, admin: Admin) -> None:
    assert settled(target) == GUESS.example
    admin.queue("fleeting", durable=False)
    assert settled(target) == GUESS.example
    admin.queue("a.plain")
    assert settled(target) == '{queues: {a.plain: {durable: true, consumers: ">=1"}}}'
    admin.queue("parcels", arguments={"x-dead-letter-exchange": "dead"})
    assert settled(target).startswith("{queues: {parcels: {")
    assert "dead_letter: true" in settled(target)


def test_what_does_not_tell_leaves_the_guess(target: Target, admin: Admin) -> None:
    admin.queue("parcels")
    deaf = replace(target, endpoints={"amqp": target.endpoints["amqp"]})
    wrong = replace(target.endpoint("management"), password="wrong")
    stranger = replace(target, endpoints={**target.endpoints, "management": (wrong,)})
    assert [settled(one) for one in (deaf, stranger)] == [GUESS.example] * 2
