"""What else lives at an address where the server that was expected does not answer."""

from __future__ import annotations

import asyncio

from seatrial.kinds.base import Endpoint
from seatrial.kinds.connecting import open_streams
from seatrial.kinds.resolving import Unresolved

AMQP, HTTP, POSTGRES = "an AMQP broker", "an HTTP server", "PostgreSQL"

#: How servers begin to speak, unasked or to a line of text.
_SAYS: tuple[tuple[bytes, str], ...] = (
    (b"HTTP/", HTTP),
    (b"-ERR", "a Redis server"),
    (b"-NOAUTH", "a Redis server"),
    (b"-DENIED", "a Redis server"),
    (b"AMQP", AMQP),
    (b"SSH-", "an SSH server"),
    (b"220", "a mail or FTP server"),
)
#: Servers of line protocols wait for the end of a line, and so seem dead to other greetings.
_LINE = b"GET / HTTP/1.0\r\n\r\n"
#: What to say, how the answer to it begins, and who answers so.
_GREETINGS: tuple[tuple[bytes, tuple[tuple[bytes, str], ...]], ...] = (
    (_LINE, _SAYS),
    (b"AMQP\x00\x00\x09\x01", ((b"\x01\x00\x00\x00\x00", AMQP),)),
    # PostgreSQL's request for TLS, which it answers with one letter.
    (b"\x00\x00\x00\x08\x04\xd2\x16\x2f", ((b"S", POSTGRES), (b"N", POSTGRES))),
)
_LIMIT = 1.0  # s


def who_says(answer: bytes) -> str | None:
    """Who begins to speak like that, in words, or None."""
    return next((who for start, who in _SAYS if answer.startswith(start)), None)


async def greet(host: str, port: int, text: bytes = _LINE) -> bytes:
    """How the answer to a text begins, on a connection of its own; empty if there is none."""
    try:
        reader, writer = await open_streams(host, port)
    except (OSError, Unresolved):
        return b""
    try:
        writer.write(text)
        return await reader.read(256)
    except OSError:
        return b""
    finally:
        writer.transport.abort()


async def identify(endpoint: Endpoint, own: str) -> str | None:
    """Who answers there, in words, or None. On connections of their own; within a second.

    `own`, what the endpoint should speak, does not count: a server that is only slow is no
    stranger.
    """

    async def ask(text: bytes, known: tuple[tuple[bytes, str], ...]) -> str | None:
        answer = await greet(endpoint.host, endpoint.port, text)
        return next((who for start, who in known if answer.startswith(start) and who != own), None)

    asking = [asyncio.ensure_future(ask(*greeting)) for greeting in _GREETINGS]
    try:
        async with asyncio.timeout(_LIMIT):
            for one in asyncio.as_completed(asking):
                if (who := await one) is not None:
                    return who
    except TimeoutError:
        pass
    finally:
        for one in asking:
            one.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
    return None
