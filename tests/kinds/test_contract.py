"""What is promised of every kind, held by the same tests against each of them.

A kind has one row here. A probe of a healthy component says so; whatever answers at the address
instead, a probe and the expectations neither raise nor outlive their deadline, say what was
expected, what was found and what to do, and tell no password.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from seatrial.declaration.models import Model
from seatrial.kinds.base import CheckResult, Context, Endpoint, Kind, ProbeResult, Target
from seatrial.kinds.http.config import HttpConfig
from seatrial.kinds.postgres.config import PostgresConfig
from seatrial.kinds.process.config import ProcessConfig
from seatrial.kinds.programs import down_by_states
from seatrial.kinds.rabbitmq.config import RabbitmqConfig
from seatrial.kinds.redis.config import RedisConfig
from seatrial.kinds.registry import KINDS
from seatrial.kinds.task.config import TaskConfig
from seatrial.outcome import CAUSES, Cause, Connection, Health, Outcome, State
from seatrial.waiting import Deadline
from tests.kinds.harness import Reserved, context_of, running

PASSWORD = "a/made-up:p@ssword+of%40some length"
LIMIT, DEADLINE = 0.4, 0.8  # s: a probe's time limit here, and when it must have ended
SPARE = 0.7  # s that a busy machine may take beyond

Healthy = Callable[[], Any]  # a context manager that yields a target


class _Service(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"status": "healthy", "version": "1.4.2"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def _service() -> Iterator[Target]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Service) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield ROWS["http"].at(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def _native(kind: str) -> Iterator[Target]:
    with running(ROWS[kind].config, component="it") as one:
        yield one.target


@contextmanager
def _known(state: State) -> Iterator[Target]:
    kind = "task" if state is State.DONE else "process"
    yield replace(ROWS[kind].at(0), states=(state,))


@dataclass(frozen=True)
class Row:
    """How a kind is tried out."""

    kind: Kind
    keys: Mapping[str, object]
    healthy: Healthy
    schemes: Mapping[str, str] = field(default_factory=dict)  # of its endpoints
    expect: Mapping[str, object] | None = None
    clean_up: Mapping[str, object] | None = None

    @property
    def config(self) -> Any:
        return self.kind.config.model_validate({"kind": self.kind.name, **self.keys})

    def at(self, port: int, host: str = "127.0.0.1") -> Target:
        """The component with all its endpoints at one address, with a limit that is soon over."""
        endpoints = {
            name: (Endpoint(scheme, host, port, "", "somebody", PASSWORD),)
            for name, scheme in self.schemes.items()
        }
        config = self.config.model_copy(update={"time_limit": LIMIT})
        return Target("it", self.kind.name, config, endpoints)

    @property
    def expected(self) -> Model | None:
        if self.kind.expect is None:
            return None
        return self.kind.expect.model_validate(self.expect)


ROWS: dict[str, Row] = {
    "http": Row(
        KINDS["http"],
        {"health": "/health", "live": "/live"},
        _service,
        {"http": "http"},
        {"status": 200, "json": {"status": "healthy"}, "max_response_ms": 500, "openapi": "/api"},
    ),
    "postgres": Row(
        KINDS["postgres"],
        {},
        lambda: _native("postgres"),
        {"sql": "postgresql"},
        {"tables": {"orders": {"columns": {"id": "bigint"}}}, "enums": {"state": ["new"]}},
        {"find": "SELECT 1", "remove": ["DELETE FROM t"]},
    ),
    "rabbitmq": Row(
        KINDS["rabbitmq"],
        {},
        lambda: _native("rabbitmq"),
        {"amqp": "amqp", "management": "http"},
        {"queues": {"orders": {"durable": True, "consumers": ">=1", "dead_letter": True}}},
        {"queues": ["q"]},
    ),
    "redis": Row(KINDS["redis"], {}, lambda: _native("redis"), {"redis": "redis"}),
    "process": Row(KINDS["process"], {}, lambda: _known(State.READY)),
    "task": Row(KINDS["task"], {}, lambda: _known(State.DONE)),
}
ADDRESSED = [row for row in ROWS.values() if row.kind.endpoints]
EXPECTING = [row for row in ROWS.values() if row.kind.expect is not None]


def rows(some: Sequence[Row] = tuple(ROWS.values())) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("row", some, ids=lambda row: row.kind.name)


@pytest.fixture(scope="module")
def alive() -> Iterator[Callable[[Row], Target]]:
    """A healthy component of each kind, started when it is first asked for."""
    targets: dict[str, Target] = {}
    with ExitStack() as stack:

        def one(row: Row) -> Target:
            name = row.kind.name
            if name not in targets:
                targets[name] = stack.enter_context(row.healthy())
            return targets[name]

        yield one


# -- what may answer instead --------------------------------------------------------------------

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def _nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A black hole: it takes the connection, and all that is said, and stays silent."""
    while await reader.read(4096):
        pass


