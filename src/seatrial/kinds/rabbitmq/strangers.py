"""What else lives at an address where the broker does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from seatrial.kinds.base import Endpoint

_AMQP, _HTTP = "an AMQP broker", "an HTTP server"

#: What to say, how the answer to it begins, and who answers so. Servers of line protocols wait for
#: the end of a line, and so seem dead to AMQP's greeting, for one.
_GREETINGS: tuple[tuple[bytes, tuple[tuple[bytes, str], ...]], ...] = (
    (
        b"GET / HTTP/1.0\r\n\r\n",
        (
            (b"HTTP/", _HTTP),
            (b"-ERR", "a Redis server"),
            (b"-NOAUTH", "a Redis server"),
            (b"-DENIED", "a Redis server"),
            (b"SSH-", "an SSH server"),
            (b"220", "a mail or FTP server"),
        ),
    ),
    (b"AMQP\x00\x00\x09\x01", ((b"\x01\x00\x00\x00\x00", _AMQP),)),
    # PostgreSQL's request for TLS, which it answers with one letter.
    (b"\x00\x00\x00\x08\x04\xd2\x16\x2f", ((b"S", "PostgreSQL"), (b"N", "PostgreSQL"))),
)
_LIMIT = 1.0  # s


async def identify(endpoint: Endpoint) -> str | None:
    """Who answers there, in words, or None. On connections of their own; within a second.

    What the endpoint should speak does not count: a broker that is only slow is no stranger.
    """
    own = _AMQP if endpoint.scheme.startswith("amqp") else _HTTP
    asking = [
        asyncio.ensure_future(_answer(endpoint, text, [one for one in known if one[1] != own]))
        for text, known in _GREETINGS
    ]
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


async def _answer(
    endpoint: Endpoint, text: bytes, known: Sequence[tuple[bytes, str]]
) -> str | None:
    try:
        reader, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
    except OSError:
        return None
    try:
        writer.write(text)
        answer = await reader.read(64)
    except OSError:
        return None
    finally:
        writer.transport.abort()
    return next((who for start, who in known if answer.startswith(start)), None)
