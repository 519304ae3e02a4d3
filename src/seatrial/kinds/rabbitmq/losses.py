"""How a queue can drop messages unnoticed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from seatrial.kinds.rabbitmq.config import QueueExpect
from seatrial.kinds.rabbitmq.dead_letters import dead_letter_path
from seatrial.kinds.rabbitmq.reading import QueueSeen, Setting, Vhost

_LIMITS = ("x-max-length", "x-max-length-bytes")
_DROPS = "drop-head"  # what a full queue does unless told otherwise


@dataclass(frozen=True)
class Loss:
    found: str
    fix: str


def losses(vhost: Vhost, name: str, queue: QueueSeen, expect: QueueExpect) -> list[Loss]:
    """Every way, apart from those that the declaration asks for. None for a stream: it is a log."""
    if queue.type == "stream":
        return []
    return [*_of_its_life(queue, expect), *_of_its_messages(vhost, name, queue, expect)]


def _of_its_life(queue: QueueSeen, expect: QueueExpect) -> Iterator[Loss]:
    """The queue goes, and its messages with it. What is declared itself is judged there."""
    if not queue.durable and expect.durable is None:
        yield Loss("it is not durable: a restart of the broker loses its messages", _redeclare(""))
    if queue.auto_delete and expect.auto_delete is None:
        yield Loss("it is deleted, messages and all, when its last consumer leaves", _redeclare(""))
    if queue.exclusive and expect.exclusive is None:
        yield Loss("it is deleted when the connection that declared it closes", _redeclare(""))


def _of_its_messages(
    vhost: Vhost, name: str, queue: QueueSeen, expect: QueueExpect
) -> Iterator[Loss]:
    expires = queue.settings.get("x-expires")
    if expires is not None:
        yield Loss(
            f"{_said('x-expires', expires)} deletes it after that time without use (ms)",
            _remove("x-expires", expires, queue),
        )
    path = dead_letter_path(vhost, queue)
    if path is not None and not path.gap:
        yield from _of_its_work(queue, expect)
        return  # what it drops is kept there
    where = "and what it drops is dead-lettered into nothing" if path else "without a dead-letter"
    where += "" if path else " exchange"
    for key in _LIMITS:
        limit = queue.settings.get(key)
        if limit is not None and (queue.text("x-overflow") or _DROPS) == _DROPS:
            yield Loss(
                f"{_said(key, limit)} drops the oldest messages when it is full, {where}",
                f"{_remove(key, limit, queue)}, or set overflow to reject-publish",
            )
    ttl = queue.settings.get("x-message-ttl")
    if ttl is not None:
        yield Loss(
            f"{_said('x-message-ttl', ttl)} drops messages after that time (ms), {where}",
            f"{_remove('x-message-ttl', ttl, queue)}, or give it a dead-letter exchange",
        )
    tries = queue.settings.get("x-delivery-limit")
    if tries is not None:
        yield Loss(
            f"{_said('x-delivery-limit', tries)} drops messages after so many tries, {where}",
            f"give {name} a dead-letter exchange",
        )


def _of_its_work(queue: QueueSeen, expect: QueueExpect) -> Iterator[Loss]:
    """A limit that nobody declared, on a queue that is to be consumed: its messages end among the
    dead letters without anyone having worked on them. (A queue to wait in is not consumed.)"""
    if expect.consumers is None:
        return
    for key in (*_LIMITS, "x-message-ttl"):
        setting = queue.settings.get(key)
        full = key in _LIMITS and (queue.text("x-overflow") or _DROPS) != _DROPS
        if setting is not None and not full and key not in (expect.arguments or {}):
            yield Loss(
                f"{_said(key, setting)} makes dead letters of messages that nobody has taken yet",
                f"{_remove(key, setting, queue)}, or declare it in `arguments` if it is meant",
            )


def _said(key: str, setting: Setting) -> str:
    return f"{key}={setting.value!r} (set by {setting.by})"


def _remove(key: str, setting: Setting, queue: QueueSeen) -> str:
    if setting.by.startswith(("policy", "operator")):
        return f"take {key.removeprefix('x-')} out of {setting.by}"
    return _redeclare(f" without {key}")


def _redeclare(how: str) -> str:
    return f"delete and declare it again{how or ' as durable, not exclusive, not auto-deleted'}"
