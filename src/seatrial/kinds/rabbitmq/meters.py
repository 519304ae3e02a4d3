"""What only the broker knows of its load."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from seatrial.kinds.base import Target
from seatrial.kinds.rabbitmq.management import Json, Management, quoted
from seatrial.kinds.rabbitmq.place import place_of
from seatrial.kinds.rabbitmq.together import together
from seatrial.kinds.trouble import Trouble
from seatrial.outcome import Cause
from seatrial.waiting import Deadline

_NODE = {
    "memory_used_bytes": "mem_used",
    "memory_limit_bytes": "mem_limit",
    "disk_free_bytes": "disk_free",
    "disk_limit_bytes": "disk_free_limit",
    "file_descriptors_used": "fd_used",
    "sockets_used": "sockets_used",
}
_QUEUES = {
    "messages_ready": "messages_ready",
    "messages_unacknowledged": "messages_unacknowledged",
}


async def read(target: Target, deadline: Deadline) -> Mapping[str, float]:
    """One sample of the whole broker; messages of this component's virtual host.

    Keys end with their unit, counts have none: `queues`, `messages_ready`,
    `messages_unacknowledged`, `connections`, `channels`, `memory_used_bytes`... Figures that this
    broker or user cannot have are left out. Raises Trouble.
    """
    place = place_of(target)
    if place.management is None:
        raise Trouble(Cause.NOT_MEASURED, "there is no management endpoint here")
    api = Management(place.management, deadline.within(place.patience))
    queues_at = f"queues/{quoted(place.vhost)}?disable_stats=true&enable_queue_totals=true"
    queues, nodes, overview = await together((api.many(queues_at), _nodes(api), _overview(api)))
    totals = overview[0].get("object_totals") if overview else None
    found = {"queues": float(len(queues))}
    found |= _summed(queues, _QUEUES)
    if isinstance(totals, dict):
        found |= _summed([totals], {"connections": "connections", "channels": "channels"})
    if nodes:  # else this user may not see them
        found |= _summed(nodes, _NODE)
        alarms = ("mem_alarm", "disk_free_alarm")
        found["alarms"] = float(sum(node.get(key) is True for node in nodes for key in alarms))
    return found


async def _nodes(api: Management) -> list[Json]:
    try:
        return await api.many("nodes")
    except Trouble as trouble:
        if trouble.cause is Cause.NOT_AUTHORISED:
            return []
        raise


async def _overview(api: Management) -> list[Json]:
    return [await api.one("overview")]


def _summed(objects: Iterable[Json], keys: Mapping[str, str]) -> dict[str, float]:
    """Sums over all objects, of those figures that every one of them has as a number."""
    rows = list(objects)
    found: dict[str, float] = {}
    for name, key in keys.items():
        values = [value for row in rows if isinstance(value := row.get(key), int | float)]
        if len(values) == len(rows):
            found[name] = float(sum(values))
    return found
