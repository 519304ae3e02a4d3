"""Is this broker there, and if not, why: an AMQP login and the management API, at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from typing import Any

from seatrial.kinds.base import Context, Endpoint, ProbeResult, Target
from seatrial.kinds.programs import down_by_states, waiting_by_states
from seatrial.kinds.rabbitmq.config import RabbitmqConfig
from seatrial.kinds.rabbitmq.diagnosis import Doctor
from seatrial.kinds.rabbitmq.management import Json, Management, NotThere
from seatrial.kinds.rabbitmq.place import Place, place_of
from seatrial.kinds.rabbitmq.together import together
from seatrial.kinds.rabbitmq.wire import session
from seatrial.kinds.strangers import AMQP, HTTP, identify
from seatrial.kinds.trouble import Diagnosis, Trouble
from seatrial.kinds.versions import satisfies
from seatrial.outcome import Cause, Connection, Health
from seatrial.waiting import Deadline

_SILENCE = 0.5  # s without an answer, after which to ask what else might live there
_ALARMS = {"mem_alarm": "its memory alarm", "disk_free_alarm": "its disk space alarm"}


@dataclass(frozen=True)
class _Seen:
    """What one endpoint showed: a version, or trouble; `note` is a warning."""

    version: str | None = None
    trouble: Diagnosis | None = None
    note: Diagnosis | None = None


async def probe(target: Target, context: Context, deadline: Deadline) -> ProbeResult:
    """Look once. The answer comes before `deadline`, and within the component's patience."""
    if (known := down_by_states(target) or waiting_by_states(target)) is not None:
        return known
    started = time.monotonic()
    config = target.config
    assert isinstance(config, RabbitmqConfig)
    until = deadline.within(config.patience)
    place = place_of(target)
    amqp, api = await together((_look_at_amqp(place, until), _look_at_api(place, until)))
    result = _judge(place, amqp, api, config, time.monotonic() - started)
    untagged = result.health is Health.HEALTHY and result.cause is Cause.NOT_AUTHORISED
    if untagged and target.provider.in_containers:
        # The user of the project's own services, who rightly may not look.
        return replace(result, cause=None, expected="", found="", fix="")
    return result


async def _look_at_amqp(place: Place, until: Deadline) -> _Seen:
    if place.amqp is None:
        return _Seen()
    doctor = Doctor(place.component, "amqp", place.amqp, place.vhost)
    return await _expose(_login(place.amqp, until), doctor, until)


async def _look_at_api(place: Place, until: Deadline) -> _Seen:
    if place.management is None:
        return _Seen()
    doctor = Doctor(place.component, "management", place.management, place.vhost)
    return await _expose(_ask(doctor, until), doctor, until)


async def _login(endpoint: Endpoint, until: Deadline) -> _Seen:
    async with session(endpoint, until) as one:
        return _Seen(version=one.version or None)


async def _ask(doctor: Doctor, until: Deadline) -> _Seen:
    """The version, and the alarms of all nodes. Raises Trouble."""
    api = Management(doctor.endpoint, until)
    overview, nodes = await api.one("overview"), await _nodes(api)
    version = overview.get("rabbitmq_version", overview.get("product_version"))
    if not isinstance(version, str):
        raise Trouble(Cause.WRONG_PROGRAM, f"{doctor.endpoint.address} tells no RabbitMQ version")
    raised = [
        f"{words} on {node.get('name')}"
        for node in nodes or ()
        for key, words in _ALARMS.items()
        if node.get(key) is True
    ]
    return _Seen(
        version=version,
        trouble=doctor.alarms(raised) if raised else None,
        note=doctor.unseen_alarms() if nodes is None else None,
    )


async def _nodes(api: Management) -> list[Json] | None:
    """All nodes; None for a user that may not see them."""
    columns = ",".join(("name", "running", *_ALARMS))
    try:
        return await api.many(f"nodes?columns={columns}")
    except Trouble as trouble:
        if trouble.cause is Cause.NOT_AUTHORISED and "monitor" in trouble.found:
            return None
        raise


async def _expose(looking: Awaitable[_Seen], doctor: Doctor, until: Deadline) -> _Seen:
    """Look, and after some silence, or a hang-up, find out who answers instead of the broker."""
    look = asyncio.ensure_future(looking)
    try:
        await asyncio.wait({look}, timeout=min(_SILENCE, until.remaining()))
        if not look.done() and (who := await _stranger(look, doctor)) is not None:
            return _Seen(trouble=doctor.stranger(who))
        return await look
    except NotThere:
        trouble = Trouble(Cause.WRONG_PROGRAM, "the management API lacks what RabbitMQ has")
        return _Seen(trouble=doctor.explain(trouble))
    except Trouble as trouble:
        odd = trouble.cause in (Cause.REFUSED, Cause.WRONG_PROGRAM)
        connected = "no connection" not in trouble.found
        if odd and connected and (who := await identify(doctor.endpoint, _own(doctor))) is not None:
            return _Seen(trouble=doctor.stranger(who))
        return _Seen(trouble=doctor.explain(trouble))
    finally:
        look.cancel()
        await asyncio.gather(look, return_exceptions=True)


async def _stranger(look: asyncio.Future[_Seen], doctor: Doctor) -> str | None:
    """Who answers to other greetings, unless the broker answers after all first."""
    asking = asyncio.ensure_future(identify(doctor.endpoint, _own(doctor)))
    try:
        both: set[asyncio.Future[Any]] = {look, asking}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        return asking.result() if asking.done() and not look.done() else None
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)


def _own(doctor: Doctor) -> str:
    return AMQP if doctor.name == "amqp" else HTTP


def _judge(
    place: Place, amqp: _Seen, api: _Seen, config: RabbitmqConfig, took: float
) -> ProbeResult:
    endpoint = place.amqp or place.management
    assert endpoint is not None
    doctor = Doctor(place.component, "amqp", endpoint, place.vhost)
    version = amqp.version or api.version
    if _only_untagged(place, api):
        api = _Seen(note=Doctor(place.component, "management", endpoint, place.vhost).untagged())
    trouble = amqp.trouble or api.trouble
    if trouble is None and version and config.version and not satisfies(version, config.version):
        trouble = doctor.version(config.version, version)
    slow = doctor.slow(config.time_limit, took) if took > config.time_limit else None
    shown = trouble or slow or api.note
    down = amqp.trouble if place.amqp is not None else api.version is None
    return ProbeResult(
        health=Health.UNHEALTHY if trouble else Health.HEALTHY,
        connection=Connection.DISCONNECTED if down else Connection.CONNECTED,
        response_time_ms=took * 1000,
        cause=shown.cause if shown else None,
        expected=shown.expected if shown else "",
        found=shown.found if shown else "",
        fix=shown.fix if shown else "",
        version=version,
    )


def _only_untagged(place: Place, api: _Seen) -> bool:
    """What the system's own user lacks to be looked at with, the system does not need. Whoever
    declares a user of its own for the management API means that one to be let in."""
    if place.amqp is None or place.management is None:
        return False
    refused = api.trouble is not None and api.trouble.cause is Cause.NOT_AUTHORISED
    return refused and place.amqp.user == place.management.user
