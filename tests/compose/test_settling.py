"""A guess of HTTP is given up only for an answer of another protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from seatrial.kinds.base import Endpoint, Listening, Target, Words
from seatrial.kinds.containers import BY_ELIMINATION, Guess
from seatrial.kinds.http.config import HttpConfig
from seatrial.kinds.http.containers import CONTAINERS
from seatrial.waiting import Deadline

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def page(status: str, path: str = "") -> Answer:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        said = status if path in ("", asked) else "404 Not Found"
        writer.write(f"HTTP/1.1 {said}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    return answer


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example ESMTP\r\n")
    await writer.drain()
    writer.close()


@pytest.mark.parametrize(
    ("answer", "asked", "settings"),
    [
        (page("200 OK", "/healthz"), {}, {"health": "/healthz"}),
        (page("200 OK"), {}, {}),  # every path answers, so none is known to be a health check
        (page("404 Not Found"), {}, {}),
        (hang_up, {}, {}),
        (greet, {}, None),
        (page("200 OK", "/live"), {"health": "/live"}, {"health": "/live"}),
        (page("200 OK", "/healthz"), {"health": "/live"}, {"health": "/healthz"}),
        (page("404 Not Found"), {"health": "/live"}, {}),
        (hang_up, {"health": "/live"}, {"health": "/live"}),
    ],
    ids=[
        *("health path", "catch-all", "no health path", "hang-up", "mail"),
        *("asked path", "asked elsewhere", "asked elsewhere alone", "asked, and not up yet"),
    ],
)
def test_a_look_at_what_runs(
    answer: Answer, asked: dict[str, str], settings: dict[str, str] | None
) -> None:
    async def look() -> Guess | None:
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            there = Endpoint("http", "127.0.0.1", server.sockets[0].getsockname()[1])
            target = Target("web", "http", HttpConfig(), {"http": (there,)})
            guess = Guess("built here, port 8000", BY_ELIMINATION, asked)
            return await CONTAINERS.settle(guess, target, Deadline.after(10))

    found = asyncio.run(look())
    assert (found.settings if found is not None else None) == settings


@pytest.mark.parametrize(
    ("words", "stays"),
    [
        (Words(), True),  # the engine may have hung up, before it listens
        (Words(listening=Listening(heard=True)), False),
        (Words(by_names=True, listening=Listening(heard=True)), True),
    ],
)
def test_what_listens_and_hangs_up_is_no_page(words: Words, stays: bool) -> None:
    async def look() -> Guess | None:
        async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
            there = Endpoint("http", "127.0.0.1", server.sockets[0].getsockname()[1])
            target = Target("web", "http", HttpConfig(), {"http": (there,)}, provider=words)
            guess = Guess("built here, port 8000", BY_ELIMINATION)
            return await CONTAINERS.settle(guess, target, Deadline.after(10))

    assert (asyncio.run(look()) is not None) is stays
