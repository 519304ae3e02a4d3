"""One bounded GET over HTTP/1.1, which tells apart everything that can go wrong on the way."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus

import h11

from seatrial.kinds.base import Endpoint
from seatrial.kinds.connecting import open_streams, reach, tls_trouble
from seatrial.kinds.resolving import Unresolved
from seatrial.kinds.trouble import Trouble
from seatrial.outcome import Cause
from seatrial.waiting import Deadline

BODY_LIMIT = 1024 * 1024  # bytes that are read of a body, unless asked otherwise
_HEAD_LIMIT = 64 * 1024  # bytes of status line and headers


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]  # names in lower case; of repeated ones the last
    body: bytes  # at most as much as was asked for
    complete: bool  # False: it stopped in the middle, or went on past the limit or the deadline
    timed_out: bool = False  # the deadline came before the body's end
    too_long: bool = False  # the body went on past the limit

    @property
    def lacking(self) -> str:
        """Why the body is not the whole one; "" where it is."""
        if self.complete:
            return ""
        if self.timed_out:
            return "its body did not end within the time allowed"
        if self.too_long:
            return f"its body is longer than the {len(self.body)} bytes that are read"
        return f"its body broke off after {len(self.body)} bytes"

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


class HungUp(Trouble):
    """The connection was accepted and closed without a byte."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(
            Cause.REFUSED,
            f"{endpoint.address} takes the connection and hangs up without an answer: it is not up "
            "yet, fails on every request, or is no HTTP server",
        )


class SpeaksTls(Trouble):
    """It was asked without TLS, and wants it."""

    def __init__(self) -> None:
        super().__init__(Cause.TLS, "it speaks TLS, but the endpoint's URL says http")


@cache
def _curious_context() -> ssl.SSLContext:
    """Trusts everyone: for asking whether TLS is spoken, never for saying anything."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def get(
    endpoint: Endpoint, path: str, deadline: Deadline, *, limit: int = BODY_LIMIT
) -> Answer:
    """GET one path, following nothing, reading at most `limit` bytes of the body.

    Raises Trouble; ends by the deadline.
    """
    exchange = _Exchange(endpoint, path, limit)
    seconds = deadline.remaining()
    try:
        async with asyncio.timeout(seconds):
            return await exchange.run()
    except TimeoutError:
        if exchange.head is not None:
            return exchange.answer(complete=False, timed_out=True)
        raise Trouble(Cause.TIMEOUT, f"{exchange.stage} within {seconds:.1f} s") from None
    except HungUp:
        if endpoint.scheme == "http" and await _speaks_tls(endpoint, deadline.within(0.5)):
            raise SpeaksTls from None
        raise
    finally:
        exchange.close()


async def _speaks_tls(endpoint: Endpoint, deadline: Deadline) -> bool:
    """Whether a server that hung up on plain HTTP would shake hands."""
    try:
        async with asyncio.timeout(deadline.remaining()):
            _, writer = await open_streams(endpoint.host, endpoint.port, _curious_context())
    except (OSError, Unresolved):  # TimeoutError is an OSError
        return False
    writer.transport.abort()
    return True


class _Exchange:
    def __init__(self, endpoint: Endpoint, path: str, limit: int) -> None:
        self.endpoint = endpoint
        self.path = path
        self.limit = limit
        self.stage = ""  # what is missing so far
        self.head: h11.Response | None = None
        self.body = bytearray()
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEAD_LIMIT)
        self._first = b""
        self._writer: asyncio.StreamWriter | None = None

    def _missing(self, what: str) -> None:
        self.stage = what

    async def run(self) -> Answer:
        secure = self.endpoint.scheme == "https"
        reader, self._writer = await reach(
            self.endpoint, tls=secure, stage=self._missing, verified=self.endpoint.verified
        )
        try:
            self._writer.write(self._request())
            self.stage = "connected, but nothing came back"
            while True:
                event = self._http.next_event()
                if event is h11.NEED_DATA:
                    self._receive(await reader.read(16 * 1024))
                elif isinstance(event, h11.Response):
                    self.head = event
                elif isinstance(event, h11.Data):
                    self.body += event.data
                    if len(self.body) > self.limit:
                        return self.answer(complete=False, too_long=True)
                elif isinstance(event, h11.EndOfMessage):
                    return self.answer(complete=True)
                elif not isinstance(event, h11.InformationalResponse):
                    raise self._not_http()
        except h11.RemoteProtocolError as error:
            if self.head is not None:
                return self.answer(complete=False)
            if error.error_status_hint == HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE:
                found = f"it answers, but with headers longer than the {_HEAD_LIMIT} bytes allowed"
                raise Trouble(Cause.UNHEALTHY, found) from None
            raise self._not_http() from None
        except OSError as error:
            if self.head is not None:
                return self.answer(complete=False)
            if isinstance(error, ssl.SSLError):
                raise tls_trouble(error, self.endpoint) from error
            raise Trouble(
                Cause.REFUSED,
                "the connection was accepted and then reset without an answer (a port forwarder "
                "with nothing behind it, or a service that fails on every request)",
            ) from error

    def _request(self) -> bytes:
        endpoint = self.endpoint
        headers = [
            ("Host", endpoint.authority),
            ("User-Agent", "seatrial"),
            ("Accept", "application/json, */*;q=0.5"),
            ("Connection", "close"),
        ]
        if endpoint.user is not None:
            login = f"{endpoint.user}:{endpoint.password or ''}".encode()
            headers.append(("Authorization", f"Basic {base64.b64encode(login).decode()}"))
        request = h11.Request(method="GET", target=self.path, headers=headers)
        return (self._http.send(request) or b"") + (self._http.send(h11.EndOfMessage()) or b"")

    def _receive(self, data: bytes) -> None:
        if not self._first:
            if not data:
                raise HungUp(self.endpoint)
            self._first = data[:64]
            if data[:2] in (b"\x15\x03", b"\x16\x03"):  # a TLS record
                raise self._speaks_tls()
        self._http.receive_data(data)

    def _speaks_tls(self) -> Trouble:
        if self.endpoint.scheme == "http":
            return SpeaksTls()
        found = "it speaks TLS within TLS: a gateway, say, before a server that wants TLS itself"
        return Trouble(Cause.TLS, found)

    def _not_http(self) -> Trouble:
        return Trouble(
            Cause.WRONG_PROGRAM, f"the answer is not HTTP/1.1; it begins with {self._first[:40]!r}"
        )

    def answer(self, *, complete: bool, timed_out: bool = False, too_long: bool = False) -> Answer:
        assert self.head is not None
        headers = {name.decode(): value.decode("latin-1") for name, value in self.head.headers}
        body = bytes(self.body[: self.limit])
        return Answer(self.head.status_code, headers, body, complete, timed_out, too_long)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()  # a polite goodbye could hang
