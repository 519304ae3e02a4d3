"""The queue of tasks, where its rejected messages go, and how the services reach the broker."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import aiormq
from aiormq.abc import AbstractChannel, AbstractConnection
from yarl import URL

from quantum_queue.contracts.database import describe
from quantum_queue.contracts.settings import Settings

CONNECT_SECONDS = 5.0
DECLARE_SECONDS = 5.0

_CLIENT_ERRORS = (
    aiormq.exceptions.AMQPError,
    OSError,
    TimeoutError,
    asyncio.IncompleteReadError,
    asyncio.InvalidStateError,
    RuntimeError,
)


class BrokerAway(Exception):
    """The broker cannot be reached, refuses, or does not answer in time."""


@contextmanager
def broker_errors() -> Iterator[None]:
    """Turn whatever the client raises for want of a broker into BrokerAway."""
    try:
        yield
    except asyncio.CancelledError as error:
        # When the client gives a connection up it cancels whoever waits on it. That must not
        # look like our own cancellation, which would silently end a task that runs for ever.
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise BrokerAway("the connection was given up") from error
    except _CLIENT_ERRORS as error:
        raise BrokerAway(describe(error)) from error


@dataclass(frozen=True)
class Topology:
    """The names on the broker, all derived from the name of the queue."""

    queue: str

    @property
    def dead_exchange(self) -> str:
        """Return the name of the direct exchange that rejected messages go to."""
        return f"{self.queue}.dlx"

    @property
    def dead_queue(self) -> str:
        """Return the name of the queue that keeps them, which is also their routing key."""
        return f"{self.queue}.dead"

    @property
    def queue_arguments(self) -> dict[str, Any]:
        """Return the arguments with which the queue is declared."""
        return {
            "x-dead-letter-exchange": self.dead_exchange,
            "x-dead-letter-routing-key": self.dead_queue,
        }

    async def declare(self, channel: AbstractChannel) -> None:
        """Declare everything, the dead-letter side first, so that no rejection can be lost."""
        with broker_errors():
            await channel.exchange_declare(self.dead_exchange, exchange_type="direct", durable=True)
            await channel.queue_declare(self.dead_queue, durable=True)
            await channel.queue_bind(
                self.dead_queue, self.dead_exchange, routing_key=self.dead_queue
            )
            await self.declare_queue(channel)

    async def declare_queue(self, channel: AbstractChannel) -> None:
        """Declare the queue of tasks alone."""
        with broker_errors():
            await channel.queue_declare(self.queue, durable=True, arguments=self.queue_arguments)


async def connect(settings: Settings, name: str) -> AbstractConnection:
    """Open a connection to the broker, within a deadline."""
    query = {"heartbeat": str(settings.heartbeat_seconds), "name": name}
    url = URL(settings.rabbitmq_url).update_query(query)
    with broker_errors():
        async with asyncio.timeout(CONNECT_SECONDS):
            return await aiormq.connect(url)


async def discard(connection: AbstractConnection | None) -> None:
    """Close a connection that may already be broken, and never hang on it."""
    if connection is None:
        return
    with suppress(BrokerAway), broker_errors():
        async with asyncio.timeout(1.0):
            # With an error of its own: the default would look like a cancellation to the tasks
            # that still wait for an answer on this connection.
            await connection.close(aiormq.exceptions.ConnectionClosed(200, "discarded"))
