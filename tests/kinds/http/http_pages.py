"""What the tests of the kind http share: pages to serve, and targets."""

from __future__ import annotations

import asyncio
import json

from seatrial.kinds.base import Endpoint, Target
from seatrial.kinds.http.config import HttpConfig


class Pages:
    """A handler that answers GET by path: (status, body) or (status, body, headers)."""

    def __init__(self, pages: dict[str, tuple[int, object] | tuple[int, object, dict[str, str]]]):
        self.pages = pages
        self.asked: list[str] = []
        self.requests: list[str] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = request.split(" ")[1]
        self.asked.append(path)
        self.requests.append(request)
        page = self.pages.get(path) or self.pages.get("*") or (404, "nothing here")
        status, body = page[0], page[1]
        text = body if isinstance(body, str) else json.dumps(body)
        headers = {
            "Content-Type": "text/plain" if isinstance(body, str) else "application/json",
            "Content-Length": str(len(text.encode())),
            "Connection": "close",
        } | (page[2] if len(page) == 3 else {})
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(f"HTTP/1.1 {status} X\r\n{head}\r\n{text}".encode())
        await writer.drain()
        writer.write_eof() if writer.can_write_eof() else None
        await reader.read()


def target(*endpoints: Endpoint, **config: object) -> Target:
    settings = HttpConfig.model_validate({"health": "/health"} | config)
    return Target("api", "http", settings, {"http": endpoints})