async def _hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def _garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(bytes(range(255, -1, -1)) * 4)
    await reader.read(1)


async def _flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"R\x00\x00\x00\x08\x00\x00\x00\x00" * 512)
        await writer.drain()
        await asyncio.sleep(0)


async def _drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nX-Header: " + b"x" * 10_000:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.02)


async def _reflect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says back what it was told, the login too."""
    while data := await reader.read(4096):
        writer.write(data)


ANSWERS: list[Answer] = [_nothing, _hang_up, _garbage, _flood, _drip, _reflect]


@asynccontextmanager
async def answering(answer: Answer) -> AsyncIterator[int]:
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await answer(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            tasks.discard(task)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for _ in range(5):  # connections that are being accepted come to their task
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)


@contextmanager
def _unanswered() -> Iterator[int]:
    """A port at which connections are made, by the kernel, and never taken."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


async def in_time(job: Awaitable[Any], seconds: float = DEADLINE) -> Any:
    """The result of a facet that ends by itself in time, and leaves no task behind."""
    before = asyncio.all_tasks()
    task = asyncio.ensure_future(job)
    await asyncio.wait({task}, timeout=seconds + SPARE)
    if not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=SPARE)
        pytest.fail(f"it does not end within {seconds} s")
    result = task.result()
    await asyncio.sleep(0)
    left = {repr(task.get_coro()) for task in asyncio.all_tasks() - before}
    servers = ("connected", "_accept_connection2")  # tasks of what answers here
    assert [one for one in left if not any(name in one for name in servers)] == []
    return result


def silent_about_passwords(said: object, password: str = PASSWORD) -> None:
    parts = [password, *(p for p in re.split(r"[^A-Za-z0-9]", password) if len(p) > 5)]
    assert [one for one in parts if one in repr(said)] == []


# -- probes -------------------------------------------------------------------------------------


async def probed(row: Row, target: Target, folder: Path, seconds: float = DEADLINE) -> ProbeResult:
    context = context_of(folder, folder, target)
    job = row.kind.probe(target, context, Deadline.after(seconds))
    result = await in_time(job, seconds)
    assert isinstance(result, ProbeResult)
    return result


def assert_diagnosed(row: Row, result: ProbeResult) -> Cause:
    """It is down for a cause of its row, with all that a user needs; returns the cause."""
    assert result.health is Health.UNHEALTHY, result
    assert result.cause is not None
    assert next(one for one in CAUSES if one.cause is result.cause).covers(row.kind.name)
    assert result.expected
    assert result.found
    assert result.fix
    assert "\n" not in result.found
    silent_about_passwords(result)
    return result.cause


