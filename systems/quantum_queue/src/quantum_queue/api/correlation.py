"""Gives each request an id that appears in its response, its message and all its logs."""

from __future__ import annotations

import logging
import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from quantum_queue.contracts import journal

HEADER = "X-Correlation-ID"

_USABLE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,126}[\x21-\x7e])?")
_QUIET = frozenset({"/health", "/livez"})
_log = logging.getLogger(__name__)


def choose_id(offered: str | None) -> str:
    """Return the caller's id if it can be stored and logged safely, else a new one."""
    if offered is not None and _USABLE.fullmatch(offered):
        return offered
    return str(uuid.uuid4())


class Correlation:
    """The outermost layer of the application: even its crashes carry the id."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, and log how it went."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        chosen = choose_id(Headers(scope=scope).get(HEADER))
        token = journal.correlation_id.set(chosen)
        started = time.perf_counter()
        status = 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = chosen
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            _log_request(scope, status, time.perf_counter() - started)
            journal.correlation_id.reset(token)


def _log_request(scope: Scope, status: int, seconds: float) -> None:
    path = scope["path"]
    level = logging.DEBUG if path in _QUIET else logging.INFO
    details = {
        "method": scope["method"],
        "path": path[:200],
        "status": status,
        "milliseconds": round(seconds * 1000, 2),
    }
    _log.log(level, "request", extra=details)
