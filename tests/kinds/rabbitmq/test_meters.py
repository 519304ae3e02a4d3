from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from seatrial.kinds.base import Target
from seatrial.kinds.rabbitmq.client import RabbitmqClient
from seatrial.kinds.rabbitmq.meters import read
from seatrial.kinds.trouble import Trouble
from seatrial.outcome import Cause
from seatrial.waiting import Deadline, eventually
from tests.kinds.rabbitmq.admin import Admin
from tests.kinds.rabbitmq.conftest import consuming, with_endpoint

GIGABYTE = 10**9


def sample(target: Target) -> Mapping[str, float]:
    return asyncio.run(read(target, Deadline.after(5)))


def test_a_sample(target: Target, admin: Admin) -> None:
    admin.queue("tasks")
    admin.queue("idle")
    with RabbitmqClient(target) as client:
        for _ in range(3):
            client.publish("x", "tasks")
    # A broker that has just started tells of itself after its first interval only.
    found = eventually(lambda: sample(target), lambda s: "memory_used_bytes" in s, timeout=30)
    assert (found["queues"], found["messages_ready"]) == (2, 3)
    assert found["messages_unacknowledged"] == 0
    assert found["alarms"] == 0
    assert 0 < found["memory_used_bytes"] < found["memory_limit_bytes"] <= 1.1 * GIGABYTE
    assert found["disk_free_bytes"] > found["disk_limit_bytes"] > 0
    with consuming(target, "tasks", "idle"):
        assert sample(target)["messages_unacknowledged"] == 3
        eventually(
            lambda: sample(target), lambda s: min(s["channels"], s["connections"]) >= 1, timeout=4
        )


def test_a_user_who_may_not_see_nodes(target: Target, admin: Admin) -> None:
    admin.user("half_blind2", "management")
    admin.permit("half_blind2", "^$")
    admin.queue("tasks")
    where = with_endpoint(target, "management", user="half_blind2", password="a-made-up-password")
    found = sample(where)
    assert found["queues"] == 1
    assert "memory_used_bytes" not in found
    assert "alarms" not in found


def test_a_broker_that_cannot_be_asked(target: Target) -> None:
    with pytest.raises(Trouble) as caught:
        sample(with_endpoint(target, "management", password="wrong"))
    assert caught.value.cause is Cause.AUTH
    with pytest.raises(Trouble):
        asyncio.run(
            read(
                Target(target.name, target.kind, target.config, {"amqp": target.endpoints["amqp"]}),
                Deadline.after(5),
            )
        )
