"""Find and remove the messages that trials left in queues, by the keys that the ledger wrote down.

A message is a trial's own when its correlation id, its message id or its header `x-seatrial` is one
of the keys. Messages are taken one after another without acknowledging them, so that each is seen
once; then the trial's own are acknowledged, and all others go back to where they were.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence

from pamqp import commands

from seatrial.declaration.models import CleanUp
from seatrial.errors import SeatrialError
from seatrial.kinds.base import Target
from seatrial.kinds.rabbitmq.config import RabbitmqCleanUp
from seatrial.kinds.rabbitmq.place import place_of
from seatrial.kinds.rabbitmq.trouble import NOT_FOUND, ChannelClosed
from seatrial.kinds.rabbitmq.wire import Content, Session, session
from seatrial.kinds.trouble import Trouble
from seatrial.waiting import Deadline

HEADER = "x-seatrial"
_LIMIT = 10_000  # messages looked at in one queue
_TIME = 30.0  # s, for all queues together


class _QueuesCleanUp:
    def left(self, target: Target, how: CleanUp, keys: Sequence[str]) -> int:
        """How many messages with these keys are in `how.queues`. Raises SeatrialError."""
        return _run(target, how, keys, remove=False)

    def remove(self, target: Target, how: CleanUp, keys: Sequence[str]) -> None:
        """Remove exactly those. Raises SeatrialError, also for a queue too long to search."""
        _run(target, how, keys, remove=True)


CLEAN_UP = _QueuesCleanUp()


def _run(target: Target, how: CleanUp, keys: Sequence[str], *, remove: bool) -> int:
    assert isinstance(how, RabbitmqCleanUp)
    if not keys:
        return 0
    return _outside_of_any_loop(lambda: _all(target, how.queues, frozenset(keys), remove))


def _outside_of_any_loop(work: Callable[[], Awaitable[int]]) -> int:
    """Run it to its end in a thread of its own: the caller's may have a loop that runs."""
    results: list[int] = []
    errors: list[BaseException] = []

    async def main() -> int:
        return await work()

    def body() -> None:
        try:
            results.append(asyncio.run(main()))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=body, name="rabbitmq clean-up")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


async def _all(target: Target, queues: Sequence[str], keys: frozenset[str], remove: bool) -> int:
    place = place_of(target)
    if place.amqp is None:
        raise SeatrialError(
            f"{target.name}: messages cannot be searched without an AMQP endpoint",
            hint=f"declare endpoints.{target.name}.amqp",
        )
    found = 0
    try:
        async with session(place.amqp, Deadline.after(_TIME)) as amqp:
            for queue in queues:
                found += await _search(amqp, target.name, queue, keys, remove)
    except Trouble as trouble:
        raise SeatrialError(f"{target.name}: {trouble.found}") from trouble
    return found


async def _search(
    amqp: Session, component: str, queue: str, keys: frozenset[str], remove: bool
) -> int:
    """Look at every message that is ready, each once; the count of those with one of the keys."""
    channel = await amqp.channel()
    own: list[int] = []
    last = 0
    try:
        while last < _LIMIT:
            amqp.send(channel, commands.Basic.Get(queue=queue, no_ack=False))
            got = await amqp.receive(channel)
            if not isinstance(got, commands.Basic.GetOk):
                break
            last = got.delivery_tag or 0
            if _belongs(await amqp.content(channel), keys):
                own.append(last)
        else:
            raise SeatrialError(
                f"{component}: {queue} holds more than {_LIMIT} messages: not searched to its end",
                hint=f"empty {queue}, or let trials use one that is not shared",
            )
        if remove:
            for tag in own:
                amqp.send(channel, commands.Basic.Ack(tag))
    except ChannelClosed as closed:
        if closed.code == NOT_FOUND:
            return 0  # where there is no queue, nothing is left in it
        raise SeatrialError(f"{component}: {queue} cannot be searched: {closed.text}") from closed
    # What is not acknowledged returns to its place when its channel closes.
    await amqp.ask(channel, commands.Channel.Close(200, "", 0, 0), commands.Channel.CloseOk)
    return len(own)


def _belongs(content: Content, keys: frozenset[str]) -> bool:
    properties = content.properties
    header = (properties.headers or {}).get(HEADER)
    return not keys.isdisjoint(
        one
        for one in (properties.correlation_id, properties.message_id, header)
        if isinstance(one, str)
    )
