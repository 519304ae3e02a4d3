"""The relay over an outbox and a broker made of plain objects."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Any, cast

import pytest

from quantum_queue.api.publisher import Publisher
from quantum_queue.api.relay import BATCH, POLL_SECONDS, Relay
from quantum_queue.contracts.database import Database
from quantum_queue.contracts.queue import BrokerAway


class Outbox:
    """A table, and the connection and the pool that lead to it."""

    def __init__(self, count: int, next_in: float | None = None) -> None:
        self.rows: list[dict[str, object]] = [
            {"id": number, "task_id": uuid.uuid4(), "correlation_id": "c", "trace_context": None}
            for number in range(count)
        ]
        self.next_in = next_in

    @asynccontextmanager
    async def session(self, seconds: float) -> AsyncIterator[Outbox]:
        yield self

    def transaction(self) -> Any:
        return _Transaction()

    async def fetch(self, statement: str, limit: int) -> list[Any]:
        return self.rows[:limit]

    async def fetchval(self, statement: str) -> float | None:
        return self.next_in

    async def execute(self, statement: str, done: list[int]) -> None:
        self.rows = [row for row in self.rows if row["id"] not in done]


class _Transaction(nullcontext[None]):
    """Nothing to roll back."""


class Broker:
    """Takes messages, but those of some tasks."""

    def __init__(self, refuses: frozenset[object] = frozenset()) -> None:
        self.taken: list[object] = []
        self.traces: list[dict[str, str]] = []
        self.refuses = refuses

    async def publish(self, task_id: uuid.UUID, correlation_id: str, trace: dict[str, str]) -> None:
        if task_id in self.refuses:
            raise BrokerAway("refused")
        self.taken.append(task_id)
        self.traces.append(trace)


def publish_due(outbox: Outbox, broker: Broker) -> float:
    relay = Relay(cast(Database, outbox), cast(Publisher, broker))
    return asyncio.run(relay._publish_due())


def test_everything_due_is_published_and_removed() -> None:
    outbox, broker = Outbox(BATCH * 2 + 3), Broker()
    assert publish_due(outbox, broker) == POLL_SECONDS
    assert outbox.rows == []
    assert len(broker.taken) == BATCH * 2 + 3


def test_what_was_not_confirmed_stays_and_is_reported() -> None:
    outbox = Outbox(5)
    stays = outbox.rows[2]
    with pytest.raises(BrokerAway, match="refused"):
        publish_due(outbox, Broker(frozenset({stays["task_id"]})))
    assert outbox.rows == [stays]


def test_the_trace_of_a_task_is_sent_with_its_message_also_by_who_traces_nothing() -> None:
    outbox, broker = Outbox(2), Broker()
    outbox.rows[1]["trace_context"] = '{"traceparent": "t"}'
    publish_due(outbox, broker)
    assert broker.traces == [{}, {"traceparent": "t"}]


@pytest.mark.parametrize(
    ("next_in", "pause"),
    [(None, POLL_SECONDS), (-3.0, POLL_SECONDS), (0.2, 0.2), (99.0, POLL_SECONDS), (0.0, 0.01)],
)
def test_the_next_look_is_when_something_is_due(next_in: float | None, pause: float) -> None:
    assert publish_due(Outbox(0, next_in), Broker()) == pause


def test_news_ends_a_pause() -> None:
    async def scenario() -> None:
        relay = Relay(cast(Database, Outbox(0)), cast(Publisher, Broker()))
        pause = asyncio.create_task(relay._wait_for_news(3600))
        await asyncio.sleep(0)
        relay.wake()
        await asyncio.wait_for(pause, 1)

    asyncio.run(scenario())
