"""The client for trials: sync and async, recording, and quick to give up."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import replace

import httpx
import pytest
from http_pages import Pages, target

from seatrial.kinds.base import Endpoint
from seatrial.kinds.http.client import Exchange, HttpClient

pytestmark = pytest.mark.asyncio


async def in_thread(call, *args, **kwargs):
    return await asyncio.to_thread(call, *args, **kwargs)


async def test_sync_and_async_alike(serve):
    pages = Pages({"/base/tasks?limit=2": (200, [1]), "/base/health": (200, {"status": "ok"})})
    endpoint = await serve(pages, path="/base")
    with HttpClient(target(endpoint)) as client:
        answer = await in_thread(client.get, "/tasks", params={"limit": 2})
        assert answer.json() == [1]
        assert (await client.aio.get("/tasks", params={"limit": 2})).json() == [1]
        assert (await in_thread(client.health)).json() == {"status": "ok"}
        assert (await client.aio.health()).json() == {"status": "ok"}


@pytest.mark.parametrize("called", ["shop.test", ""])
async def test_it_is_asked_by_the_name_that_it_knows(serve, called):
    pages = Pages({"/base/x": (200, [1])})
    endpoint = replace(await serve(pages, path="/base"), called=called)
    with HttpClient(target(endpoint)) as client:
        await in_thread(client.get, "/x")
        await client.aio.get("/x")
    wanted = f"host: {called or endpoint.host}:{endpoint.port}\r\n"
    assert [wanted in request.lower() for request in pages.requests] == [True, True]


async def test_exchanges_are_told(serve):
    seen: list[Exchange] = []
    endpoint = await serve(Pages({"/tasks": (201, {"id": 7})}))
    with HttpClient(target(endpoint)) as client:
        end = client.on_exchange(seen.append)
        await in_thread(client.post, "/tasks", json={"a": 1})
        await client.aio.post("/tasks", content=b"raw")
        end()
        await client.aio.get("/tasks")
    assert [(e.component, e.request_line, e.status) for e in seen] == [
        ("api", "POST /tasks", 201)
    ] * 2
    assert [e.sent.replace(b" ", b"") for e in seen] == [b'{"a":1}', b"raw"]
    assert {e.received for e in seen} == {b'{"id": 7}'}
    assert all(0 < e.duration_ms < 2000 for e in seen)


async def test_a_request_without_an_answer_is_told_too(free_port):
    seen: list[Exchange] = []
    with HttpClient(target(Endpoint("http", "127.0.0.1", free_port))) as client:
        client.on_exchange(seen.append)
        with pytest.raises(httpx.ConnectError):
            await client.aio.get("/tasks")
    (exchange,) = seen
    assert (exchange.status, exchange.received) == (None, b"")
    assert "ConnectError" in exchange.error


async def test_redirects_and_proxies_are_left_alone(serve, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    endpoint = await serve(Pages({"/a": (302, "", {"Location": "/b"}), "/b": (200, "")}))
    with HttpClient(target(endpoint)) as client:
        assert (await client.aio.get("/a")).status_code == 302
        assert (await in_thread(client.get, "/a")).status_code == 302


async def test_the_login_of_the_endpoint_is_used(serve):
    pages = Pages({"/": (200, "")})
    at = await serve(pages)
    with HttpClient(target(Endpoint("http", at.host, at.port, "", "joe", "secret"))) as client:
        await client.aio.get("/")
    assert "authorization: basic" in pages.requests[0].lower()


async def test_it_gives_up_on_its_own():
    with HttpClient(target(Endpoint("http", "127.0.0.1", 9))) as client:
        limits = client.timeout
        assert limits == client.aio.timeout
    assert max(limits.connect, limits.read, limits.write, limits.pool) <= 5.0


async def test_a_twin_for_every_loop(serve):
    """Two loops one after the other, as two tests have: nothing of the first is left."""

    async def keeps_open(reader, writer):
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    endpoint = await serve(keeps_open)
    assert await asyncio.to_thread(_in_two_loops, endpoint) == [200, 200]
    gc.collect()  # a connection that was left open would be complained of here


def _in_two_loops(endpoint: Endpoint) -> list[int]:
    async def ask() -> int:
        assert client.aio is client.aio
        return (await client.aio.get("/")).status_code

    with HttpClient(target(endpoint)) as client:
        return [asyncio.run(ask()), asyncio.run(ask())]


def _no_loop(client: HttpClient) -> None:
    with pytest.raises(RuntimeError):
        _ = client.aio


async def test_no_twin_without_a_loop(free_port):
    with HttpClient(target(Endpoint("http", "127.0.0.1", free_port))) as client:
        await asyncio.to_thread(_no_loop, client)
