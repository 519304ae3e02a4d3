"""What trials talk to a broker with: `broker.queue("tasks")`, `await broker.aio.queue("tasks")`.

Each call opens a connection of its own (some 5 ms) and closes it: nothing goes stale while a trial
stops, freezes or restarts the broker, and every event loop may be used. Each call ends after
`timeout` seconds: a hang is to be noticed, not waited out.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Coroutine, Mapping
from concurrent import futures
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from pamqp import commands

from seatrial.kinds.base import Endpoint, Target
from seatrial.kinds.rabbitmq.answers import (
    Binding,
    Message,
    NotConfirmed,
    QueueInfo,
    QueueMissing,
    binding_of,
    info_of,
    message_of,
)
from seatrial.kinds.rabbitmq.counting import Counts, count_all
from seatrial.kinds.rabbitmq.management import Json, Management, NotThere, quoted
from seatrial.kinds.rabbitmq.place import Place, place_of
from seatrial.kinds.rabbitmq.reading import Vhost, read_vhost
from seatrial.kinds.rabbitmq.trouble import ChannelClosed
from seatrial.kinds.rabbitmq.wire import Content, Session, session
from seatrial.kinds.trouble import Trouble
from seatrial.outcome import Cause
from seatrial.waiting import Deadline

TIMEOUT = 5.0  # s

T = TypeVar("T")


@dataclass(frozen=True)
class AsyncRabbitmqClient:
    """The asynchronous twin: the same methods, for whatever loop runs."""

    place: Place
    timeout: float = TIMEOUT

    async def queue(self, name: str) -> QueueInfo:
        """All about one queue. Raises QueueMissing, Trouble."""
        counts = await self._counts(name)
        api = self._api()
        vhost = await read_vhost(api, self.place.vhost)
        if name not in vhost.queues:
            raise QueueMissing(f"there is no queue {name!r}")
        try:
            stats = await api.one(f"queues/{quoted(self.place.vhost)}/{quoted(name)}")
            totals = await self._totals(api, name)
        except NotThere as error:
            raise QueueMissing(f"there is no queue {name!r}") from error
        return info_of(vhost.queues[name], counts, stats, totals)

    async def queue_exists(self, name: str) -> bool:
        return (await self._count(name)).exists

    async def consumer_count(self, name: str) -> int:
        """Exact, also right after a consumer came or went. Raises QueueMissing, Trouble."""
        found = (await self._counts(name)).consumers
        if found is None:
            raise Trouble(Cause.NOT_MEASURED, f"the consumers of {name} are not known")
        return found

    async def message_count(self, name: str) -> int:
        """Messages that are ready to be delivered, exactly. Raises QueueMissing, Trouble."""
        found = (await self._counts(name)).ready
        if found is None:
            raise Trouble(Cause.NOT_MEASURED, f"the messages in {name} are not known")
        return found

    async def bindings(self, queue: str) -> tuple[Binding, ...]:
        """How a queue is bound, the default exchange left out."""
        vhost = await self.read()
        return tuple(binding_of(b) for b in vhost.bindings if b.to_queue and b.destination == queue)

    async def read(self) -> Vhost:
        """Queues, exchanges and bindings of the virtual host. Raises Trouble."""
        return await read_vhost(self._api(), self.place.vhost)

    async def publish(
        self,
        body: bytes | str | Mapping[str, object],
        routing_key: str,
        *,
        exchange: str = "",
        correlation_id: str | None = None,
        message_id: str | None = None,
        headers: Mapping[str, object] | None = None,
        content_type: str | None = None,
        persistent: bool = True,
    ) -> None:
        """Publish one message and return when the broker has taken it (mandatory, confirmed).

        A mapping is sent as JSON. Raises NotConfirmed when it reaches no queue or is refused.
        """
        if isinstance(body, Mapping):
            body, content_type = json.dumps(body), content_type or "application/json"
        properties = commands.Basic.Properties(
            content_type=content_type,
            delivery_mode=2 if persistent else 1,
            correlation_id=correlation_id,
            message_id=message_id,
            headers=dict(headers) if headers else None,  # type: ignore[arg-type]
        )
        content = Content(properties, body.encode() if isinstance(body, str) else body)
        method = commands.Basic.Publish(exchange=exchange, routing_key=routing_key, mandatory=True)
        async with self._session() as amqp:
            channel = await amqp.channel()
            await amqp.ask(channel, commands.Confirm.Select(), commands.Confirm.SelectOk)
            amqp.send_content(channel, method, content)
            try:
                await _confirmed(amqp, channel)
            except ChannelClosed as closed:
                raise NotConfirmed(f"the broker refused the message: {closed.text}") from closed

    async def get(self, queue: str, *, ack: bool = False) -> Message | None:
        """The first message that is ready, or None.

        Without `ack` it is put back where it was (and is marked as redelivered from then on).
        Raises QueueMissing, Trouble.
        """
        async with self._session() as amqp:
            channel = await amqp.channel()
            amqp.send(channel, commands.Basic.Get(queue=queue, no_ack=False))
            try:
                got = await amqp.receive(channel)
            except ChannelClosed as closed:
                raise QueueMissing(f"cannot get from {queue!r}: {closed.text}") from closed
            if not isinstance(got, commands.Basic.GetOk):
                return None
            content = await amqp.content(channel)
            tag = got.delivery_tag or 0
            if ack:
                amqp.send(channel, commands.Basic.Ack(tag))
            else:
                amqp.send(channel, commands.Basic.Nack(tag, multiple=False, requeue=True))
            # Closing is answered only after what was sent before has been done.
            await amqp.ask(channel, _CLOSE, commands.Channel.CloseOk)
            return message_of(got, content)

    # --------------------------------------------------------------------------------------------

    def _session(self) -> AbstractAsyncContextManager[Session]:
        return session(_needed(self.place.amqp, "AMQP"), Deadline.after(self.timeout))

    def _api(self) -> Management:
        endpoint = _needed(self.place.management, "management")
        return Management(endpoint, Deadline.after(self.timeout))

    async def _count(self, name: str) -> Counts:
        deadline = Deadline.after(self.timeout)
        return (await count_all(self.place, [name], deadline))[name]

    async def _counts(self, name: str) -> Counts:
        counts = await self._count(name)
        if not counts.exists:
            raise QueueMissing(f"there is no queue {name!r}")
        return counts

    async def _totals(self, api: Management, name: str) -> Json:
        """Live counts, which newer brokers give beside the settings; {} from older ones."""
        path = f"queues/{quoted(self.place.vhost)}?disable_stats=true&enable_queue_totals=true"
        return next((one for one in await api.many(path) if one.get("name") == name), {})


_CLOSE = commands.Channel.Close(200, "", 0, 0)


def _needed(endpoint: Endpoint | None, what: str) -> Endpoint:
    if endpoint is None:
        raise Trouble(Cause.NOT_MEASURED, f"there is no {what} endpoint here")
    return endpoint


async def _confirmed(amqp: Session, channel: int) -> None:
    returned: commands.Basic.Return | None = None
    while True:
        answer = await amqp.receive(channel)
        if isinstance(answer, commands.Basic.Return):
            returned = answer
            await amqp.content(channel)
        elif isinstance(answer, commands.Basic.Nack):
            raise NotConfirmed("the broker refused the message (a full queue, say)")
        elif isinstance(answer, commands.Basic.Ack):
            if returned is not None:
                where = f"exchange {returned.exchange!r}, routing key {returned.routing_key!r}"
                raise NotConfirmed(f"the message reached no queue: {where}")
            return


class RabbitmqClient:
    """The synchronous client: every method of `AsyncRabbitmqClient`, and that one at `.aio`.

    Calls run on an event loop in a thread of the client's own, so they work anywhere, also where
    another loop runs. It starts with the first call and ends with `close()`.
    """

    def __init__(self, target: Target, timeout: float = TIMEOUT) -> None:
        self.aio = AsyncRabbitmqClient(place_of(target), timeout)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def queue(self, name: str) -> QueueInfo:
        return self._run(self.aio.queue(name))

    def queue_exists(self, name: str) -> bool:
        return self._run(self.aio.queue_exists(name))

    def consumer_count(self, name: str) -> int:
        return self._run(self.aio.consumer_count(name))

    def message_count(self, name: str) -> int:
        return self._run(self.aio.message_count(name))

    def bindings(self, queue: str) -> tuple[Binding, ...]:
        return self._run(self.aio.bindings(queue))

    def read(self) -> Vhost:
        return self._run(self.aio.read())

    def publish(
        self,
        body: bytes | str | Mapping[str, object],
        routing_key: str,
        *,
        exchange: str = "",
        correlation_id: str | None = None,
        message_id: str | None = None,
        headers: Mapping[str, object] | None = None,
        content_type: str | None = None,
        persistent: bool = True,
    ) -> None:
        self._run(
            self.aio.publish(
                body,
                routing_key,
                exchange=exchange,
                correlation_id=correlation_id,
                message_id=message_id,
                headers=headers,
                content_type=content_type,
                persistent=persistent,
            )
        )

    def get(self, queue: str, *, ack: bool = False) -> Message | None:
        return self._run(self.aio.get(queue, ack=ack))

    def close(self) -> None:
        """End the thread, and with it what other threads still wait for; the next call starts
        another."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is not None and thread is not None:
            asyncio.run_coroutine_threadsafe(_end(), loop)
            thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=_serve, args=(self._loop,), name="rabbitmq client", daemon=True
                )
                self._thread.start()
            running = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return running.result()
        except futures.CancelledError:
            raise ConnectionAbortedError("the client was closed meanwhile") from None
        except BaseException:  # an interrupt too
            running.cancel()
            raise


async def _end() -> None:
    """Cancel all that runs in this loop, then stop it: who waits for a result must not for ever."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    asyncio.get_running_loop().stop()


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()
