"""The pool against servers that are away, silent, or hang up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import pytest

from quantum_queue.contracts.database import Database, DatabaseAway

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


async def attempt(port: int, seconds: float) -> float:
    """Ask for a connection, and return how long the refusal took."""
    database = Database(f"postgresql://u:p@127.0.0.1:{port}/db?sslmode=disable", 1, "test")
    clock = asyncio.get_running_loop().time
    begun = clock()
    with pytest.raises(DatabaseAway):
        async with database.session(seconds) as connection:
            await connection.fetch("SELECT 1")
    return clock() - begun


async def against(handler: Handler, seconds: float) -> float:
    served: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await handler(reader, writer)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(asyncio.ensure_future(serve(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        elapsed = await attempt(server.sockets[0].getsockname()[1], seconds)
        await asyncio.gather(*served)
    return elapsed


def test_a_refused_connection_is_a_database_away(closed_port: int) -> None:
    assert asyncio.run(attempt(closed_port, 2.0)) < 1.0


def test_a_silent_server_costs_no_more_than_the_deadline() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)

    assert asyncio.run(against(silent, 0.2)) < 1.5


def test_a_server_that_hangs_up_is_a_database_away() -> None:
    async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    assert asyncio.run(against(rude, 2.0)) < 1.5


def test_waiting_for_a_free_connection_has_the_same_deadline(closed_port: int) -> None:
    async def scenario() -> None:
        database = Database(f"postgresql://u:p@127.0.0.1:{closed_port}/db", 0, "test")
        with pytest.raises(DatabaseAway):
            async with database.session(0.01):
                raise AssertionError("there is no connection to be had")

    asyncio.run(scenario())
