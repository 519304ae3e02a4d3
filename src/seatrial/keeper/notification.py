"""READY=1 over a Unix datagram socket: how a program says that it is ready (see sd_notify)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import socket
from pathlib import Path


class Notification:
    """Waits at `address` for READY=1 from a program that runs as `user`, and sets `came`."""

    def __init__(self, address: Path, user: str | None) -> None:
        self.came = asyncio.Event()
        self._address = address
        self._loop = asyncio.get_running_loop()
        self._address.unlink(missing_ok=True)
        self._receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._receiver.bind(str(address))
        address.chmod(0o600)
        if user is not None and os.getuid() == 0:
            os.chown(address, pwd.getpwnam(user).pw_uid, -1)
        self._loop.add_reader(self._receiver, self._read)

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            if b"READY=1" in self._receiver.recv(4096).split(b"\n"):
                self.close()
                self.came.set()

    def close(self) -> None:
        """Nothing happens if it is closed already."""
        if self._receiver.fileno() >= 0:
            self._loop.remove_reader(self._receiver)
            self._receiver.close()
            self._address.unlink(missing_ok=True)
