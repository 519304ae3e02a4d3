from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from seatrial.errors import SeatrialError
from seatrial.kinds.base import Target
from seatrial.kinds.rabbitmq import clean_up
from seatrial.kinds.rabbitmq.clean_up import CLEAN_UP
from seatrial.kinds.rabbitmq.client import RabbitmqClient
from seatrial.kinds.rabbitmq.config import RabbitmqCleanUp
from tests.kinds.rabbitmq.admin import Admin
from tests.kinds.rabbitmq.conftest import with_endpoint

DEAD = RabbitmqCleanUp(queues=("dead", "more"))


@pytest.fixture
def client(target: Target, admin: Admin) -> Iterator[RabbitmqClient]:
    admin.queue("dead")
    admin.queue("more")
    with RabbitmqClient(target) as one:
        yield one


def drain(client: RabbitmqClient, queue: str) -> list[str]:
    found = []
    while (message := client.get(queue, ack=True)) is not None:
        found.append(message.text)
    return found


def fill(client: RabbitmqClient) -> None:
    client.publish("0", "dead")
    client.publish("1", "dead", correlation_id="mine")
    client.publish("2", "dead", correlation_id="theirs", message_id="x")
    client.publish("3", "dead", message_id="mine-too")
    client.publish("4", "dead", headers={"x-seatrial": "mine"})
    client.publish("5", "dead", headers={"other": "mine"})
    client.publish("6", "dead", correlation_id="mine")
    client.publish("mine", "dead")
    client.publish("elsewhere", "more", correlation_id="mine")


def test_exactly_the_trials_own_messages_go(target: Target, client: RabbitmqClient) -> None:
    fill(client)
    keys = ["mine", "mine-too", "never-used"]
    assert CLEAN_UP.left(target, DEAD, keys) == 5
    assert CLEAN_UP.left(target, DEAD, keys) == 5  # looking removes nothing
    CLEAN_UP.remove(target, DEAD, keys)
    assert CLEAN_UP.left(target, DEAD, keys) == 0
    assert drain(client, "dead") == ["0", "2", "5", "mine"]  # in their old order
    assert drain(client, "more") == []


def test_only_the_queues_that_are_declared(target: Target, client: RabbitmqClient) -> None:
    fill(client)
    CLEAN_UP.remove(target, RabbitmqCleanUp(queues=("more",)), ["mine"])
    assert CLEAN_UP.left(target, DEAD, ["mine"]) == 3


def test_no_keys_is_nothing(target: Target, client: RabbitmqClient) -> None:
    fill(client)
    CLEAN_UP.remove(target, DEAD, [])
    assert CLEAN_UP.left(target, DEAD, []) == 0
    assert client.message_count("dead") == 8


def test_a_queue_that_is_not_there_holds_nothing(target: Target, client: RabbitmqClient) -> None:
    client.publish("1", "dead", correlation_id="mine")
    how = RabbitmqCleanUp(queues=("never-declared", "dead"))
    assert CLEAN_UP.left(target, how, ["mine"]) == 1
    CLEAN_UP.remove(target, how, ["mine"])
    assert CLEAN_UP.left(target, how, ["mine"]) == 0


def test_a_queue_too_long_to_search(
    target: Target, client: RabbitmqClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is removed then, and nothing is held back."""
    monkeypatch.setattr(clean_up, "_LIMIT", 3)
    fill(client)
    with pytest.raises(SeatrialError, match="dead holds more than 3"):
        CLEAN_UP.remove(target, DEAD, ["mine"])
    assert drain(client, "dead") == ["0", "1", "2", "3", "4", "5", "6", "mine"]


def test_it_works_where_a_loop_runs(target: Target, client: RabbitmqClient) -> None:
    client.publish("1", "dead", correlation_id="mine")

    async def inside() -> int:
        return CLEAN_UP.left(target, DEAD, ["mine"])

    assert asyncio.run(inside()) == 1


def test_a_broker_that_cannot_be_asked(target: Target) -> None:
    broken = with_endpoint(target, "amqp", password="wrong")
    with pytest.raises(SeatrialError, match="login is refused"):
        CLEAN_UP.left(broken, DEAD, ["mine"])
