"""As much of Redis's protocol (RESP) as a probe needs.

The probe speaks for itself, because the driver retries and words errors in its own way.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace

from seatrial.kinds.base import Endpoint
from seatrial.kinds.connecting import reach
from seatrial.kinds.trouble import Trouble

#: The scheme of a URL that asks with TLS, and the parameter, of the usual driver, that takes any
#: certificate then.
SECURE, UNVERIFIED = "rediss", "ssl_cert_reqs=none"
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
_LONGEST_LINE = 8 * 1024  # bytes
_LONGEST_TEXT = 256 * 1024


class Said(Exception):
    """An error that the server answered; the text is its own, such as "NOAUTH ..."."""


class NotRedis(Exception):
    """What answers speaks another protocol; `answer` is how it begins."""

    def __init__(self, answer: bytes) -> None:
        super().__init__(repr(answer))
        self.answer = answer


def verified(endpoint: Endpoint) -> bool:
    """Whether it is asked whose certificate the server has."""
    return UNVERIFIED not in endpoint.path.partition("?")[2].split("&")


def database_of(endpoint: Endpoint, declared: int) -> int:
    """The number that its URL names, else that which is declared."""
    number = endpoint.path.partition("?")[0].strip("/")
    return int(number) if _NUMBER.fullmatch(number) else declared


class Session:
    """One connection, logged in."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(
        cls, endpoint: Endpoint, stage: Callable[[str], None] = lambda what: None
    ) -> Session:
        """`stage` is told what is missing. Raises Trouble, OSError, EOFError, Said or NotRedis."""
        streams = await reach(
            endpoint,
            tls=endpoint.scheme == SECURE,
            stage=stage,
            limit=_LONGEST_LINE,
            verified=verified(endpoint),
        )
        session = cls(*streams)
        stage("connected, but nothing came back")
        try:
            if endpoint.password is not None:
                user = (endpoint.user,) if endpoint.user else ()
                await session.ask("AUTH", *user, endpoint.password)
        except BaseException:
            session.close()
            raise
        return session

    async def ask(self, *words: str) -> str:
        """The answer to a command, of those that answer with text."""
        parts = [word.encode() for word in words]
        sent = b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
        self._writer.write(b"*%d\r\n%s" % (len(parts), sent))
        try:
            line = await self._reader.readuntil(b"\r\n")
        except asyncio.LimitOverrunError:
            raise NotRedis(await self._reader.read(64)) from None
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise NotRedis(error.partial[:64]) from None
            raise EOFError from None
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise Said(rest.decode(errors="replace"))
        if kind == b"+":
            return rest.decode(errors="replace")
        if kind != b"$" or not rest.isdigit() or int(rest) > _LONGEST_TEXT:
            raise NotRedis(line[:64])
        text = await self._reader.readexactly(int(rest) + 2)
        return text[:-2].decode(errors="replace")

    def close(self) -> None:
        self._writer.transport.abort()


async def speaks_tls(endpoint: Endpoint, seconds: float) -> bool:
    """Whether a server that hung up on plain text shakes hands; nothing is said."""
    try:
        async with asyncio.timeout(seconds):
            _, writer = await reach(endpoint, tls=True, stage=lambda what: None, verified=False)
    except (OSError, Trouble):
        return False
    writer.transport.abort()
    return True


async def speaks_plainly(endpoint: Endpoint, seconds: float) -> bool:
    """Whether a server that was asked for TLS answers without; nothing secret is said."""
    plain = replace(endpoint, scheme="redis", user=None, password=None)
    try:
        async with asyncio.timeout(seconds):
            session = await Session.open(plain)
            try:
                await session.ask("PING")
            finally:
                session.close()
    except Said:
        return True
    except (OSError, EOFError, NotRedis, Trouble):  # TimeoutError is an OSError
        return False
    return True
