"""The queue loses nothing: durable, consumed, with a way for what is rejected."""

from __future__ import annotations

import pytest
from conftest import QUEUE

pytestmark = [
    pytest.mark.budget(5, name="queue trials"),
    pytest.mark.needs("rabbitmq"),
]
read_only = pytest.mark.read_only

#: Arguments and policy keys that make a queue drop messages.
LOSSY = {"max-length", "max-length-bytes", "message-ttl", "expires"}


@read_only
@pytest.mark.criterion("AC-60", "AC-61")
def test_the_queue_is_durable_and_stays(queue_client):
    info = queue_client.get_queue_info()
    assert info.durable is True
    assert info.auto_delete is False


@read_only
@pytest.mark.criterion("AC-60", "AC-61")
@pytest.mark.needs("worker")
def test_the_queue_is_consumed(queue_client):
    assert queue_client.get_consumer_count() >= 1


@read_only
@pytest.mark.criterion("AC-60", "AC-61")
def test_rejected_messages_reach_the_dead_letter_queue(queue_client):
    arguments = queue_client.get_queue_info().arguments
    exchange = arguments["x-dead-letter-exchange"]
    key = arguments["x-dead-letter-routing-key"]
    bound = queue_client.broker.bindings("quantum_tasks.dead")
    assert (exchange, key) in [(binding.exchange, binding.routing_key) for binding in bound]
    assert queue_client.get_queue_info("quantum_tasks.dead").durable is True


@read_only
@pytest.mark.criterion("AC-60", "AC-61")
@pytest.mark.parametrize("queue", ["quantum_tasks", "quantum_tasks.dead"])
def test_no_argument_or_policy_drops_messages(queue_client, queue):
    arguments = queue_client.get_queue_info(queue).arguments  # those of policies included
    assert {name.removeprefix("x-") for name in arguments} & LOSSY == set()


@pytest.mark.criterion("AC-21")
@pytest.mark.needs("api", "postgres", "worker")
@pytest.mark.requires("pause")
def test_messages_are_persistent(api_client, queue_client, fault, eventually, completed):
    """One is taken from the queue and put back, where nobody else's is at stake. While workers
    stand still they get as many as they take in advance, and no more."""
    submitted = []

    def message():
        submitted.append(api_client.submit_task())
        return queue_client.broker.get(QUEUE)

    with fault.paused("worker"):
        found = eventually(message, timeout=4, what="a message is left on the queue")
    assert found.persistent is True
    assert found.message_id in {one.task_id for one in submitted}
    for one in submitted:
        completed(one.task_id)
