"""What reads the queue's stores after bad days sees what is planted in real ones."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
import pytest
from pamqp import commands
from psycopg.rows import dict_row

from seatrial.kinds.base import Endpoint
from seatrial.kinds.rabbitmq.place import Place
from seatrial.kinds.rabbitmq.wire import session
from seatrial.waiting import Deadline, eventually

from .conftest import Queue, trials_module

checker = trials_module("checker")
BELL = "OPENQASM 3; qubit[2] q; h q[0]; cx q[0], q[1]; measure q;"
SHOTS = 100


@dataclass
class Stored:
    """Two tasks of the real queue, finished, and a look at all of its stores."""

    key: str
    done: str
    failed: str
    connection: psycopg.Connection[dict[str, Any]]
    place: Place

    @property
    def accepted(self) -> dict[str, int]:
        return {self.done: SHOTS, self.failed: SHOTS}

    def wrong(self, queue: str = "quantum_tasks") -> list[str]:
        found: list[str] = checker.wrong(
            self.accepted, checker.read(self.query, self.place, self.key, queue)
        )
        return found

    def query(self, sql: str, parameters: Any = None) -> list[dict[str, Any]]:
        cursor = self.connection.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []

    @contextmanager
    def planted(self, *statements: str) -> Iterator[None]:
        """Only this connection ever sees it."""
        with self.connection.transaction(force_rollback=True):
            for statement in statements:
                self.query(statement, vars(self))
            yield


@pytest.fixture(scope="module")
def stored(up: Queue) -> Iterator[Stored]:
    endpoints, key = up.seatrial("endpoints").document, f"checker-{uuid.uuid4()}"
    amqp = Endpoint.parse(endpoints["rabbitmq"]["amqp"])
    management = Endpoint.parse(endpoints["rabbitmq"]["management"])
    place = Place("rabbitmq", "/", amqp, management, 5.0)
    headers = {"X-Correlation-ID": key}
    with (
        httpx.Client(base_url=endpoints["api"]["http"], headers=headers, trust_env=False) as api,
        psycopg.connect(
            endpoints["postgres"]["sql"], autocommit=True, row_factory=dict_row
        ) as connection,
    ):

        def submit(circuit: str) -> str:
            answer = api.post("/tasks", json={"circuit": circuit, "shots": SHOTS})
            return str(answer.raise_for_status().json()["task_id"])

        found = Stored(key, submit(BELL), submit("never"), connection, place)
        eventually(found.wrong, lambda lines: lines == [], timeout=30)
        yield found
        connection.execute("DELETE FROM tasks WHERE correlation_id = %s", [key])


IN_THE_DATABASE: dict[str, tuple[tuple[str, ...], str]] = {
    "lost": (("DELETE FROM tasks WHERE task_id = %(done)s",), "no such task"),
    "made up": (
        (
            "INSERT INTO tasks (task_id, circuit, correlation_id)"
            " SELECT gen_random_uuid(), circuit, correlation_id FROM tasks"
            " WHERE task_id = %(done)s",
        ),
        "nobody was told of it",
    ),
    "stuck": (
        (
            "UPDATE tasks SET current_status = 'processing', completed_at = NULL, result = NULL"
            " WHERE task_id = %(done)s",
            "DELETE FROM status_history WHERE task_id = %(done)s AND status = 'completed'",
        ),
        "stuck: it is processing",
    ),
    "two results": (
        ("INSERT INTO status_history (task_id, status) VALUES (%(done)s, 'completed')",),
        "it has 2 endings",
    ),
    "out of order": (
        (
            "UPDATE status_history SET transitioned_at = '2000-01-01'"
            " WHERE task_id = %(done)s AND status = 'completed'",
        ),
        "the times of its history decrease",
    ),
    "ended at another time": (
        ("UPDATE tasks SET completed_at = '2000-01-01' WHERE task_id = %(done)s",),
        "and its history ends at",
    ),
    "wrong counts": (
        ("""UPDATE tasks SET result = '{"00": 7}' WHERE task_id = %(done)s""",),
        "its counts add up to 7",
    ),
    "other shots": (
        ("UPDATE tasks SET shots = 7 WHERE task_id = %(done)s",),
        "and 7 are stored",
    ),
    "no result": (
        (
            "ALTER TABLE tasks DROP CONSTRAINT ck_tasks_result",
            "UPDATE tasks SET result = NULL WHERE task_id = %(done)s",
        ),
        "its result is None",
    ),
    "no reason": (
        (
            "ALTER TABLE tasks DROP CONSTRAINT ck_tasks_error",
            "UPDATE tasks SET error_message = NULL WHERE task_id = %(failed)s",
        ),
        "its error is None",
    ),
    "too many attempts": (
        ("UPDATE tasks SET attempts = 4 WHERE task_id = %(done)s",),
        "4 attempts",
    ),
    "no dead letter": (
        ("UPDATE tasks SET dead_lettered = true WHERE task_id = %(failed)s",),
        "its message is no dead letter",
    ),
    "in the outbox": (
        ("INSERT INTO outbox (task_id, correlation_id) VALUES (%(done)s, %(key)s)",),
        "1 messages of it are in the outbox",
    ),
}


@pytest.mark.parametrize(
    ("statements", "said"), IN_THE_DATABASE.values(), ids=IN_THE_DATABASE.keys()
)
def test_an_error_in_the_database_is_found(
    stored: Stored, statements: tuple[str, ...], said: str
) -> None:
    with stored.planted(*statements):
        found = stored.wrong()
    assert [line for line in found if said in line] != [], found
    assert stored.wrong() == []


@pytest.fixture
def queue(stored: Stored) -> Iterator[str]:
    """A queue of the test's own, with one for its dead letters: nobody consumes either."""
    name = f"checker-{uuid.uuid4()}"
    with management(stored) as api:
        for one in (name, f"{name}.dead"):
            api.put(f"/api/queues/%2F/{one}", json={"durable": True}).raise_for_status()
        yield name
        for one in (name, f"{name}.dead"):
            api.delete(f"/api/queues/%2F/{one}").raise_for_status()


