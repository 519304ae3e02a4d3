"""What trials talk to an HTTP service with: `api.get("/tasks")`, `await api.aio.get("/tasks")`.

Redirects are not followed, proxies of the environment are not used, and every request ends after a
few seconds: a hang is to be noticed, not waited out. What a request needs beyond this (headers,
`json=`, `params=`, a longer `timeout=`) is httpx's own.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, cast
from weakref import WeakKeyDictionary

import httpx

from seatrial.kinds.base import Target
from seatrial.kinds.connecting import tls_context
from seatrial.kinds.http.config import HttpConfig
from seatrial.kinds.http.probe import path_at

#: Seconds to connect, and for each further step of a request.
TIMEOUT = httpx.Timeout(5.0, connect=2.0)


@dataclass(frozen=True)
class Exchange:
    """One request that was sent and what came back; bodies are whole and not redacted."""

    component: str
    method: str
    path: str  # with its query
    sent: bytes
    status: int | None  # None: no answer
    received: bytes
    duration_ms: float
    error: str = ""

    @property
    def request_line(self) -> str:
        return f"{self.method} {self.path}"


Listener = Callable[[Exchange], None]


class _Recorder:
    """Tells listeners of every exchange of one component."""

    def __init__(self, component: str) -> None:
        self.component = component
        self.listeners: list[Listener] = []

    @contextmanager
    def exchange(self, request: httpx.Request) -> Iterator[list[httpx.Response]]:
        answer: list[httpx.Response] = []
        error = ""
        began = perf_counter()
        try:
            yield answer
        except BaseException as problem:
            error = f"{type(problem).__name__}: {problem}"
            raise
        finally:
            if self.listeners:
                self._tell(request, answer[0] if answer else None, error, began)

    def _tell(
        self, request: httpx.Request, response: httpx.Response | None, error: str, began: float
    ) -> None:
        said = Exchange(
            self.component,
            request.method,
            request.url.raw_path.decode("ascii"),
            _sent(request),
            response.status_code if response is not None else None,
            response.content if response is not None and response.is_closed else b"",
            (perf_counter() - began) * 1000,
            error,
        )
        for listener in tuple(self.listeners):
            listener(said)


def _sent(request: httpx.Request) -> bytes:
    try:
        return request.content
    except httpx.RequestNotRead:  # a streamed upload
        return b""


class AsyncHttpClient(httpx.AsyncClient):
    """The asynchronous twin of `HttpClient`, for one event loop."""

    def __init__(self, target: Target, recorder: _Recorder) -> None:
        settings = _Settings.of(target)
        super().__init__(
            base_url=settings.base_url,
            headers=settings.headers,
            auth=settings.auth,
            verify=settings.tls,
            timeout=TIMEOUT,
            trust_env=False,
            # A connection kept beyond the end of its loop could never be closed.
            limits=httpx.Limits(max_connections=100, max_keepalive_connections=0),
        )
        self._health = settings.health
        self._recorder = recorder

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        with self._recorder.exchange(request) as answer:
            answer.append(await super().send(request, **options))
        return answer[0]

    async def health(self) -> httpx.Response:
        """The answer of the declared health path."""
        return await self.get(self._health)


class HttpClient(httpx.Client):
    """An httpx client of one component: paths are relative to its endpoint."""

    def __init__(self, target: Target) -> None:
        settings = _Settings.of(target)
        super().__init__(
            base_url=settings.base_url,
            headers=settings.headers,
            auth=settings.auth,
            verify=settings.tls,
            timeout=TIMEOUT,
            trust_env=False,
        )
        self._target = target
        self._health = settings.health
        self._recorder = _Recorder(target.name)
        self._twins: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncHttpClient] = (
            WeakKeyDictionary()
        )

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        with self._recorder.exchange(request) as answer:
            answer.append(super().send(request, **options))
        return answer[0]

    def health(self) -> httpx.Response:
        """The answer of the declared health path."""
        return self.get(self._health)

    @property
    def aio(self) -> AsyncHttpClient:
        """The twin for the running event loop, opened on first use. RuntimeError without one."""
        loop = asyncio.get_running_loop()
        if loop not in self._twins:
            self._twins[loop] = AsyncHttpClient(self._target, self._recorder)
        return self._twins[loop]

    def on_exchange(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` after every request, of the twin too; returns how to end that."""
        self._recorder.listeners.append(listener)
        return lambda: self._recorder.listeners.remove(listener)


@dataclass(frozen=True)
class _Settings:
    base_url: str
    headers: Mapping[str, str]
    auth: tuple[str, str] | None
    tls: ssl.SSLContext
    health: str

    @classmethod
    def of(cls, target: Target) -> _Settings:
        endpoint = target.endpoint("http")
        address = replace(endpoint, path=path_at(endpoint, "/"), user=None, password=None)
        # Reading the authorities takes 50 ms; the empty context accepts no certificate at all.
        https = endpoint.scheme == "https"
        return cls(
            base_url=address.url,
            headers={"Host": endpoint.authority} if endpoint.called else {},
            auth=(endpoint.user, endpoint.password or "") if endpoint.user is not None else None,
            tls=tls_context(verified=endpoint.verified)
            if https
            else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            health=cast(HttpConfig, target.config).health or "/",
        )
