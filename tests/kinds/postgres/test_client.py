from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from seatrial.errors import UsageError
from seatrial.kinds.base import Target, load
from seatrial.kinds.postgres import meters
from seatrial.kinds.postgres.clean_up import CLEAN_UP
from seatrial.kinds.postgres.client import PostgresClient
from seatrial.kinds.postgres.config import PostgresCleanUp
from seatrial.waiting import Deadline, eventually
from tests.kinds.harness import Running, running
from tests.kinds.postgres.conftest import as_superuser, make_config

Sql = Callable[..., list[object]]


@pytest.fixture
def client(database: Target) -> Iterator[PostgresClient]:
    with PostgresClient(database) as one:
        yield one


def test_reads_and_writes(client: PostgresClient) -> None:
    client.execute("CREATE TABLE task (id uuid PRIMARY KEY, n int, body jsonb, at timestamptz)")
    key = uuid.uuid4()
    insert = "INSERT INTO task VALUES (%(id)s, %(n)s, '{\"a\": 1}', now())"
    assert client.execute(insert, {"id": key, "n": 7}) == 1
    assert client.query("SELECT id, n, body FROM task") == [{"id": key, "n": 7, "body": {"a": 1}}]
    assert client.one("SELECT n FROM task WHERE id = %s", [key]) == {"n": 7}
    assert client.value("SELECT count(*) FROM task") == 1
    assert client.query("UPDATE task SET n = 8") == []
    with pytest.raises(LookupError, match="one row and got 0: SELECT n FROM task WHERE n = 9"):
        client.one("SELECT n\nFROM task WHERE n = 9")
    with pytest.raises(LookupError, match="one column and got 2"):
        client.value("SELECT 1 AS a, 2 AS b")


def test_names_of_tables(client: PostgresClient) -> None:
    client.execute('CREATE SCHEMA other; CREATE TABLE other."Odd" (a int)')
    client.execute("CREATE TYPE mood AS ENUM ('x'); CREATE TABLE task (m mood, v varchar(9))")
    assert client.table_exists("task")
    assert client.table_exists("other.Odd")
    assert not client.table_exists("Odd")
    assert not client.table_exists("odd")
    assert client.columns("task") == {"m": "mood", "v": "character varying(9)"}
    assert client.columns("none") == {}


def test_transaction_rolls_back(client: PostgresClient) -> None:
    client.execute("CREATE TABLE task (n int)")
    with client.transaction() as link:
        link.execute("INSERT INTO task VALUES (1)")
    with pytest.raises(psycopg.errors.DivisionByZero), client.transaction() as link:
        link.execute("INSERT INTO task VALUES (2)").connection.execute("SELECT 1 / 0")
    assert client.query("SELECT n FROM task") == [{"n": 1}]


def test_a_statement_that_takes_too_long_is_cancelled(database: Target) -> None:
    with PostgresClient(database, statement_timeout=0.2) as client:
        pid = client.value("SELECT pg_backend_pid()")
        with pytest.raises(TimeoutError, match=r"within 0\.2 s"):
            client.query("SELECT pg_sleep(20)")
        assert client.value("SELECT pg_backend_pid()") == pid, "the connection is still good"
        with pytest.raises(TimeoutError):
            asyncio.run(client.aio.query("SELECT pg_sleep(20)"))
        running_still = "SELECT count(*) FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep'"
        idle = running_still + " AND state = 'active'"
        eventually(lambda: client.value(idle), lambda found: found == 0, timeout=5)


def test_a_stopped_server_holds_nobody_up(server: Running, database: Target) -> None:
    with PostgresClient(database, connect_timeout=2, statement_timeout=0.3) as client:
        assert client.value("SELECT 1") == 1

        async def look() -> None:
            assert await client.aio.value("SELECT 1") == 1
            with server.paused(), pytest.raises(TimeoutError):
                await client.aio.value("SELECT 2")

        started = time.monotonic()
        asyncio.run(look())
        assert time.monotonic() - started < 3
        with server.paused():
            started = time.monotonic()
            with pytest.raises(TimeoutError):
                client.value("SELECT 2")
            assert time.monotonic() - started < 3
            started = time.monotonic()
            with pytest.raises(psycopg.OperationalError):
                client.value("SELECT 3")  # on a new connection, which is not taken
            assert time.monotonic() - started < 4
        assert client.value("SELECT 4") == 4


def test_cancelling_a_call_does_not_wait_for_the_server(server: Running, database: Target) -> None:
    async def look() -> float:
        await client.aio.value("SELECT 1")
        with server.paused():
            started = time.monotonic()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await client.aio.value("SELECT 2")
            return time.monotonic() - started

    with PostgresClient(database) as client:
        assert asyncio.run(look()) < 2


def test_a_restarted_server_is_met_with_a_new_connection(cache: Path) -> None:
    with (
        running(make_config(), component="postgres", cache=cache) as one,
        PostgresClient(one.target) as client,
    ):

        async def look() -> object:
            return await client.aio.value("SELECT 1")

        assert client.execute("CREATE TABLE task (n int)") == -1
        with asyncio.Runner() as runner:
            assert runner.run(look()) == 1
            one.end()
            with pytest.raises(psycopg.OperationalError):
                client.query("SELECT 1")
            one.start()
            assert client.execute("INSERT INTO task VALUES (1)") == 1
            assert runner.run(look()) == 1


