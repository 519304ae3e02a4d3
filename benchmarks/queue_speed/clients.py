"""Clients of the API that cost little themselves: keep-alive connections, requests made once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from time import perf_counter
from urllib.parse import urlsplit

import asyncpg


class Client:
    """One keep-alive connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str):
        self._reader, self._writer, self._host = reader, writer, host

    @classmethod
    @asynccontextmanager
    async def connected(cls, url: str) -> AsyncIterator[Client]:
        parts = urlsplit(url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        yield cls(reader, writer, parts.netloc)
        writer.close()

    async def ask(self, method: str, path: str, body: bytes = b"") -> bytes:
        """The body of an answer, which must be 200."""
        head = f"{method} {path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Length: {len(body)}\r\n"
        self._writer.write(head.encode() + b"Content-Type: application/json\r\n\r\n" + body)
        answer = await self._reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200"), answer
        length = next(
            int(line.split(b":")[1])
            for line in answer.split(b"\r\n")
            if line.lower().startswith(b"content-length")
        )
        return await self._reader.readexactly(length)


async def submit_all(url: str, number: int, clients: int, body: bytes) -> float:
    """Seconds until so many submissions from so many clients are accepted."""
    numbers = iter(range(number))

    async def one() -> None:
        async with Client.connected(url) as client:
            for _ in _shared(numbers):
                await client.ask("POST", "/tasks", body)

    began = perf_counter()
    await asyncio.gather(*(one() for _ in range(clients)))
    return perf_counter() - began


def _shared(numbers: Iterator[int]) -> Iterator[int]:
    yield from numbers


async def complete_all(url: str, database: str, number: int, clients: int, body: bytes) -> float:
    """Seconds until so many tasks from so many clients are submitted and done."""
    connection = await asyncpg.connect(database)
    try:
        done = "SELECT count(*) FROM tasks WHERE current_status = 'completed'"
        before = await connection.fetchval(done)
        began = perf_counter()
        await submit_all(url, number, clients, body)
        while True:
            if await connection.fetchval(done) >= before + number:
                return perf_counter() - began
            await asyncio.sleep(0.02)
    finally:
        await connection.close()


async def one_by_one(at: Mapping[str, str], number: int, body: bytes) -> list[float]:
    """Seconds from the submission of a task until a poll finds it completed, nothing else to do."""
    took = []
    async with Client.connected(at["api"]) as client:
        for _ in range(number):
            began = perf_counter()
            task = json.loads(await client.ask("POST", "/tasks", body))["task_id"]
            while not await _is_completed(client, task):  # noqa: ASYNC110 - as people poll
                await asyncio.sleep(0.001)
            took.append(perf_counter() - began)
    return took


async def notified(at: Mapping[str, str], number: int, body: bytes) -> list[float]:
    """The same, for a client that is told when to look: polling takes time from what it waits for.

    A trigger of this benchmark's tells it; it lasts as long as the measurement.
    """
    took = []
    told = asyncio.Queue[str]()
    connection = await asyncpg.connect(at["postgres"])
    try:
        await connection.execute(_TELL)
        await connection.add_listener("completed", lambda *news: told.put_nowait(news[3]))
        async with Client.connected(at["api"]) as client:
            for _ in range(number):
                began = perf_counter()
                task = json.loads(await client.ask("POST", "/tasks", body))["task_id"]
                async with asyncio.timeout(60):
                    while await told.get() != task:
                        pass
                assert await _is_completed(client, task)
                took.append(perf_counter() - began)
    finally:
        await connection.execute("DROP FUNCTION tell CASCADE")
        await connection.close()
    return took


async def _is_completed(client: Client, task: str) -> bool:
    return bool(json.loads(await client.ask("GET", f"/tasks/{task}"))["status"] == "completed")


_TELL = """
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_notify('completed', NEW.task_id::text); RETURN NULL; END $$;
CREATE TRIGGER tell AFTER UPDATE ON tasks FOR EACH ROW
    WHEN (NEW.current_status = 'completed') EXECUTE FUNCTION tell();
"""
