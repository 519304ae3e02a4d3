"""Gives each request an id that appears in its response, its message, its logs and its trace."""

from __future__ import annotations

import logging
import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from quantum_queue.api.draining import Draining
from quantum_queue.contracts import journal, tracing

HEADER = "X-Correlation-ID"

_USABLE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,126}[\x21-\x7e])?")
_QUIET = frozenset({"/health", "/livez", "/metrics"})
"""Asked every few seconds: neither logged nor traced."""
_LONGEST_PATH = 200
_log = logging.getLogger(__name__)


def choose_id(offered: str | None) -> str:
    """Return the caller's id if it can be stored and logged safely, else a new one."""
    if offered is not None and _USABLE.fullmatch(offered):
        return offered
    return str(uuid.uuid4())


class Correlation:
    """The outermost layer of the application: even its crashes carry the id."""

    def __init__(self, app: ASGIApp, draining: Draining | None = None) -> None:
        self._app = app
        self._draining = draining or Draining()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, and log how it went."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        chosen = choose_id(Headers(scope=scope).get(HEADER))
        token = journal.correlation_id.set(chosen)
        try:
            if scope["path"] in _QUIET:
                await self._serve(scope, receive, send, chosen)
            else:
                await self._serve_traced(scope, receive, send, chosen)
        finally:
            journal.correlation_id.reset(token)

    async def _serve_traced(self, scope: Scope, receive: Receive, send: Send, chosen: str) -> None:
        headers = Headers(scope=scope)
        parent = {name: headers[name] for name in tracing.CARRIED if name in headers}
        method, path = scope["method"], scope["path"][:_LONGEST_PATH]
        about = {"http.request.method": method, "url.path": path}
        with tracing.span(method, tracing.Kind.SERVER, parent, about) as span:
            status = await self._serve(scope, receive, send, chosen)
            span.note("http.response.status_code", status)
            if (task_id := journal.task_id.get()) is not None:
                span.note("task_id", task_id)
            if (route := _route(scope)) is not None:
                span.note("http.route", route)
                span.rename(f"{method} {route}")

    async def _serve(self, scope: Scope, receive: Receive, send: Send, chosen: str) -> int:
        """Return the status of the answer."""
        started = time.perf_counter()
        status = 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers[HEADER] = chosen
                if self._draining.begun:
                    headers["Connection"] = "close"
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            _log_request(scope, status, time.perf_counter() - started)
        return status


def _route(scope: Scope) -> str | None:
    """Return the path as its route has it, so that spans of one kind share a name."""
    for route in scope["app"].routes if "endpoint" in scope else ():
        if getattr(route, "endpoint", None) == scope["endpoint"]:
            return str(route.path)
    return None


def _log_request(scope: Scope, status: int, seconds: float) -> None:
    path = scope["path"]
    level = logging.DEBUG if path in _QUIET else logging.INFO
    details = {
        "method": scope["method"],
        "path": path[:_LONGEST_PATH],
        "status": status,
        "milliseconds": round(seconds * 1000, 2),
    }
    _log.log(level, "request", extra=details)
