"""The smallest client of an ASGI application: one request, no server, no sockets."""

from __future__ import annotations

import asyncio
import json
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import pytest
from starlette.types import ASGIApp, Message, Scope


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def call(
    app: ASGIApp,
    method: str,
    path: str,
    chunks: tuple[bytes, ...] = (b"",),
    headers: dict[str, str] | None = None,
    crashes: type[Exception] | None = None,
    query: str = "",
) -> Reply:
    """Send one request to `app`, without its background tasks.

    An application that `crashes` answers first, and then raises for its server to log.
    """
    pending = [
        {"type": "http.request", "body": chunk, "more_body": number < len(chunks)}
        for number, chunk in enumerate(chunks, start=1)
    ]
    sent: list[Message] = []

    async def receive() -> Message:
        return pending.pop(0) if pending else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(k.lower().encode(), v.encode("latin-1")) for k, v in (headers or {}).items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }
    with pytest.raises(crashes) if crashes else nullcontext():
        asyncio.run(_run(app, scope, receive, send))
    start = next(message for message in sent if message["type"] == "http.response.start")
    body = b"".join(m.get("body", b"") for m in sent if m["type"] == "http.response.body")
    found = {key.decode(): value.decode() for key, value in start["headers"]}
    return Reply(start["status"], found, body)


async def _run(app: ASGIApp, scope: Scope, receive: Any, send: Any) -> None:
    async with asyncio.timeout(10):
        await app(scope, receive, send)
