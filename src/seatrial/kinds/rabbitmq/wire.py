"""A lean AMQP 0-9-1 session: one question, one answer, no task in the background.

The usual clients keep reader and heartbeat tasks, reconnect, and tell little of why a login
failed. A session here lives for one operation, under one deadline, and closes without waiting for
a broker that hangs; so nothing of it can leak or go stale.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

import pamqp.frame
from pamqp import commands, exceptions
from pamqp.base import Frame
from pamqp.body import ContentBody
from pamqp.header import ContentHeader, ProtocolHeader
from pamqp.heartbeat import Heartbeat

from seatrial.kinds.base import Endpoint
from seatrial.kinds.connecting import reach
from seatrial.kinds.rabbitmq.place import vhost_of
from seatrial.kinds.rabbitmq.trouble import ChannelClosed
from seatrial.kinds.trouble import Trouble
from seatrial.outcome import Cause
from seatrial.waiting import Deadline

_GOODBYE = 0.2  # s to wait for the broker's answer to our closing
_LONGEST_FRAME = 1 << 20  # bytes; the broker's own limit is 128 KiB
_FRAME_END = 0xCE

AnyFrame = Frame | ContentBody | ContentHeader | ProtocolHeader | Heartbeat
Answer = TypeVar("Answer", bound=Frame)


@dataclass(frozen=True)
class Content:
    """A message as it came: properties, and all of its body."""

    properties: commands.Basic.Properties
    body: bytes


class Session:
    """One connection; use `session()` to open one."""

    def __init__(self, endpoint: Endpoint, deadline: Deadline) -> None:
        self.endpoint = endpoint
        self.version = ""
        self.blocked: str | None = None  # why the broker takes no messages now, if it does not
        self._deadline = deadline
        self._seconds = deadline.remaining()
        self._stage = ""  # what is missing so far
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._frame_max = 4096
        self._channels = 0
        self._closed = False

    # -- opening and closing ---------------------------------------------------------------------

    async def open(self) -> None:
        """Connect, log in, enter the virtual host. Raises Trouble."""
        async with self._bounded():
            self._reader, self._writer = await reach(
                self.endpoint,
                tls=self.endpoint.scheme == "amqps",
                stage=self._missing,
                verified=self.endpoint.verified,
            )
        self._stage = f"{self.endpoint.address} takes the connection, but nothing came back"
        self._write(b"AMQP\x00\x00\x09\x01")
        start = await self._expect(0, commands.Connection.Start)
        self._read_greeting(start)
        self._stage = "it greets, but does not answer the login"
        user, password = self.endpoint.user or "", self.endpoint.password or ""
        self.send(
            0,
            commands.Connection.StartOk(
                client_properties={
                    "product": "seatrial",
                    "capabilities": {
                        "authentication_failure_close": True,
                        "connection.blocked": True,
                        "basic.nack": True,
                        "publisher_confirms": True,
                    },
                },
                mechanism="PLAIN",
                response=f"\0{user}\0{password}",
                locale="en_US",
            ),
        )
        tune = await self._expect(0, commands.Connection.Tune)
        self._frame_max = tune.frame_max or 131072
        self.send(
            0, commands.Connection.TuneOk(tune.channel_max or 2047, self._frame_max, heartbeat=0)
        )
        self._stage = "logged in, but the virtual host is not opened"
        self.send(0, commands.Connection.Open(virtual_host=vhost_of(self.endpoint)))
        await self._expect(0, commands.Connection.OpenOk)
        self._stage = "the broker does not answer"

    def _missing(self, what: str) -> None:
        self._stage = what

    def _read_greeting(self, start: commands.Connection.Start) -> None:
        properties = start.server_properties or {}
        self.version = str(properties.get("version", ""))
        if "PLAIN" not in (start.mechanisms or "").split():
            raise Trouble(Cause.AUTH, f"it offers the logins {start.mechanisms}, and not PLAIN")

    async def close(self) -> None:
        """Say goodbye, without waiting for a broker that does not answer."""
        if self._writer is None:
            return
        try:
            with contextlib.suppress(Trouble, OSError):
                if not self._closed:
                    self._deadline = self._deadline.within(_GOODBYE)
                    self.send(0, commands.Connection.Close(200, "", 0, 0))
                    await self._expect(0, commands.Connection.CloseOk)
        finally:  # also when cancelled while it says goodbye
            self._writer.transport.abort()

    # -- asking ----------------------------------------------------------------------------------

    async def channel(self) -> int:
        """Open a channel and return its number."""
        self._channels += 1
        await self.ask(self._channels, commands.Channel.Open(), commands.Channel.OpenOk)
        return self._channels

    async def ask(self, channel: int, question: Frame, answer: type[Answer]) -> Answer:
        """Send a method and return its answer. Raises ChannelClosed or Trouble."""
        self.send(channel, question)
        return await self._expect(channel, answer)

    def send(self, channel: int, *frames: AnyFrame) -> None:
        self._write(b"".join(pamqp.frame.marshal(frame, channel) for frame in frames))

    def send_content(self, channel: int, method: Frame, content: Content) -> None:
        size = self._frame_max - 8
        body = content.body
        parts = [ContentBody(body[at : at + size]) for at in range(0, len(body), size)]
        self.send(channel, method, ContentHeader(0, len(body), content.properties), *parts)

    async def receive(self, channel: int) -> Frame:
        """The next method on this channel. Raises ChannelClosed or Trouble."""
        while True:
            number, frame = await self._frame()
            if isinstance(frame, commands.Channel.Close) and number == channel:
                self.send(number, commands.Channel.CloseOk())
                raise ChannelClosed(frame.reply_code or 0, frame.reply_text or "")
            if number == channel and isinstance(frame, Frame):
                return frame

    async def content(self, channel: int) -> Content:
        """The message that follows a method which carries one."""
        header: ContentHeader | None = None
        body = bytearray()
        while header is None or len(body) < header.body_size:
            number, frame = await self._frame()
            if number == channel and isinstance(frame, ContentHeader):
                header = frame
            elif number == channel and isinstance(frame, ContentBody) and frame.value:
                body += frame.value
        return Content(header.properties, bytes(body))

    async def _expect(self, channel: int, answer: type[Answer]) -> Answer:
        while True:
            frame = await self.receive(channel)
            if isinstance(frame, answer):
                return frame

    # -- frames ----------------------------------------------------------------------------------

    async def _frame(self) -> tuple[int, AnyFrame]:
        """The next frame that is not about the connection itself."""
        while True:
            async with self._bounded():
                try:
                    number, frame = await self._read()
                except asyncio.IncompleteReadError as error:
                    raise self._hung_up(error.partial) from None
                except OSError as error:
                    raise self._hung_up(b"") from error
            if isinstance(frame, commands.Connection.Close):
                self.send(0, commands.Connection.CloseOk())
                self._closed = True
                raise _refusal(frame.reply_code or 0, frame.reply_text or "")
            if isinstance(frame, commands.Connection.Blocked):
                self.blocked = frame.reason or "a resource alarm"
            elif isinstance(frame, commands.Connection.Unblocked):
                self.blocked = None
            elif not isinstance(frame, Heartbeat):
                return number, frame

    async def _read(self) -> tuple[int, AnyFrame]:
        assert self._reader is not None
        head = await self._reader.readexactly(7)
        if head[0] not in (1, 2, 3, 8):
            raise _stranger(head)
        (size,) = struct.unpack(">I", head[3:7])
        if size > _LONGEST_FRAME:
            raise _stranger(head)
        rest = await self._reader.readexactly(size + 1)
        if rest[-1] != _FRAME_END:
            raise _stranger(head + rest[:32])
        try:
            _, number, frame = pamqp.frame.unmarshal(head + rest)
        except (exceptions.PAMQPException, struct.error, ValueError, LookupError) as error:
            raise Trouble(Cause.WRONG_PROGRAM, f"it sent what is no AMQP 0-9-1: {error}") from error
        return number, frame

    def _write(self, data: bytes) -> None:
        assert self._writer is not None
        if not self._writer.transport.is_closing():
            self._writer.write(data)

    def _hung_up(self, partial: bytes) -> Trouble:
        self._closed = True
        if partial:
            return _stranger(partial)
        return Trouble(
            Cause.REFUSED,
            f"{self.endpoint.address} takes the connection and hangs up"
            + ("" if self.version else " without an answer"),
        )

    @contextlib.asynccontextmanager
    async def _bounded(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._deadline.remaining()):
                yield
        except TimeoutError:
            why = f" (publishers are blocked: {self.blocked})" if self.blocked else ""
            raise Trouble(
                Cause.TIMEOUT, f"{self._stage} within {self._seconds:.1f} s{why}"
            ) from None


@asynccontextmanager
async def session(endpoint: Endpoint, deadline: Deadline) -> AsyncIterator[Session]:
    """A session that is open inside and closed after. Raises Trouble."""
    one = Session(endpoint, deadline)
    try:
        await one.open()
        yield one
    finally:
        await one.close()


def _stranger(first: bytes) -> Trouble:
    if first[:2] in (b"\x15\x03", b"\x16\x03"):  # a TLS record
        return Trouble(Cause.TLS, "it speaks TLS, but the endpoint's URL says amqp")
    if first.startswith(b"AMQP"):
        version = ".".join(str(byte) for byte in first[5:7])  # after the number of the protocol
        return Trouble(Cause.WRONG_PROGRAM, f"it speaks AMQP {version}, and not 0-9-1")
    return Trouble(Cause.WRONG_PROGRAM, f"what answers is no AMQP broker: {first[:40]!r}")


#: What brokers from 3.7 to 4 say of it, whatever their virtual hosts and users are called.
_NO_VHOST = re.compile(r"\bvhost .*not found\Z", re.DOTALL)
_LIMIT = re.compile(r"\blimit\b[^']*\Z")  # behind the last name


def _refusal(code: int, text: str) -> Trouble:
    """The broker closed the connection: its reply code and text tell the cause."""
    said = f"the broker says: {text}"
    if code == 403:
        return Trouble(Cause.AUTH, f"the login is refused; {said}")
    if code == 530 and _NO_VHOST.search(text):
        return Trouble(Cause.WRONG_VHOST, said)
    if code == 530 and _LIMIT.search(text):
        return Trouble(Cause.EXHAUSTED, said)
    if code == 530:
        return Trouble(Cause.NOT_AUTHORISED, said)
    return Trouble(Cause.REFUSED, f"it closed the connection; {said} ({code})")
