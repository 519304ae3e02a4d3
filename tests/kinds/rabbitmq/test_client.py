from __future__ import annotations

import asyncio
import gc
import socket
import threading
import warnings
from collections.abc import Iterator

import pytest

from seatrial.kinds.base import Target
from seatrial.kinds.rabbitmq.answers import NotConfirmed, QueueMissing
from seatrial.kinds.rabbitmq.client import RabbitmqClient
from seatrial.kinds.rabbitmq.wire import Session, session
from seatrial.kinds.trouble import Trouble
from seatrial.outcome import Cause
from seatrial.waiting import Deadline, eventually
from tests.kinds.harness import Running
from tests.kinds.rabbitmq.admin import Admin
from tests.kinds.rabbitmq.conftest import consuming, with_endpoint


@pytest.fixture
def client(target: Target) -> Iterator[RabbitmqClient]:
    with RabbitmqClient(target) as one:
        yield one


def test_all_about_a_queue(client: RabbitmqClient, admin: Admin, target: Target) -> None:
    admin.queue("tasks", arguments={"x-max-length": 100})
    admin.policy("short", "^tasks$", {"max-length": 10, "message-ttl": 60000})
    for number in range(3):
        client.publish(f"{number}", "tasks")
    info = client.queue("tasks")
    assert (info.messages_ready, info.messages_unacknowledged, info.messages) == (3, 0, 3)
    assert (info.durable, info.auto_delete, info.exclusive) == (True, False, False)
    assert info.type == "classic"
    # RabbitMQ 4 writes the type among the arguments of a queue that was declared without.
    arguments = {key: value for key, value in info.arguments.items() if key != "x-queue-type"}
    assert arguments == {"x-max-length": 10, "x-message-ttl": 60000}
    assert info.policies == ("policy short",)
    with consuming(target, "tasks"):
        info = client.queue("tasks")
        assert (info.consumers, info.messages_ready, info.messages_unacknowledged) == (1, 0, 3)
    assert client.queue("tasks").consumers == 0


def test_publishes_are_counted(client: RabbitmqClient, admin: Admin) -> None:
    """Within two of the samples that a local deployment takes."""
    admin.queue("counted")
    client.publish("one", "counted")
    client.get("counted", ack=True)
    eventually(lambda: client.queue("counted").publish_count, lambda n: n == 1, timeout=4)


def test_consumers_are_counted_exactly(
    client: RabbitmqClient, admin: Admin, target: Target
) -> None:
    admin.queue("tasks")
    for _ in range(3):
        assert client.consumer_count("tasks") == 0
        with consuming(target, "tasks", "tasks"):
            assert client.consumer_count("tasks") == 2


def test_a_queue_that_is_not_there(client: RabbitmqClient) -> None:
    assert client.queue_exists("nothing") is False
    for call in (client.queue, client.consumer_count, client.message_count, client.get):
        with pytest.raises(QueueMissing, match="nothing"):
            call("nothing")


def test_a_message_comes_back_as_it_was_sent(client: RabbitmqClient, admin: Admin) -> None:
    admin.queue("tasks")
    big = {"circuit": "x" * 300_000}  # more than one frame
    client.publish(big, "tasks", correlation_id="c-1", message_id="m-1", headers={"tries": 2})
    peeked = client.get("tasks")
    assert client.message_count("tasks") == 1
    taken = client.get("tasks", ack=True)
    assert client.message_count("tasks") == 0
    assert client.get("tasks") is None
    assert peeked is not None
    assert taken is not None
    assert peeked.json() == taken.json() == big
    assert (taken.correlation_id, taken.message_id, taken.headers) == ("c-1", "m-1", {"tries": 2})
    assert (taken.content_type, taken.persistent) == ("application/json", True)
    assert (taken.exchange, taken.routing_key) == ("", "tasks")
    assert (peeked.redelivered, taken.redelivered) == (False, True)


def test_peeking_leaves_the_order(client: RabbitmqClient, admin: Admin) -> None:
    admin.queue("tasks")
    for number in range(3):
        client.publish(f"{number}", "tasks", persistent=False)
    assert [m.text for _ in range(2) if (m := client.get("tasks"))] == ["0", "0"]
    taken = [client.get("tasks", ack=True) for _ in range(3)]
    assert [(m.text, m.persistent) for m in taken if m] == [
        ("0", False),
        ("1", False),
        ("2", False),
    ]


