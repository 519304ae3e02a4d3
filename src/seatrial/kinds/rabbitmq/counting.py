"""Counting consumers and messages of queues, exactly where that is possible."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from pamqp import commands

from seatrial.kinds.base import Endpoint, Target
from seatrial.kinds.rabbitmq.management import Json, Management, NotThere, quoted
from seatrial.kinds.rabbitmq.place import Place, place_of
from seatrial.kinds.rabbitmq.together import together
from seatrial.kinds.rabbitmq.trouble import NOT_FOUND, RESOURCE_LOCKED, ChannelClosed
from seatrial.kinds.rabbitmq.wire import session
from seatrial.kinds.trouble import Trouble
from seatrial.outcome import Cause
from seatrial.waiting import Deadline, backoff

#: The management API's samples are 5 s apart unless the broker is told otherwise, and need up to
#: as long again to be gathered.
_OLDEST_SAMPLE = 10.5  # s


@dataclass(frozen=True)
class Counts:
    """Of one queue. `sampled`: from the management API, and so some seconds old."""

    exists: bool
    consumers: int | None = None  # None: it could not be counted; `why` says so
    ready: int | None = None
    sampled: bool = False
    why: str = ""
    fix: str = ""


async def count(target: Target, queue: str, deadline: Deadline) -> int:
    """How many consumers a queue has. Raises LookupError if there is none, and Trouble."""
    counts = (await count_all(place_of(target), [queue], deadline))[queue]
    if not counts.exists:
        raise LookupError(f"{target.name} has no queue {queue!r}")
    if counts.consumers is None:
        raise Trouble(Cause.NOT_MEASURED, counts.why)
    return counts.consumers


async def count_all(
    place: Place,
    queues: Iterable[str],
    deadline: Deadline,
    *,
    enough: Callable[[str, int], bool] = lambda _queue, _count: True,
) -> Mapping[str, Counts]:
    """Consumers and ready messages of several queues, by passive declares: exact and read-only.

    These need no permission but to enter the virtual host. Where AMQP is of no use, the management
    API tells; a count that is not `enough` is then looked at again until it cannot be old any more.
    Raises Trouble.
    """
    names = list(queues)
    trouble: Trouble | None = None
    found: dict[str, Counts] = {}
    if place.amqp is not None:
        try:
            found = await _declare_all(place.amqp, names, deadline.within(place.patience))
        except Trouble as error:
            trouble = error
    missing = [name for name in names if name not in found]
    if not missing or place.management is None:
        if trouble is not None:
            raise trouble
        return found
    try:
        sampled = await together(
            _sampled(place, place.management, name, enough, deadline) for name in missing
        )
    except Trouble:
        if trouble is not None:
            raise trouble from None  # AMQP's trouble is the one to repair
        raise
    return found | dict(zip(missing, sampled, strict=True))


async def _declare_all(
    endpoint: Endpoint, names: list[str], deadline: Deadline
) -> dict[str, Counts]:
    found: dict[str, Counts] = {}
    async with session(endpoint, deadline) as amqp:
        channel: int | None = None
        for name in names:
            channel = await amqp.channel() if channel is None else channel
            question = commands.Queue.Declare(queue=name, passive=True)
            try:
                answer = await amqp.ask(channel, question, commands.Queue.DeclareOk)
            except ChannelClosed as closed:
                channel = None
                if closed.code == NOT_FOUND and "no queue" in closed.text:
                    found[name] = Counts(exists=False)
                elif closed.code != RESOURCE_LOCKED:  # 404 also where the queue's node is down
                    found[name] = Counts(
                        exists=True,
                        why=f"the broker says: {closed.text}",
                        fix="see whether a node of it is down: rabbitmqctl list_queues name state",
                    )
                # Locked by another connection: only the management API tells of it.
            else:
                found[name] = Counts(True, answer.consumer_count, answer.message_count)
    return found


async def _sampled(
    place: Place,
    endpoint: Endpoint,
    name: str,
    enough: Callable[[str, int], bool],
    deadline: Deadline,
) -> Counts:
    until = deadline.within(_OLDEST_SAMPLE)
    for pause in backoff():
        try:
            api = Management(endpoint, deadline.within(place.patience))
            seen = await api.one(f"queues/{quoted(place.vhost)}/{quoted(name)}")
        except NotThere:
            return Counts(exists=False)
        consumers = _number(seen, "consumers")
        if consumers is not None and (enough(name, consumers) or until.remaining() < 2 * pause):
            return Counts(True, consumers, _number(seen, "messages_ready"), sampled=True)
        if until.remaining() < 2 * pause:
            return Counts(
                exists=True,
                why="the management API has no sample of it yet",
                fix="look again in some seconds, or let AMQP be used, which knows at once",
            )
        await asyncio.sleep(pause)
    raise AssertionError("unreachable")


def _number(seen: Json, key: str) -> int | None:
    found = seen.get(key)
    return found if isinstance(found, int) else None
