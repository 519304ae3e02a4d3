"""The little of PostgreSQL's protocol that a probe needs.

libpq keeps the SQLSTATE of a refused login to itself and its message comes in the server's
language; a driver also cannot say what else answers at a port. This speaks the start-up, the login
and simple queries, so that every cause is read from a code; it cancels cleanly at any moment.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import struct
from dataclasses import dataclass
from enum import StrEnum

from seatrial.kinds.connecting import open_streams
from seatrial.kinds.postgres.scram import ScramClient, ScramFailed, ScramTooCostly

_SSL_REQUEST = struct.pack("!ii", 8, 80877103)
_PROTOCOL_3 = 196608
_KNOWN = b"RESKZNTDCIvA"  # message types a server may send before and during a simple query
_LONGEST = 1 << 24  # bytes; a longer message is some other protocol


class ServerRefused(Exception):
    """The server answered with an error. `asked` says that it had asked for a password before."""

    def __init__(self, sqlstate: str, message: str, *, asked: bool) -> None:
        super().__init__(f"{message} (SQLSTATE {sqlstate})")
        self.sqlstate = sqlstate
        self.message = message
        self.asked = asked


class NotPostgres(Exception):
    """What answered does not speak PostgreSQL's protocol; `answer` is how it began."""

    def __init__(self, answer: bytes) -> None:
        super().__init__(f"answered {answer[:60]!r}")
        self.answer = answer


class LoginUnsupported(Exception):
    """The server wants a way to log in that Seatrial does not speak, or no password is known."""


class NoTls(Exception):
    """TLS was asked for, and the server does not offer it."""


class SslMode(StrEnum):
    """libpq's sslmode."""

    DISABLE = "disable"
    ALLOW = "allow"
    PREFER = "prefer"
    REQUIRE = "require"
    VERIFY_CA = "verify-ca"
    VERIFY_FULL = "verify-full"


@dataclass(frozen=True)
class Tls:
    mode: SslMode = SslMode.PREFER
    root_certificate: str | None = None
    certificate: str | None = None
    key: str | None = None

    @property
    def required(self) -> bool:
        return self.mode in (SslMode.REQUIRE, SslMode.VERIFY_CA, SslMode.VERIFY_FULL)

    def context(self) -> ssl.SSLContext:
        """Raises OSError or ssl.SSLError when a certificate file cannot be read."""
        verify = self.mode in (SslMode.VERIFY_CA, SslMode.VERIFY_FULL) or (
            self.mode is SslMode.REQUIRE and self.root_certificate is not None
        )
        roots = None if self.root_certificate in (None, "system") else self.root_certificate
        context = ssl.create_default_context(cafile=roots)
        context.check_hostname = self.mode is SslMode.VERIFY_FULL
        context.verify_mode = ssl.CERT_REQUIRED if verify else ssl.CERT_NONE
        if self.certificate:
            context.load_cert_chain(self.certificate, self.key)
        return context


@dataclass(frozen=True)
class Login:
    user: str
    database: str
    password: str | None = None


