"""A message in the worker's hand, and the three ways to let go of it."""

from __future__ import annotations

import logging

from aiormq.abc import AbstractChannel, DeliveredMessage

from quantum_queue.contracts import tracing
from quantum_queue.contracts.queue import BrokerAway, broker_errors

_log = logging.getLogger(__name__)


class Delivery:
    """A delivered message; once its channel is gone, the broker gives it to somebody else."""

    def __init__(self, message: DeliveredMessage) -> None:
        self._channel: AbstractChannel = message.channel
        self._tag = message.delivery_tag or 0
        self.body: bytes = message.body
        self.is_redelivered: bool = bool(message.redelivered)
        self.correlation_id: str | None = message.header.properties.correlation_id
        headers = message.header.properties.headers or {}
        self.trace: dict[str, str] = {
            name: value for name in tracing.CARRIED if isinstance(value := headers.get(name), str)
        }

    @property
    def is_lost(self) -> bool:
        """Tell whether the broker has taken the message back."""
        return self._channel.is_closed

    async def done(self) -> None:
        """Acknowledge: all that followed from the message is committed."""
        await self._settle("acknowledged")

    async def reject(self) -> None:
        """Send the message to the dead letters."""
        await self._settle("rejected")

    async def hand_back(self) -> None:
        """Return the message to the queue."""
        await self._settle("handed back")

    async def _settle(self, how: str) -> None:
        try:
            with broker_errors():
                if how == "acknowledged":
                    await self._channel.basic_ack(self._tag, wait=False)
                else:
                    again = how == "handed back"
                    await self._channel.basic_nack(self._tag, requeue=again, wait=False)
        except BrokerAway:
            # It will be delivered again, which is what everything here is made for.
            _log.info("message not %s: its channel is closed", how)
