"""What is expected of a virtual host, held against what it holds. Read-only."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from seatrial.declaration.models import Model
from seatrial.kinds.base import CheckResult, Context, Endpoint, Target
from seatrial.kinds.rabbitmq.config import RabbitmqExpect, satisfies_count
from seatrial.kinds.rabbitmq.counting import Counts, count_all
from seatrial.kinds.rabbitmq.dead_letters import EXCHANGE, Path, dead_letter_path
from seatrial.kinds.rabbitmq.diagnosis import Doctor
from seatrial.kinds.rabbitmq.judge import Judge
from seatrial.kinds.rabbitmq.judging_exchanges import judge_exchange
from seatrial.kinds.rabbitmq.judging_queues import judge_queue
from seatrial.kinds.rabbitmq.management import Management
from seatrial.kinds.rabbitmq.permissions import judge_permissions, read_permissions
from seatrial.kinds.rabbitmq.place import Place, place_of
from seatrial.kinds.rabbitmq.reading import Vhost, read_vhost
from seatrial.kinds.trouble import Trouble
from seatrial.outcome import Cause, Priority
from seatrial.waiting import Deadline

_MARGIN = 0.2  # s that are left at the deadline to say what was not measured


async def check(
    target: Target, expect: Model | None, context: Context, deadline: Deadline
) -> Sequence[CheckResult]:
    """All expectations, and what holds for every broker: dead letters arrive somewhere."""
    wanted = expect if isinstance(expect, RabbitmqExpect) else None
    place = place_of(target)
    until = Deadline(deadline.at - _MARGIN)
    vhost = await _read(place, until)
    results: list[CheckResult] = []
    if wanted is not None:
        judge = _judge(place, vhost, _consumers(place, wanted, context))
        results += await _declared(judge, place, wanted, vhost, until)
    results += _for_every_broker(place, wanted, vhost)
    return results


@dataclass(frozen=True)
class _Unseen:
    """Why something could not be looked at, and what would help."""

    why: str
    fix: str
    refused: bool = False  # its health says so, too


async def _read(place: Place, deadline: Deadline) -> Vhost | _Unseen:
    if place.management is None:
        return _Unseen(
            f"{place.component} has no management endpoint here: only the existence and the "
            "consumers of queues can be seen",
            _with_management(place),
        )
    try:
        api = Management(place.management, deadline.within(place.patience))
        return await read_vhost(api, place.vhost)
    except Trouble as trouble:
        fix = _explained(place, "management", place.management, trouble)
        if trouble.cause is Cause.NOT_AUTHORISED:
            user = place.management.user
            fix = (
                f"rabbitmqctl set_user_tags {user} monitoring; and if it has no permissions on "
                f"{place.vhost} (list_user_permissions {user}), set_permissions -p {place.vhost} "
                f"{user} '^$' '^$' '^$', enough to look: in place of others it takes those away"
            )
        refused = trouble.cause is Cause.NOT_AUTHORISED
        return _Unseen(f"the management API: {trouble.found}", fix, refused=refused)


def _with_management(place: Place) -> str:
    return f"declare endpoints.{place.component}.management: {{url, user, password}}"


def _explained(place: Place, name: str, endpoint: Endpoint | None, trouble: Trouble) -> str:
    assert endpoint is not None, "it was asked"
    return Doctor(place.component, name, endpoint, place.vhost).explain(trouble).fix


def _judge(place: Place, vhost: Vhost | _Unseen, consumers: Mapping[str, str]) -> Judge:
    unseen = vhost if isinstance(vhost, _Unseen) else _Unseen("", "")
    return Judge(place.component, place.vhost, unseen.why, unseen.fix, consumers)


def _consumers(place: Place, wanted: RabbitmqExpect, context: Context) -> Mapping[str, str]:
    """Who should consume each queue: as is expected, else as components say that they do."""
    told = {
        queue: target.name
        for target in context.targets.values()
        for broker, queue in target.config.consumed
        if broker == place.component
    }
    return told | {name: one.consumer for name, one in wanted.queues.items() if one.consumer}


async def _declared(
    judge: Judge,
    place: Place,
    wanted: RabbitmqExpect,
    vhost: Vhost | _Unseen,
    deadline: Deadline,
) -> list[CheckResult]:
    seen = None if isinstance(vhost, _Unseen) else vhost
    (counts, uncounted), permissions = await asyncio.gather(
        _count(place, wanted, deadline), read_permissions(place, wanted, deadline)
    )
    results: list[CheckResult] = []
    for name, queue in wanted.queues.items():
        counted = counts.get(name) or Counts(True, why=uncounted.why, fix=uncounted.fix)
        known = seen is not None or name in counts
        results += judge_queue(judge, name, queue, seen, counted, known=known)
    for name, exchange in wanted.exchanges.items():
        results += judge_exchange(judge, name, exchange, seen)
    results += judge_permissions(judge, wanted.permissions, permissions)
    return results


async def _count(
    place: Place, wanted: RabbitmqExpect, deadline: Deadline
) -> tuple[Mapping[str, Counts], _Unseen]:
    """The consumers of each queue, or why they cannot be counted."""

    def enough(queue: str, found: int) -> bool:
        count = wanted.queues[queue].consumers
        return count is None or satisfies_count(found, count)

    try:
        # Of what AMQP alone could not count, another connection has exclusive use.
        locked = _Unseen("it is exclusive to another connection", _with_management(place))
        return await count_all(place, wanted.queues, deadline, enough=enough), locked
    except Trouble as trouble:
        asked = ("amqp", place.amqp) if place.amqp is not None else ("management", place.management)
        return {}, _Unseen(trouble.found, _explained(place, *asked, trouble))


def _for_every_broker(
    place: Place, wanted: RabbitmqExpect | None, vhost: Vhost | _Unseen
) -> Iterator[CheckResult]:
    """Dead letters of queues of which nothing is declared; p2, since nobody asked for them."""
    judge = Judge(place.component, place.vhost)
    title = f"rejected messages of every queue of {place.component} arrive somewhere"
    if isinstance(vhost, _Unseen):
        if place.management is not None and (wanted is not None or not vhost.refused):
            yield judge.unseen("dead_letters", title, Priority.P2, vhost.why, vhost.fix)
        return
    asked = {name for name, one in wanted.queues.items() if one.dead_letter} if wanted else set()
    paths = {
        name: path
        for name, queue in vhost.queues.items()
        if name not in asked and (path := dead_letter_path(vhost, queue)) is not None
    }
    gaps = {name: path for name, path in paths.items() if path.gap}
    for name, path in gaps.items():
        yield _gap(judge, name, path)
    if not gaps:
        yield judge.result(
            "dead_letters",
            title,
            Priority.P2,
            Cause.UNROUTABLE,
            met=True,
            expected=f"every {EXCHANGE} leads to a queue",
            found=f"{len(paths)} queues beside those declared have one, and all lead to a queue",
        )


def _gap(judge: Judge, name: str, path: Path) -> CheckResult:
    return judge.result(
        f"queue.{name}.dead_letter",
        f"rejected messages of {name} arrive somewhere",
        Priority.P2,
        Cause.UNROUTABLE,
        met=False,
        expected=f"the dead-letter exchange of {name} leads to a queue",
        found=path.gap,
        fix=path.fix,
    )
