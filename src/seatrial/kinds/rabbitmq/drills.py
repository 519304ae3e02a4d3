"""Drills of a broker: its alarms and limits, its permissions, its first declared queue."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial

import httpx
from pamqp import commands

from seatrial.declaration.models import Component
from seatrial.errors import CapabilityMissing
from seatrial.kinds.base import Endpoint
from seatrial.kinds.drill import Drill, Stage
from seatrial.kinds.rabbitmq.config import QueueExpect, RabbitmqConfig, RabbitmqExpect
from seatrial.kinds.rabbitmq.management import quoted
from seatrial.kinds.rabbitmq.place import Place, place_of
from seatrial.kinds.rabbitmq.wire import session
from seatrial.outcome import Cause
from seatrial.waiting import Deadline

_SECONDS = 10.0
_POLICY = "seatrial-drill"
_TINY = "vm_memory_high_watermark.absolute = 1MB"  # less than any broker uses


@dataclass(frozen=True)
class _Broker:
    """Its management API, to change what the drill is about."""

    place: Place
    api: httpx.Client

    @property
    def vhost(self) -> str:
        return quoted(self.place.vhost)

    def get(self, path: str) -> object:
        return self._call("GET", path).json()

    def put(self, path: str, body: object) -> None:
        self._call("PUT", path, body)

    def post(self, path: str, body: object) -> None:
        self._call("POST", path, body)

    def delete(self, path: str) -> None:
        self._call("DELETE", path)

    def _call(self, method: str, path: str, body: object = None) -> httpx.Response:
        answer = self.api.request(method, f"/api/{path}", json=body)
        if answer.is_error:
            raise CapabilityMissing(
                f"the management API answers {method} {path} with {answer.status_code}",
                hint=f"give {self.place.component} a management user that is an administrator",
            )
        return answer


Breaks = Callable[[_Broker], AbstractContextManager[None]]


def drills(component: Component) -> Sequence[Drill]:
    return tuple(_drills(component))


def _drills(component: Component) -> Iterator[Drill]:
    name, config, expect = component.name, component.config, component.expect
    assert isinstance(config, RabbitmqConfig)

    def drill(what: str, title: str, cause: Cause, breaks: Breaks) -> Drill:
        broken = partial(_with, name, breaks)
        return Drill(f"{name}.{what}", f"{name}: {title}", {name: frozenset({cause})}, broken)

    yield Drill(
        f"{name}.blocked-publishers",
        f"{name}: a memory alarm stops publishers",
        {name: frozenset({Cause.BLOCKED_PUBLISHERS})},
        lambda stage: stage.altered(name, config={"options": [*config.options, _TINY]}),
    )
    yield drill("exhausted", "no further connection is let in", Cause.EXHAUSTED, _limited)
    if not isinstance(expect, RabbitmqExpect):
        return
    for user in tuple(expect.permissions)[:1]:
        title = f"{user} may do nothing"
        yield drill("permissions", title, Cause.NOT_AUTHORISED, partial(_without_rights, user))
    for queue, wanted in tuple(expect.queues.items())[:1]:
        yield from _of_queue(queue, wanted, drill)


def _of_queue(
    queue: str, wanted: QueueExpect, drill: Callable[[str, str, Cause, Breaks], Drill]
) -> Iterator[Drill]:
    if wanted.durable:
        title = f"{queue} would not survive a restart"
        yield drill("not-durable", title, Cause.QUEUE_DRIFT, partial(_not_durable, queue))
    if wanted.lossless:
        for what, title, definition in (
            ("length-limit", f"{queue} drops what is too much", {"max-length": 1000}),
            ("expiry", f"{queue} drops what waits too long", {"message-ttl": 3_600_000}),
        ):
            policy = partial(_policy, queue, definition)
            yield drill(what, title, Cause.LOSSY_QUEUE, policy)
    if wanted.dead_letter:
        title = f"what {queue} rejects reaches no queue"
        yield drill("dead-letters", title, Cause.UNROUTABLE, partial(_dead_letters, queue))


@contextmanager
def _with(name: str, breaks: Breaks, stage: Stage) -> Iterator[None]:
    place = place_of(stage.target(name))
    at = place.management
    if at is None:
        raise CapabilityMissing(f"{name} has no management endpoint here", hint="declare one")
    login = (at.user or "", at.password or "")
    base = at.without_login.url.rstrip("/")
    with (
        httpx.Client(base_url=base, auth=login, timeout=_SECONDS, trust_env=False) as api,
        breaks(_Broker(place, api)),
    ):
        yield


@contextmanager
def _limited(broker: _Broker) -> Iterator[None]:
    """Those who are in stay in; who comes anew is refused."""
    limit = f"vhost-limits/{broker.vhost}/max-connections"
    broker.put(limit, {"value": 0})
    try:
        yield
    finally:
        broker.delete(limit)


@contextmanager
def _without_rights(user: str, broker: _Broker) -> Iterator[None]:
    path = f"permissions/{broker.vhost}/{quoted(user)}"
    found = _object(broker.get(path))
    before = {name: found[name] for name in ("configure", "write", "read")}
    broker.put(path, dict.fromkeys(before, "^$"))
    try:
        yield
    finally:
        broker.put(path, before)


@contextmanager
def _policy(queue: str, definition: Mapping[str, int], broker: _Broker) -> Iterator[None]:
    path = f"policies/{broker.vhost}/{_POLICY}"
    pattern = f"^{re.escape(queue)}$"
    body = {"pattern": pattern, "definition": definition, "priority": 999, "apply-to": "queues"}
    broker.put(path, body)
    try:
        yield
    finally:
        broker.delete(path)


@contextmanager
def _dead_letters(queue: str, broker: _Broker) -> Iterator[None]:
    """All bindings of its dead-letter exchange are taken away."""
    found = _object(broker.get(f"queues/{broker.vhost}/{quoted(queue)}"))
    policy = _object(found.get("effective_policy_definition") or {})
    own = _object(found.get("arguments") or {})
    exchange = own.get("x-dead-letter-exchange") or policy.get("dead-letter-exchange")
    if not exchange:
        raise CapabilityMissing(
            f"the dead letters of {queue} go straight to a queue", hint="there is no binding to cut"
        )
    all_bindings = f"exchanges/{broker.vhost}/{quoted(str(exchange))}/bindings/source"
    bindings = [_object(one) for one in _list(broker.get(all_bindings))]
    for one in bindings:
        broker.delete(f"{_path(broker, one)}/{quoted(str(one['properties_key']))}")
    try:
        yield
    finally:
        for one in bindings:
            _bind(broker, one)


def without_queue(component: str, queue: str, stage: Stage) -> AbstractContextManager[None]:
    """The queue is deleted; it stays so only if nobody is left who declares it."""
    return _with(component, partial(_deleted, queue), stage)


@contextmanager
def _deleted(queue: str, broker: _Broker) -> Iterator[None]:
    with _put_back(queue, broker) as found:
        _replace(broker, found, durable=None)
        yield


@contextmanager
def _not_durable(queue: str, broker: _Broker) -> Iterator[None]:
    with _put_back(queue, broker) as found:
        _replace(broker, found, durable=False)
        yield


@contextmanager
def _put_back(queue: str, broker: _Broker) -> Iterator[Mapping[str, object]]:
    """What the queue is like; afterwards it is like that again, with its bindings."""
    path = f"queues/{broker.vhost}/{quoted(queue)}"
    found = _object(broker.get(path))
    bindings = [_object(one) for one in _list(broker.get(f"{path}/bindings"))]
    try:
        yield found
    finally:
        _replace(broker, found, durable=bool(found.get("durable")))
        for one in bindings:
            if one.get("source"):
                _bind(broker, one)


def _replace(broker: _Broker, queue: Mapping[str, object], *, durable: bool | None) -> None:
    """Delete the queue and, but for None, declare it anew at once: nobody comes between."""
    amqp = broker.place.amqp
    if amqp is None:
        raise CapabilityMissing(f"{broker.place.component} has no AMQP endpoint here")
    asyncio.run(_replaced(amqp, queue, durable))


async def _replaced(endpoint: Endpoint, queue: Mapping[str, object], durable: bool | None) -> None:
    name = str(queue["name"])
    delete = commands.Queue.Delete(queue=name)
    declare = commands.Queue.Declare(
        queue=name,
        durable=bool(durable),
        auto_delete=bool(queue.get("auto_delete")),
        arguments=dict(_object(queue.get("arguments") or {})),  # type: ignore[arg-type]
    )
    async with session(endpoint, Deadline.after(_SECONDS)) as amqp:
        channel = await amqp.channel()
        if durable is None:
            await amqp.ask(channel, delete, commands.Queue.DeleteOk)
            return
        amqp.send(channel, delete, declare)
        while not isinstance(await amqp.receive(channel), commands.Queue.DeclareOk):
            pass


def _path(broker: _Broker, binding: Mapping[str, object]) -> str:
    source, to = quoted(str(binding["source"])), quoted(str(binding["destination"]))
    kind = "q" if binding["destination_type"] == "queue" else "e"
    return f"bindings/{broker.vhost}/e/{source}/{kind}/{to}"


def _bind(broker: _Broker, binding: Mapping[str, object]) -> None:
    body = {"routing_key": binding["routing_key"], "arguments": binding["arguments"]}
    broker.post(_path(broker, binding), body)


def _object(found: object) -> Mapping[str, object]:
    return found if isinstance(found, dict) else {}


def _list(found: object) -> Sequence[object]:
    return found if isinstance(found, list) else ()
