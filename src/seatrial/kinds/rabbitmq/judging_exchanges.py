"""One declared exchange, held against what is there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from seatrial.kinds.base import CheckResult
from seatrial.kinds.rabbitmq.config import ExchangeExpect
from seatrial.kinds.rabbitmq.judge import Judge, same, shown
from seatrial.kinds.rabbitmq.reading import Vhost
from seatrial.kinds.rabbitmq.routing import reached
from seatrial.outcome import Cause, Outcome


def judge_exchange(
    judge: Judge, name: str, expect: ExchangeExpect, vhost: Vhost | None
) -> Iterator[CheckResult]:
    """`vhost` None: it could not be read."""
    what = f"exchange.{name}"
    if vhost is None:
        title = f"exchange {name} exists"
        yield judge.unseen(f"{what}.exists", title, expect.priority, judge.unread, judge.unread_fix)
        yield from _unseen(judge, what, name, expect)
        return
    seen = vhost.exchanges.get(name)
    yield judge.result(
        f"{what}.exists",
        f"exchange {name} exists",
        expect.priority,
        Cause.UNROUTABLE,
        met=seen is not None,
        expected=f"an exchange {name} in virtual host {judge.vhost!r}",
        found="it is there" if seen else "it is not there: what is published to it is refused",
        fix=f"start what declares {name}, or declare it",
    )
    if seen is None:
        for one in _unseen(judge, what, name, expect):
            why = f"exchange {name} is not there"
            yield replace(one, outcome=Outcome.SKIPPED, cause=None, found=why, fix="")
        return
    pairs: list[tuple[str, object, object]] = [
        ("type", expect.type, seen.type),
        ("durable", expect.durable, seen.durable),
    ]
    for label, wanted, found in pairs:
        if wanted is not None:
            yield judge.result(
                f"{what}.{label}",
                f"exchange {name} has {label} {shown(wanted)}",
                expect.priority,
                Cause.QUEUE_DRIFT,
                met=same(wanted, found),
                expected=f"{label}: {shown(wanted)}",
                found=f"{label}: {shown(found)}",
                fix=judge.redeclare(
                    f"exchanges.{name}",
                    f"rabbitmqadmin -V {judge.vhost} delete exchange name={name}",
                ),
            )
    for key in expect.routes:
        queues = sorted(reached(vhost, name, key))
        yield judge.result(
            f"{what}.routes.{key}",
            f"what is published to {name} with {key!r} reaches a queue",
            expect.priority,
            Cause.UNROUTABLE,
            met=bool(queues),
            expected=f"a binding of {name} that routes {key!r} to a queue",
            found=f"it reaches {', '.join(queues)}" if queues else "it would reach no queue",
            fix=f"bind a queue to {name} with routing key {key!r}",
        )


def _unseen(judge: Judge, what: str, name: str, expect: ExchangeExpect) -> Iterator[CheckResult]:
    """Everything but the existence, as not measured."""
    parts = [f"routes.{key}" for key in expect.routes]
    parts += [
        part
        for part, declared in (("type", expect.type), ("durable", expect.durable))
        if declared is not None
    ]
    for part in parts:
        yield judge.unseen(
            f"{what}.{part}",
            f"{part.partition('.')[0]} of exchange {name} is as declared",
            expect.priority,
            judge.unread,
            judge.unread_fix,
        )
