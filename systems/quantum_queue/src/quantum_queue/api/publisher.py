"""The API's side of the broker: one connection, kept up, that publishes with confirms."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Mapping

from aiormq.abc import AbstractChannel, AbstractConnection

from quantum_queue.contracts import queue
from quantum_queue.contracts.message import TaskMessage, properties
from quantum_queue.contracts.queue import BrokerAway, Topology, broker_errors
from quantum_queue.contracts.settings import Settings

CONFIRM_SECONDS = 5.0
_FIRST_BACKOFF = 0.1
_LAST_BACKOFF = 0.2  # short: a refused connection costs nothing
_LASTING_SECONDS = 5.0
_log = logging.getLogger(__name__)


class Publisher:
    """Owns the connection; `run` keeps it up, and everything else uses what is there."""

    def __init__(self, settings: Settings, on_connected: Callable[[], None]) -> None:
        self._settings = settings
        self._topology = Topology(settings.queue_name)
        self._on_connected = on_connected
        self._messages: AbstractChannel | None = None
        self._connection: AbstractConnection | None = None
        self._broken = asyncio.Event()

    async def run(self) -> None:
        """Connect, wait until the connection breaks, and begin again, for ever."""
        clock = asyncio.get_running_loop().time
        backoff = _FIRST_BACKOFF
        while True:
            connection: AbstractConnection | None = None
            begun = clock()
            try:
                connection = await queue.connect(self._settings, "quantum_queue.api")
                await self._open_channels(connection)
                _log.info("broker connected")
                self._on_connected()
                await self._until_broken(connection)
                _log.warning("broker connection lost")
            except BrokerAway as error:
                _log.warning("broker away", extra={"reason": str(error)})
            finally:
                self._messages = self._connection = None
                await queue.discard(connection)
            # A connection that never held is no reason to hurry: the broker may take us in and
            # refuse each message.
            lasted = connection is not None and clock() - begun > _LASTING_SECONDS
            backoff = _FIRST_BACKOFF if lasted else min(backoff * 2, _LAST_BACKOFF)
            await asyncio.sleep(backoff)

    async def publish(
        self, task_id: uuid.UUID, correlation_id: str, trace: Mapping[str, str]
    ) -> None:
        """Publish a task's message and wait until the broker is responsible for it."""
        channel = self._messages
        if channel is None:
            raise BrokerAway("not connected")
        try:
            with broker_errors():
                await channel.basic_publish(
                    TaskMessage(task_id).encode(),
                    routing_key=self._topology.queue,
                    properties=properties(task_id, correlation_id, trace),
                    mandatory=True,
                    timeout=CONFIRM_SECONDS,
                )
        except BrokerAway:
            # A refused or returned message means that the queue is not what it should be, a
            # missing confirm that the broker hangs: a new connection declares it again.
            self._broken.set()
            raise

    async def look(self) -> int:
        """Return how many messages wait, having shown that this user may still use the queue.

        Declaring a queue that is there changes nothing, and needs the permission to. A channel of
        its own: the broker remembers on each channel what it has permitted there.
        """
        connection = self._connection
        if connection is None:
            raise BrokerAway("not connected")
        try:
            with broker_errors():
                channel = await connection.channel(publisher_confirms=False)
                found = await channel.queue_declare(self._topology.queue, passive=True)
                await self._topology.declare_queue(channel)
                await channel.close()
        except BrokerAway:
            self._broken.set()
            raise
        return found.message_count or 0

    async def _open_channels(self, connection: AbstractConnection) -> None:
        with broker_errors():
            async with asyncio.timeout(queue.DECLARE_SECONDS):
                declaring = await connection.channel(publisher_confirms=False)
                await self._topology.declare(declaring)
                await declaring.close()
                self._messages = await connection.channel()
        self._connection = connection

    async def _until_broken(self, connection: AbstractConnection) -> None:
        self._broken.clear()
        told = asyncio.ensure_future(self._broken.wait())
        closed = connection.closing
        try:
            await asyncio.wait({told, closed}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            told.cancel()
