"""The queue loses nothing: durable, consumed, with a way for what is rejected."""

from __future__ import annotations

import pytest

pytestmark = [
    pytest.mark.budget(5, name="queue trials"),
    pytest.mark.read_only,
    pytest.mark.needs("rabbitmq"),
]

#: Arguments and policy keys that make a queue drop messages.
LOSSY = {"max-length", "max-length-bytes", "message-ttl", "expires"}


@pytest.mark.criterion("AC-60", "AC-61")
def test_the_queue_is_durable_and_stays(queue_client):
    info = queue_client.get_queue_info()
    assert info.durable is True
    assert info.auto_delete is False


@pytest.mark.criterion("AC-60", "AC-61")
@pytest.mark.needs("worker")
def test_the_queue_is_consumed(queue_client):
    assert queue_client.get_consumer_count() >= 1


@pytest.mark.criterion("AC-60", "AC-61")
def test_rejected_messages_reach_the_dead_letter_queue(queue_client):
    arguments = queue_client.get_queue_info().arguments
    exchange = arguments["x-dead-letter-exchange"]
    key = arguments["x-dead-letter-routing-key"]
    bound = queue_client.broker.bindings("quantum_tasks.dead")
    assert (exchange, key) in [(binding.exchange, binding.routing_key) for binding in bound]
    assert queue_client.get_queue_info("quantum_tasks.dead").durable is True


@pytest.mark.criterion("AC-60", "AC-61")
@pytest.mark.parametrize("queue", ["quantum_tasks", "quantum_tasks.dead"])
def test_no_argument_or_policy_drops_messages(queue_client, queue):
    arguments = queue_client.get_queue_info(queue).arguments  # those of policies included
    assert {name.removeprefix("x-") for name in arguments} & LOSSY == set()
