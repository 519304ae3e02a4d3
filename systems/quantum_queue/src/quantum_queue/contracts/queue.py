"""The queue of tasks, where its rejected messages go, and how the services reach the broker."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import aiormq
from aiormq.abc import AbstractChannel, AbstractConnection
from yarl import URL

from quantum_queue.contracts.settings import Settings

CONNECT_SECONDS = 5.0
DECLARE_SECONDS = 5.0

BROKER_ERRORS = (aiormq.exceptions.AMQPError, OSError, TimeoutError, asyncio.IncompleteReadError)
"""What a broker that is away, refuses or hangs makes its client raise.

(RuntimeError and the rest are defects, not the broker's absence.)
"""


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
        async with asyncio.timeout(DECLARE_SECONDS):
            await channel.exchange_declare(self.dead_exchange, exchange_type="direct", durable=True)
            await channel.queue_declare(self.dead_queue, durable=True)
            await channel.queue_bind(
                self.dead_queue, self.dead_exchange, routing_key=self.dead_queue
            )
            await channel.queue_declare(self.queue, durable=True, arguments=self.queue_arguments)


async def connect(settings: Settings, name: str) -> AbstractConnection:
    """Open a connection to the broker, within a deadline."""
    query = {"heartbeat": str(settings.heartbeat_seconds), "name": name}
    url = URL(settings.rabbitmq_url).update_query(query)
    async with asyncio.timeout(CONNECT_SECONDS):
        return await aiormq.connect(url)


async def discard(connection: AbstractConnection | None) -> None:
    """Close a connection that may already be broken, and never hang on it."""
    if connection is None:
        return
    try:
        async with asyncio.timeout(1.0):
            # With an error of its own: the default would look like a cancellation to the tasks
            # that still wait for an answer on this connection.
            await connection.close(aiormq.exceptions.ConnectionClosed(200, "discarded"))
    except (*BROKER_ERRORS, RuntimeError):
        pass
