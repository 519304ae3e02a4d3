"""One declared queue, held against what is there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from seatrial.kinds.base import CheckResult
from seatrial.kinds.rabbitmq.config import QueueExpect, satisfies_count
from seatrial.kinds.rabbitmq.counting import Counts
from seatrial.kinds.rabbitmq.dead_letters import dead_letter_path
from seatrial.kinds.rabbitmq.judge import Judge, same, shown
from seatrial.kinds.rabbitmq.losses import losses
from seatrial.kinds.rabbitmq.reading import QueueSeen, Vhost
from seatrial.outcome import Cause, Outcome


def judge_queue(
    judge: Judge,
    name: str,
    expect: QueueExpect,
    vhost: Vhost | None,
    counts: Counts,
    *,
    known: bool,
) -> Iterator[CheckResult]:
    """`vhost` None: it could not be read. `known`: whether the queue exists is known at all."""
    title = f"queue {name} exists"
    if not known:
        yield judge.unseen(f"queue.{name}.exists", title, expect.priority, counts.why, counts.fix)
        yield from _queue_unseen(judge, name, expect)
        return
    seen = vhost.queues.get(name) if vhost is not None else None
    exists = seen is not None if vhost is not None else counts.exists
    existence = judge.result(
        f"queue.{name}.exists",
        title,
        expect.priority,
        Cause.QUEUE_MISSING,
        met=exists,
        expected=f"a queue {name} in virtual host {judge.vhost!r}",
        found="it is there" if exists else _not_there(name, vhost),
        fix=f"start what declares {name}, or declare it",
    )
    yield replace(existence, subject=name)
    if not exists:
        for one in _queue_unseen(judge, name, expect):
            found = f"queue {name} is not there"
            yield replace(one, outcome=Outcome.SKIPPED, cause=None, found=found, fix="")
        return
    if expect.consumers is not None:
        yield _consumers(judge, name, expect, counts)
    if vhost is None or seen is None:
        yield from (r for r in _queue_unseen(judge, name, expect) if not _is_count(r))
        return
    yield from _properties(judge, name, expect, seen)
    yield from _paths(judge, name, expect, seen, vhost)


def _is_count(result: CheckResult) -> bool:
    return result.id.endswith(".consumers")


def _not_there(name: str, vhost: Vhost | None) -> str:
    if vhost is None or not vhost.queues:
        return "it is not there" if vhost is None else "it is not there, nor is any other queue"
    names = sorted(vhost.queues)
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"it is not there; there are {', '.join(names[:5])}{more}"


def _queue_unseen(judge: Judge, name: str, expect: QueueExpect) -> Iterator[CheckResult]:
    """Everything but the existence, as not measured."""
    parts = {
        "consumers": expect.consumers is not None,
        "durable": expect.durable is not None,
        "auto_delete": expect.auto_delete is not None,
        "exclusive": expect.exclusive is not None,
        "type": expect.type is not None,
        "dead_letter": expect.dead_letter,
        "lossless": expect.lossless,
    }
    whats = [what for what, declared in parts.items() if declared]
    whats += [f"arguments.{key}" for key in expect.arguments]
    whats += [f"bound_to.{one.exchange}.{one.routing_key}" for one in expect.bound_to]
    for what in whats:
        yield judge.unseen(
            f"queue.{name}.{what}",
            f"{what.partition('.')[0]} of queue {name} is as declared",
            expect.priority,
            judge.unread or "the broker could not be asked",
            judge.unread_fix,
        )


def _consumers(judge: Judge, name: str, expect: QueueExpect, counts: Counts) -> CheckResult:
    assert expect.consumers is not None
    title = f"queue {name} has {expect.consumers} consumers"
    what = f"queue.{name}.consumers"
    if counts.consumers is None:
        return judge.unseen(what, title, expect.priority, counts.why, counts.fix)
    found = f"{counts.consumers} consume it"
    if counts.sampled:
        found += " (as the management API sampled it; AMQP could not be used)"
    who = judge.consumers.get(name, "what consumes it")
    few = satisfies_count(counts.consumers + 1, expect.consumers)
    result = judge.result(
        what,
        title,
        expect.priority,
        Cause.NO_CONSUMER,
        met=satisfies_count(counts.consumers, expect.consumers),
        expected=f"{expect.consumers} consumers on {name}",
        found=found,
        fix=f"start {who}, and see in its log why it does not consume {name}"
        if few or counts.consumers == 0
        else f"see who consumes {name}: rabbitmqctl list_consumers -p {judge.vhost}",
    )
    return replace(result, subject=name)


def _properties(
    judge: Judge, name: str, expect: QueueExpect, seen: QueueSeen
) -> Iterator[CheckResult]:
    """What the queue itself is, and the arguments that take effect on it."""
    again = judge.redeclare(
        f"queues.{name}", f"rabbitmqctl delete_queue -p {judge.vhost} {name}, with its messages"
    )
    pairs: list[tuple[str, object, object, str]] = [
        ("durable", expect.durable, seen.durable, ""),
        ("auto_delete", expect.auto_delete, seen.auto_delete, ""),
        ("exclusive", expect.exclusive, seen.exclusive, ""),
        ("type", expect.type, seen.type, ""),
    ]
    for key, wanted in expect.arguments.items():
        setting = seen.settings.get(key)
        by = setting.by if setting is not None else ""
        pairs.append((f"arguments.{key}", wanted, setting.value if setting else None, by))
    for what, value, found, by in pairs:
        if value is None:
            continue
        label = what.removeprefix("arguments.")
        yield judge.result(
            f"queue.{name}.{what}",
            f"queue {name} has {label} {shown(value)}",
            expect.priority,
            Cause.QUEUE_DRIFT,
            met=same(value, found),
            expected=f"{label}: {shown(value)}",
            found=f"{label}: {shown(found)}" + (f" (set by {by})" if by else ""),
            fix=f"correct {by}, or expect.{judge.component}.queues.{name}"
            if "policy" in by
            else again,
        )


def _paths(
    judge: Judge, name: str, expect: QueueExpect, seen: QueueSeen, vhost: Vhost
) -> Iterator[CheckResult]:
    """Where messages come from, and where they go."""
    if expect.dead_letter:
        yield _dead_letter(judge, name, expect, seen, vhost)
    if expect.lossless:
        lost = losses(vhost, name, seen, expect)
        yield judge.result(
            f"queue.{name}.lossless",
            f"queue {name} drops no message unnoticed",
            expect.priority,
            Cause.LOSSY_QUEUE,
            met=not lost,
            expected="no limit, expiry or time-to-live that loses messages",
            found="; ".join(one.found for one in lost) or "none",
            fix="; ".join(dict.fromkeys(one.fix for one in lost)),
        )
    for one in expect.bound_to:
        bound = any(
            b.to_queue
            and b.destination == name
            and (b.source, b.key) == (one.exchange, one.routing_key)
            for b in vhost.bindings
        ) or (one.exchange == "" and one.routing_key == name)
        there = [
            f"{b.source}[{b.key}]" for b in vhost.bindings if b.to_queue and b.destination == name
        ]
        yield judge.result(
            f"queue.{name}.bound_to.{one.exchange}.{one.routing_key}",
            f"queue {name} is bound to {one.exchange} with {one.routing_key!r}",
            expect.priority,
            Cause.UNROUTABLE,
            met=bound,
            expected=f"a binding {one.exchange}[{one.routing_key}] -> {name}",
            found="it is there" if bound else f"bound to: {', '.join(there) or 'nothing'}",
            fix=f"bind {name} to {one.exchange} with routing key {one.routing_key!r}",
        )


def _dead_letter(
    judge: Judge, name: str, expect: QueueExpect, seen: QueueSeen, vhost: Vhost
) -> CheckResult:
    path = dead_letter_path(vhost, seen, strict=True)
    if path is None:
        found, fix = "it has no dead-letter exchange", f"give {name} an x-dead-letter-exchange"
    else:
        found, fix = path.gap or path.shown, path.fix
    return judge.result(
        f"queue.{name}.dead_letter",
        f"rejected messages of {name} reach a durable queue",
        expect.priority,
        Cause.UNROUTABLE,
        met=path is not None and not path.gap,
        expected=f"a dead-letter exchange that leads from {name} to a durable queue",
        found=found,
        fix=fix,
    )
