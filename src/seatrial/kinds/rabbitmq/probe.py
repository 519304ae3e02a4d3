"""Is this broker there, and if not, why: an AMQP login and the management API, at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

from seatrial.kinds.base import Context, Endpoint, ProbeResult, Target
from seatrial.kinds.programs import down_by_states, waiting_by_states
from seatrial.kinds.rabbitmq.config import RabbitmqConfig
from seatrial.kinds.rabbitmq.diagnosis import Diagnosis, Doctor
from seatrial.kinds.rabbitmq.management import Json, Management, NotThere
from seatrial.kinds.rabbitmq.strangers import identify
from seatrial.kinds.rabbitmq.trouble import BrokerTrouble
from seatrial.kinds.rabbitmq.wire import session, vhost_of
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
    user: str | None = None  # who asked the management API, and the tags of that user
    tags: tuple[str, ...] = ()


async def probe(target: Target, context: Context, deadline: Deadline) -> ProbeResult:
    """Look once. The answer comes before `deadline`, and within the component's patience."""
    if (known := down_by_states(target) or waiting_by_states(target)) is not None:
        return known
    started = time.monotonic()
    config = target.config
    assert isinstance(config, RabbitmqConfig)
    until = deadline.within(config.patience)
    amqp_at, vhost = target.endpoint("amqp"), vhost_of(target.endpoint("amqp"))
    doctor = Doctor(target.name, "amqp", amqp_at, vhost)
    amqp = _expose(_login(amqp_at, until), doctor, until)
    if "management" in target.endpoints:
        api_at = target.endpoint("management")
        api_doctor = Doctor(target.name, "management", api_at, vhost)
        seen, api = await asyncio.gather(
            amqp, _expose(_ask(api_at, api_doctor, until), api_doctor, until)
        )
    else:
        seen, api = await amqp, _Seen()
    return _judge(seen, api, doctor, config, time.monotonic() - started)


async def _login(endpoint: Endpoint, until: Deadline) -> _Seen:
    async with session(endpoint, until) as one:
        return _Seen(version=one.version or None)


async def _ask(endpoint: Endpoint, doctor: Doctor, until: Deadline) -> _Seen:
    """Version, the user's tags, and the alarms of all nodes. Raises BrokerTrouble."""
    api = Management(endpoint, until)
    overview, who, nodes = await asyncio.gather(api.one("overview"), api.one("whoami"), _nodes(api))
    version = overview.get("rabbitmq_version", overview.get("product_version"))
    if not isinstance(version, str):
        raise BrokerTrouble(Cause.WRONG_PROGRAM, f"{endpoint.address} tells no RabbitMQ version")
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
        user=endpoint.user,
        tags=_tags(who),
    )


async def _nodes(api: Management) -> list[Json] | None:
    """All nodes; None for a user that may not see them."""
    columns = ",".join(("name", "running", *_ALARMS))
    try:
        return await api.many(f"nodes?columns={columns}")
    except BrokerTrouble as trouble:
        if trouble.cause is Cause.NOT_AUTHORISED and "monitor" in trouble.found:
            return None
        raise


def _tags(who: Json) -> tuple[str, ...]:
    tags = who.get("tags", ())
    if isinstance(tags, str):  # before 3.9
        return tuple(tag.strip() for tag in tags.split(","))
    return tuple(str(tag) for tag in tags) if isinstance(tags, list) else ()


async def _expose(looking: Awaitable[_Seen], doctor: Doctor, until: Deadline) -> _Seen:
    """Look, and after some silence, or a hang-up, find out who answers instead of the broker."""
    look = asyncio.ensure_future(looking)
    try:
        await asyncio.wait({look}, timeout=min(_SILENCE, until.remaining()))
        if not look.done() and (who := await _stranger(look, doctor)) is not None:
            return _Seen(trouble=doctor.stranger(who))
        return await look
    except NotThere:
        trouble = BrokerTrouble(Cause.WRONG_PROGRAM, "the management API lacks what RabbitMQ has")
        return _Seen(trouble=doctor.explain(trouble))
    except BrokerTrouble as trouble:
        odd = trouble.cause in (Cause.REFUSED, Cause.WRONG_PROGRAM)
        connected = "no connection" not in trouble.found
        if odd and connected and (who := await identify(doctor.endpoint)) is not None:
            return _Seen(trouble=doctor.stranger(who))
        return _Seen(trouble=doctor.explain(trouble))
    finally:
        look.cancel()
        await asyncio.gather(look, return_exceptions=True)


async def _stranger(look: asyncio.Future[_Seen], doctor: Doctor) -> str | None:
    """Who answers to other greetings, unless the broker answers after all first."""
    asking = asyncio.ensure_future(identify(doctor.endpoint))
    try:
        both: set[asyncio.Future[Any]] = {look, asking}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        return asking.result() if asking.done() and not look.done() else None
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)


def _judge(
    amqp: _Seen, api: _Seen, doctor: Doctor, config: RabbitmqConfig, took: float
) -> ProbeResult:
    version = amqp.version or api.version
    observer = _may_only_observe(amqp, api, doctor.endpoint)
    trouble = (None if observer else amqp.trouble) or api.trouble
    if trouble is None and version and config.version and not satisfies(version, config.version):
        trouble = doctor.version(config.version, version)
    note = doctor.observer() if observer else api.note
    if took > config.time_limit:
        note = doctor.slow(config.time_limit, took)
    shown = trouble or note
    up = amqp.trouble is None or observer
    return ProbeResult(
        health=Health.UNHEALTHY if trouble else Health.HEALTHY,
        connection=Connection.CONNECTED if up else Connection.DISCONNECTED,
        response_time_ms=took * 1000,
        cause=shown.cause if shown else None,
        expected=shown.expected if shown else "",
        found=shown.found if shown else "",
        fix=shown.fix if shown else "",
        version=version,
    )


def _may_only_observe(amqp: _Seen, api: _Seen, endpoint: Endpoint) -> bool:
    """A monitoring user without rights on the virtual host: enough to check with, by intent.

    An administrator without rights is not meant so: that is how a service's user looks whose
    permissions were forgotten.
    """
    refused = amqp.trouble is not None and amqp.trouble.cause is Cause.NOT_AUTHORISED
    same = api.user == endpoint.user
    return refused and same and "monitoring" in api.tags and "administrator" not in api.tags
