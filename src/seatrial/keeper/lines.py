"""Lines over a socket, with a time limit for each: what came of one before its limit is kept."""

from __future__ import annotations

import contextlib
import socket

from seatrial.waiting import Deadline

_PART = 65_536  # bytes


class LineTooLong(ValueError):
    """More than the longest line came, without an end."""


class Lines:
    """One end of a connection. `receive` may be called again after a TimeoutError."""

    def __init__(self, connection: socket.socket, longest: int) -> None:
        self._connection, self._longest = connection, longest
        self._came = b""

    def send(self, line: bytes, seconds: float) -> None:
        """Send a line, which is given without its end. Raises OSError, TimeoutError among them."""
        self._connection.settimeout(seconds)
        self._connection.sendall(line + b"\n")

    def receive(self, deadline: Deadline) -> bytes:
        """The next line without its end; b"" when the other side has closed the connection.

        Raises OSError, TimeoutError among them, or LineTooLong.
        """
        parts, length = [self._came], len(self._came)
        try:
            while b"\n" not in parts[-1]:
                if length > self._longest:
                    raise LineTooLong(f"a line of more than {self._longest} bytes")
                self._connection.settimeout(max(0.01, deadline.remaining()))
                part = self._connection.recv(_PART)
                if not part:
                    return b""
                parts.append(part)
                length += len(part)
        finally:
            self._came = b"".join(parts)
        line, _, self._came = self._came.partition(b"\n")
        return line

    @property
    def closed(self) -> bool:
        """Whether by us; the other side's end is what `receive` tells."""
        return self._connection.fileno() < 0

    def close(self) -> None:
        """Also wakes up whoever receives, with b""."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()
