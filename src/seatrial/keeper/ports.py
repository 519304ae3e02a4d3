"""Free loopback ports, reserved rather than guessed."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path

from seatrial.listeners import Listener, all_listeners


class PortReservations:
    """Each port is held by a bound socket that does not listen and has SO_REUSEADDR.

    The kernel gives such a port to nobody who asks for any free one, while a server that sets
    SO_REUSEADDR itself (nearly all do) can still bind and listen on it, over restarts too. For a
    server that does not, `release` gives the port up shortly before it starts.
    """

    def __init__(self) -> None:
        self._held: dict[int, socket.socket] = {}

    def reserve(self) -> int:
        holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        port = int(holder.getsockname()[1])
        self._held[port] = holder
        return port

    def release(self, port: int) -> None:
        holder = self._held.pop(port, None)
        if holder is not None:
            holder.close()

    def close(self) -> None:
        for port in list(self._held):
            self.release(port)


def is_taken(port: int) -> bool:
    """Whether another program listens on this loopback port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
            trial.listen(1)
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


def listening() -> frozenset[int]:
    """The TCP ports at which anybody on this machine listens. It disturbs nobody: a connection
    would, and to bind the port could keep its owner from doing so."""
    return frozenset(one.port for one in all_listeners())


def listeners(processes: Iterable[int]) -> list[Listener]:
    """Where these processes listen, as far as we may see it."""
    owned = {link for number in processes for link in _links(number)}
    return [one for one in all_listeners() if f"socket:[{one.inode}]" in owned]


def _links(number: int) -> Iterator[str]:
    """What the file descriptors of a process are."""
    folder = Path(f"/proc/{number}/fd")
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            with contextlib.suppress(OSError):
                yield os.readlink(folder / name)