class Session:
    """A connection that is logged in, for simple queries."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._asked = False

    @classmethod
    async def tcp(
        cls, address: str, port: int, login: Login, tls: Tls, *, host: str = ""
    ) -> Session:
        """Connect to a numeric address and log in; `host` is the name that its certificate bears.

        Raises OSError, EOFError when it hangs up, or one of this module's exceptions.
        """
        reader, writer = await open_streams(address, port)  # encrypted later, if it is
        return await cls._start(reader, writer, login, tls, host or address)

    @classmethod
    async def unix(cls, path: str, login: Login) -> Session:
        reader, writer = await asyncio.open_unix_connection(path)
        return await cls._start(reader, writer, login, Tls(SslMode.DISABLE), "")

    @classmethod
    async def _start(
        cls,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        login: Login,
        tls: Tls,
        host: str,
    ) -> Session:
        session = cls(reader, writer)
        try:
            if tls.mode not in (SslMode.DISABLE, SslMode.ALLOW):
                await session._encrypt(tls, host)
            await session._log_in(login)
        except BaseException:
            session.abort()
            raise
        return session

    async def _encrypt(self, tls: Tls, host: str) -> None:
        self._writer.write(_SSL_REQUEST)
        answer = await self._reader.read(256)
        if answer == b"S":
            await self._writer.start_tls(tls.context(), server_hostname=host)
        elif answer == b"N":
            if tls.required:
                raise NoTls
        elif answer[:1] == b"E":  # it refuses before it looks at the request
            raise _refusal(answer[5:], asked=False)
        elif answer:
            raise NotPostgres(answer)
        else:
            raise EOFError("it hung up on the first request")

    async def _log_in(self, login: Login) -> None:
        words = ["user", login.user, "database", login.database, "application_name", "seatrial"]
        body = struct.pack("!i", _PROTOCOL_3)
        body += b"".join(word.encode() + b"\0" for word in words) + b"\0"
        self._writer.write(struct.pack("!i", len(body) + 4) + body)
        scram: ScramClient | None = None
        while True:
            kind, content = await self._message()
            if kind == b"Z":
                return
            if kind != b"R":
                continue
            if len(content) < 4:
                raise NotPostgres(kind + content)
            (method,) = struct.unpack_from("!i", content)
            if method == 0:
                continue
            self._asked = True
            if login.password is None:
                raise LoginUnsupported("it asks for a password, and none is declared")
            if method == 3:
                self._send(b"p", login.password.encode() + b"\0")
            elif method == 5:
                self._send(b"p", _md5(login, content[4:8]) + b"\0")
            elif method == 10 and b"SCRAM-SHA-256" in content[4:].split(b"\0"):
                scram = ScramClient(login.password)
                first = scram.first()
                self._send(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", len(first)) + first)
            elif method == 11 and scram is not None:
                self._send(b"p", scram.answer(content[4:]))
            elif method == 12 and scram is not None:
                scram.verify(content[4:])
            else:
                raise LoginUnsupported(f"it asks for login method {method}")

    async def query(self, sql: str) -> list[tuple[str | None, ...]]:
        """Run one simple query and return its rows as text. Raises ServerRefused."""
        self._send(b"Q", sql.encode() + b"\0")
        rows: list[tuple[str | None, ...]] = []
        refusal: ServerRefused | None = None
        while True:
            try:
                kind, content = await self._message()
            except ServerRefused as error:  # ReadyForQuery follows, or the end where it was fatal
                refusal = error
                continue
            except EOFError:
                raise refusal or EOFError("it hung up on the query") from None
            if kind == b"D":
                try:
                    rows.append(_row(content))
                except (struct.error, UnicodeDecodeError) as error:
                    raise NotPostgres(kind + content) from error
            elif kind == b"Z":
                if refusal is not None:
                    raise refusal
                return rows

    def _send(self, kind: bytes, content: bytes) -> None:
        self._writer.write(kind + struct.pack("!i", len(content) + 4) + content)

    async def _message(self) -> tuple[bytes, bytes]:
        kind = await self._reader.readexactly(1)
        if kind not in _KNOWN:
            raise NotPostgres(kind + await self._reader.read(255))
        head = await self._reader.readexactly(4)
        (length,) = struct.unpack("!i", head)
        if not 4 <= length <= _LONGEST:
            raise NotPostgres(kind + head + await self._reader.read(255))
        content = await self._reader.readexactly(length - 4)
        if kind == b"E":
            raise _refusal(content, asked=self._asked)
        return kind, content

    def close(self) -> None:
        """Say goodbye and hang up, without waiting, for the end of TLS neither."""
        if not self._writer.is_closing():
            self._send(b"X", b"")  # goes out at once: nothing else is in the buffer
            self.abort()

    def abort(self) -> None:
        self._writer.transport.abort()


def _md5(login: Login, salt: bytes) -> bytes:
    def digest(data: bytes) -> bytes:
        return hashlib.md5(data, usedforsecurity=False).hexdigest().encode()

    secret = digest((login.password or "").encode() + login.user.encode())
    return b"md5" + digest(secret + salt)


def _refusal(content: bytes, *, asked: bool) -> ServerRefused:
    fields = {
        part[:1]: part[1:].decode("utf-8", "replace") for part in content.split(b"\0") if part
    }
    if b"C" not in fields:
        raise NotPostgres(content)
    return ServerRefused(fields[b"C"], fields.get(b"M", ""), asked=asked)


def _row(content: bytes) -> tuple[str | None, ...]:
    (count,) = struct.unpack_from("!h", content)
    offset, values = 2, list[str | None]()
    for _ in range(count):
        (length,) = struct.unpack_from("!i", content, offset)
        offset += 4
        if length < 0:
            values.append(None)
            continue
        values.append(content[offset : offset + length].decode())
        offset += length
    return tuple(values)


__all__ = [
    "Login",
    "LoginUnsupported",
    "NoTls",
    "NotPostgres",
    "ScramFailed",
    "ScramTooCostly",
    "ServerRefused",
    "Session",
    "SslMode",
    "Tls",
]