def test_one_client_in_several_loops_and_threads(client: PostgresClient) -> None:
    client.execute("CREATE TABLE task (n int)")

    async def many() -> list[object]:
        return await asyncio.gather(*(client.aio.value(f"SELECT {n}") for n in range(5)))

    assert asyncio.run(many()) == list(range(5))
    assert asyncio.run(many()) == list(range(5))
    assert len(client.aio._links) == 1, "connections of closed loops are closed"
    found: list[object] = []

    def work(number: int) -> None:
        found.append(client.value(f"SELECT {number}"))
        found.extend(asyncio.run(many()))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(int, found)) == sorted([*range(4), *list(range(5)) * 4])  # type: ignore[call-overload]


def test_async_twin(client: PostgresClient) -> None:
    async def work() -> None:
        assert await client.aio.execute("CREATE TABLE task (n int)") == -1
        async with client.aio.transaction() as link:
            await link.execute("INSERT INTO task VALUES (1), (2)")
        assert await client.aio.one("SELECT sum(n) AS s FROM task") == {"s": 3}
        assert await client.aio.table_exists("task")
        assert await client.aio.columns("task") == {"n": "integer"}
        with pytest.raises(LookupError):
            await client.aio.value("SELECT n FROM task")

    asyncio.run(work())


def test_close_ends_the_sessions(server: Running, database: Target) -> None:
    count = "SELECT count(*) FROM pg_stat_activity WHERE datname = '%s'"
    count %= database.endpoint().path[1:]
    client = PostgresClient(database)

    async def work() -> None:
        await client.aio.value("SELECT 1")
        client.value("SELECT 1")
        assert as_superuser(server, count, database="postgres") == [(2,)]
        client.close()

    asyncio.run(work())
    eventually(lambda: as_superuser(server, count, database="postgres") == [(0,)], timeout=5)


def test_kind_offers_its_facets() -> None:
    kind = load("postgres")
    assert kind.client is PostgresClient
    assert kind.meters is meters.read
    assert kind.cleaner is CLEAN_UP


HOW = PostgresCleanUp(
    find="SELECT count(*) FROM task WHERE key = ANY(%(keys)s)",
    remove=(
        "DELETE FROM history WHERE task IN (SELECT id FROM task WHERE key = ANY(%(keys)s))",
        "DELETE FROM task WHERE key = ANY(%(keys)s)",
    ),
)


def test_clean_up_removes_only_what_has_the_keys(sql: Sql, database: Target) -> None:
    sql("CREATE TABLE task (id int PRIMARY KEY, key text)")
    sql("CREATE TABLE history (task int REFERENCES task)")
    sql("INSERT INTO task VALUES (1, 'a'), (2, 'it''s'), (3, 'b'), (4, NULL)")
    sql("INSERT INTO history VALUES (1), (2), (3), (4)")
    assert CLEAN_UP.left(database, HOW, ["a", "it's", "unknown"]) == 2
    assert CLEAN_UP.left(database, HOW, []) == 0
    CLEAN_UP.remove(database, HOW, [])
    CLEAN_UP.remove(database, HOW, ["a", "it's", "unknown"])
    assert CLEAN_UP.left(database, HOW, ["a", "it's", "unknown"]) == 0
    assert sql("SELECT id FROM task ORDER BY id") == [(3,), (4,)]
    assert sql("SELECT task FROM history ORDER BY task") == [(3,), (4,)]


def test_clean_up_is_all_or_nothing(sql: Sql, database: Target) -> None:
    sql("CREATE TABLE task (id int, key text); INSERT INTO task VALUES (1, 'a')")
    how = PostgresCleanUp(find=HOW.find, remove=(HOW.remove[1], "DELETE FROM nowhere"))
    with pytest.raises(psycopg.errors.UndefinedTable):
        CLEAN_UP.remove(database, how, ["a"])
    assert sql("SELECT id FROM task") == [(1,)]


@pytest.mark.parametrize(
    "find", ["SELECT id FROM task", "SELECT 'x'", "SELECT 1 AS a, 2 AS b", "DELETE FROM task"]
)
def test_find_must_return_one_number(sql: Sql, database: Target, find: str) -> None:
    sql("CREATE TABLE task (id int, key text)")
    with pytest.raises(UsageError, match=r"clean_up\.postgres\.find"):
        CLEAN_UP.left(database, PostgresCleanUp(find=find, remove=HOW.remove), ["a"])


def test_meters(sql: Sql, database: Target) -> None:
    def read() -> dict[str, float]:
        return dict(asyncio.run(meters.read(database, Deadline.after(5))))

    before = read()
    assert before["max_connections"] == 97
    assert before["connections"] >= 1
    assert before["oldest_transaction_s"] < 60
    assert before["database_bytes"] > 1e6
    held = [psycopg.connect(database.endpoint().url) for _ in range(3)]
    for link in held:
        link.execute("SELECT 1")
    with PostgresClient(database) as client:
        eventually(
            lambda: client.value(
                "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'"
            ),
            lambda count: count == 3,
        )
        during = read()
        assert during["connections"] >= before["connections"] + 4
    for link in held:
        link.close()
    sql("CREATE TABLE big AS SELECT generate_series(1, 20000)")
    assert read()["database_bytes"] > before["database_bytes"]


def test_meters_of_a_stopped_server_are_a_gap_in_time(server: Running, database: Target) -> None:
    with server.paused():
        started = time.monotonic()
        with pytest.raises((TimeoutError, psycopg.Error)):
            asyncio.run(meters.read(database, Deadline.after(0.5)))
        assert time.monotonic() - started < 2
