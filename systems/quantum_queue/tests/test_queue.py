from __future__ import annotations

import asyncio

import aiormq
import pytest

from quantum_queue.contracts.queue import BrokerAway, Topology, broker_errors, connect
from quantum_queue.contracts.settings import Settings


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(),
        TimeoutError(),
        aiormq.exceptions.ConnectionClosed(320, "bye"),
        aiormq.exceptions.ChannelInvalidStateError("closed"),
        aiormq.exceptions.DeliveryError(None, aiormq.spec.Basic.Nack(1)),
    ],
)
def test_whatever_the_client_raises_is_a_broker_away(error: Exception) -> None:
    with pytest.raises(BrokerAway), broker_errors():
        raise error


def test_a_connection_that_the_client_gives_up_is_not_our_cancellation() -> None:
    async def scenario() -> None:
        with pytest.raises(BrokerAway), broker_errors():
            raise asyncio.CancelledError

    asyncio.run(scenario())


def test_our_cancellation_stays_one() -> None:
    async def scenario() -> None:
        async def wait() -> None:
            with broker_errors():
                await asyncio.Event().wait()

        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())


def test_a_defect_of_ours_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError), broker_errors():
        raise ZeroDivisionError


def test_a_broker_that_refuses_is_away(settings: Settings) -> None:
    with pytest.raises(BrokerAway):
        asyncio.run(connect(settings, "test"))


def test_dead_letters_have_a_route() -> None:
    topology = Topology("quantum_tasks")
    assert topology.queue_arguments == {
        "x-dead-letter-exchange": "quantum_tasks.dlx",
        "x-dead-letter-routing-key": "quantum_tasks.dead",
    }
    assert topology.dead_queue == "quantum_tasks.dead"