@rows()
def test_a_healthy_one_is_healthy(row: Row, alive: Callable[[Row], Target], tmp_path: Path) -> None:
    target = alive(row)
    result = asyncio.run(probed(row, target, tmp_path, 10.0))
    passwords = [e.password for es in target.endpoints.values() for e in es if e.password]
    assert (result.health, result.connection) == (Health.HEALTHY, Connection.CONNECTED), result
    assert result.cause in (None, Cause.SLOW)
    if row.kind.endpoints:
        assert result.version
        assert re.match(r"\d+\.\d+", result.version)
        assert 0 < result.response_time_ms < 10_000
    for password in passwords:
        silent_about_passwords(result, password)


@rows(ADDRESSED)
def test_nothing_listens(row: Row, tmp_path: Path) -> None:
    ports = Reserved()
    try:
        result = asyncio.run(probed(row, row.at(ports()), tmp_path))
    finally:
        ports.release()
    assert assert_diagnosed(row, result) is Cause.REFUSED
    assert result.connection is Connection.DISCONNECTED


@rows(ADDRESSED)
def test_a_name_without_an_address(row: Row, tmp_path: Path) -> None:
    result = asyncio.run(probed(row, row.at(9, host="nowhere.invalid"), tmp_path))
    assert assert_diagnosed(row, result) is Cause.DNS


@rows(ADDRESSED)
@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.__name__)
def test_whatever_answers_a_probe_ends_in_time(row: Row, answer: Answer, tmp_path: Path) -> None:
    async def look() -> ProbeResult:
        async with answering(answer) as port:
            return await probed(row, row.at(port), tmp_path)

    cause = assert_diagnosed(row, asyncio.run(look()))
    if answer is _nothing:
        assert cause is Cause.TIMEOUT


@rows(ADDRESSED)
def test_a_probe_that_has_no_time_says_so(row: Row, tmp_path: Path) -> None:
    with _unanswered() as port:
        result = asyncio.run(probed(row, row.at(port), tmp_path, 0.0))
    assert assert_diagnosed(row, result) is Cause.TIMEOUT


@rows(ADDRESSED)
def test_a_probe_that_is_cancelled_ends_at_once(row: Row, tmp_path: Path) -> None:
    async def cancel(target: Target) -> float:
        context = context_of(tmp_path, tmp_path, target)
        task = asyncio.ensure_future(row.kind.probe(target, context, Deadline.after(30)))
        await asyncio.wait({task}, timeout=0.1)
        task.cancel()
        began = time.monotonic()
        await asyncio.wait({task})
        assert task.cancelled()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return time.monotonic() - began

    with _unanswered() as port:
        target = row.at(port)
        slow = target.config.model_copy(update={"time_limit": 30.0})
        assert asyncio.run(cancel(replace(target, config=slow))) < SPARE


@rows()
@pytest.mark.parametrize("state", [State.EXITED, State.STOPPED, State.PAUSED])
def test_what_its_keeper_saw_stands(row: Row, state: State, tmp_path: Path) -> None:
    """Where it does not run, nothing is asked, and the cause is that of every kind."""
    target = replace(row.at(9), states=(state,))
    result = asyncio.run(probed(row, target, tmp_path))
    cause = assert_diagnosed(row, result)
    assert cause is (Cause.EXITED if state is State.EXITED else Cause.STOPPED)
    known = down_by_states(target)
    assert known is not None
    assert (result.found, result.fix) == (known.found, known.fix)


@rows()
@pytest.mark.parametrize("state", State)
def test_no_state_makes_a_probe_raise(row: Row, state: State, tmp_path: Path) -> None:
    ports = Reserved()
    try:
        target = replace(row.at(ports()), states=(state, state))
        result = asyncio.run(probed(row, target, tmp_path))
    finally:
        ports.release()
    if row.kind.endpoints:
        assert result.health is not Health.HEALTHY  # nothing listens, whatever its keeper thinks
    if result.health is not Health.HEALTHY:
        assert result.skipped or (result.cause and result.expected and result.found)


# -- expectations -------------------------------------------------------------------------------