def test_a_message_that_nobody_takes(client: RabbitmqClient, admin: Admin) -> None:
    with pytest.raises(NotConfirmed, match="reached no queue"):
        client.publish("lost", "no-such-queue")
    with pytest.raises(NotConfirmed, match="no exchange"):
        client.publish("lost", "key", exchange="no-such-exchange")
    admin.queue("full", arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
    client.publish("1", "full")
    with pytest.raises(NotConfirmed, match="refused"):
        client.publish("2", "full")


def test_bindings(client: RabbitmqClient, admin: Admin) -> None:
    admin.queue("tasks")
    admin.exchange("events", "topic")
    admin.bind("events", "tasks", "task.#")
    (binding,) = client.bindings("tasks")
    assert (binding.exchange, binding.queue, binding.routing_key) == ("events", "tasks", "task.#")


def test_a_frozen_broker_is_noticed(target: Target, server: Running, admin: Admin) -> None:
    admin.queue("tasks")
    with RabbitmqClient(target, timeout=0.3) as client:
        client.message_count("tasks")
        with server.paused(), pytest.raises(Trouble) as caught:
            client.message_count("tasks")
        assert caught.value.cause is Cause.TIMEOUT
    with RabbitmqClient(target) as client:
        assert client.message_count("tasks") == 0  # nothing to reconnect


def test_it_works_from_several_loops_at_once(client: RabbitmqClient, admin: Admin) -> None:
    admin.queue("tasks")

    async def publish() -> int:
        assert client.message_count("tasks") >= 0  # the sync client, inside a running loop
        await asyncio.gather(*(client.aio.publish("x", "tasks") for _ in range(5)))
        return await client.aio.message_count("tasks")

    threads = [threading.Thread(target=asyncio.run, args=(publish(),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.message_count("tasks") == 15
    assert asyncio.run(publish()) == 20


def test_the_twin_reads_all(client: RabbitmqClient, admin: Admin) -> None:
    admin.queue("tasks")

    async def look() -> tuple[object, ...]:
        return (
            (await client.aio.queue("tasks")).name,
            await client.aio.queue_exists("tasks"),
            await client.aio.consumer_count("tasks"),
            await client.aio.bindings("tasks"),
            await client.aio.get("tasks"),
        )

    assert asyncio.run(look()) == ("tasks", True, 0, (), None)


def test_closing_leaves_nothing(target: Target, admin: Admin) -> None:
    admin.queue("tasks")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        before = threading.active_count()
        client = RabbitmqClient(target)
        client.message_count("tasks")
        client.close()
        client.close()
        assert threading.active_count() == before
        assert client.message_count("tasks") == 0  # it may be used again
        client.close()
        del client
        gc.collect()
    assert [str(one.message) for one in caught] == []


def test_closing_ends_what_another_thread_waits_for(target: Target) -> None:
    """Nobody answers there, so that only closing can end it."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        client = RabbitmqClient(with_endpoint(target, "amqp", port=port), timeout=60)
        ended: list[BaseException] = []

        def ask() -> None:
            try:
                client.queue("tasks")
            except OSError as error:
                ended.append(error)

        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        silent.settimeout(10)
        with silent.accept()[0]:
            client.close()
            asking.join(10)
        assert not asking.is_alive()
        assert [type(error) for error in ended] == [ConnectionAbortedError]


def test_the_broker_is_told_goodbye(target: Target, server: Running, admin: Admin) -> None:
    """Its log names every client that only hangs up."""
    begin = len(server.log.read_text())

    async def visit() -> Session:
        async with session(target.endpoint("amqp"), Deadline.after(5)) as one:
            await one.channel()
        return one

    asyncio.run(visit())
    eventually(lambda: "closing AMQP connection" in server.log.read_text()[begin:], timeout=5)
    assert "unexpectedly" not in server.log.read_text()[begin:]


def test_what_is_not_declared_cannot_be_asked(target: Target, admin: Admin) -> None:
    admin.queue("tasks")
    only = with_endpoint(target, "amqp")
    without = Target(only.name, only.kind, only.config, {"amqp": only.endpoints["amqp"]})
    with RabbitmqClient(without) as client:
        assert client.message_count("tasks") == 0
        with pytest.raises(Trouble, match="no management endpoint"):
            client.queue("tasks")