def management(stored: Stored) -> httpx.Client:
    assert stored.place.management is not None
    return httpx.Client(base_url=stored.place.management.url, trust_env=False, timeout=10)


def put(stored: Stored, queue: str, key: str) -> None:
    """A message of the finished task."""
    body = {
        "properties": {"correlation_id": key, "message_id": stored.done},
        "routing_key": queue,
        "payload": "{}",
        "payload_encoding": "string",
    }
    with management(stored) as api:
        answer = api.post("/api/exchanges/%2F/amq.default/publish", json=body)
        assert answer.raise_for_status().json() == {"routed": True}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        pytest.param("{}", "messages of it are in the queue", id="in the queue"),
        pytest.param("{}.dead", "its message is a dead letter", id="a dead letter"),
    ],
)
def test_a_message_that_is_left_is_found(stored: Stored, queue: str, name: str, said: str) -> None:
    put(stored, name.format(queue), "of somebody else")
    assert stored.wrong(queue) == []
    put(stored, name.format(queue), stored.key)
    for _ in range(2):  # looking takes nothing away
        (line,) = stored.wrong(queue)
        assert line.startswith(stored.done)
        assert said in line


def test_a_message_in_a_hand_is_found(stored: Stored, queue: str) -> None:
    put(stored, queue, stored.key)

    async def hold() -> list[str]:
        assert stored.place.amqp is not None
        async with session(stored.place.amqp, Deadline.after(30)) as amqp:
            channel = await amqp.channel()
            amqp.send(channel, commands.Basic.Get(queue=queue, no_ack=False))
            assert isinstance(await amqp.receive(channel), commands.Basic.GetOk)
            return await asyncio.to_thread(seen)

    def seen() -> list[str]:
        return eventually(  # the broker samples that count
            lambda: stored.wrong(queue), lambda lines: lines != [], timeout=10
        )

    assert asyncio.run(hold()) == ["1 messages are in the hands of workers"]