async def checked(row: Row, target: Target, context: Context, seconds: float) -> list[CheckResult]:
    facet = row.kind.expectations
    assert facet is not None
    results = await in_time(facet(target, row.expected, context, Deadline.after(seconds)), seconds)
    return list(results)


def assert_sound(row: Row, results: list[CheckResult]) -> None:
    assert results
    assert len({one.id for one in results}) == len(results)
    for one in results:
        assert one.component == "it"
        assert one.id.startswith("it.")
        assert one.title
        if one.outcome is Outcome.FAILED:
            assert one.cause is not None
            assert next(r for r in CAUSES if r.cause is one.cause).covers(row.kind.name)
        if one.outcome in (Outcome.FAILED, Outcome.NOT_MEASURED):
            assert one.expected
            assert one.found
            assert one.fix, one
    silent_about_passwords(results)


@rows(EXPECTING)
def test_expectations_of_a_healthy_one_are_all_looked_at(
    row: Row, alive: Callable[[Row], Target], tmp_path: Path
) -> None:
    target = alive(row)
    context = context_of(tmp_path, tmp_path, target)
    results = asyncio.run(checked(row, target, context, 10.0))
    assert_sound(row, results)
    failed = {one.id for one in results if one.outcome is Outcome.FAILED}
    for one in results:  # what is within something that is missing is the only thing not looked at
        assert one.outcome is not Outcome.NOT_MEASURED or one.within in failed
    assert all(one.fix for one in results if one.outcome is Outcome.FAILED)


@rows(EXPECTING)
@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.__name__)
def test_whatever_answers_expectations_end_in_time(
    row: Row, answer: Answer, tmp_path: Path
) -> None:
    async def look() -> list[CheckResult]:
        async with answering(answer) as port:
            target = row.at(port)
            context = context_of(tmp_path, tmp_path, target)
            return await checked(row, target, context, DEADLINE)

    results = asyncio.run(look())
    assert_sound(row, results)
    assert Outcome.PASSED not in {one.outcome for one in results}


# -- clients, clean-up, launch ------------------------------------------------------------------


@rows([row for row in ROWS.values() if row.kind.client_at])
def test_a_client_is_made_without_asking_anybody(row: Row) -> None:
    """It opens on first use, has a twin, can be closed more than once, and tells no secret."""
    make = row.kind.client
    assert make is not None
    client: Any = make(row.at(9))
    silent_about_passwords(client)

    async def twin() -> object:
        return client.aio

    assert asyncio.run(twin()) is not None
    client.close()
    client.close()


@rows([row for row in ROWS.values() if row.kind.clean_up_at])
def test_clean_up_without_keys_asks_nobody(row: Row) -> None:
    facet, model = row.kind.cleaner, row.kind.clean_up
    assert facet is not None
    assert model is not None
    how = model.model_validate(row.clean_up)
    assert facet.left(row.at(9), how, []) == 0
    facet.remove(row.at(9), how, [])


@rows([row for row in ROWS.values() if row.kind.launch_at])
def test_what_is_allocated_is_on_loopback_and_secret(row: Row) -> None:
    launch = row.kind.launch
    assert launch is not None
    ports = Reserved()
    try:
        first, second = (launch.allocate(row.config, ports) for _ in range(2))
    finally:
        ports.release()
    assert tuple(first) == row.kind.endpoints
    used = [one.port for endpoints in (first, second) for one in endpoints.values()]
    assert len(set(used)) == len(used)
    for name, one in first.items():
        assert one.host == "127.0.0.1"
        assert one.scheme in row.kind.schemes
        if one.password is not None:
            assert len(one.password) >= 24
            assert one.password != second[name].password


def test_configs_are_those_of_their_kinds() -> None:
    models = {HttpConfig, PostgresConfig, RabbitmqConfig, RedisConfig, ProcessConfig, TaskConfig}
    assert {type(row.config) for row in ROWS.values()} == models
    assert all(type(row.config) is row.kind.config for row in ROWS.values())
