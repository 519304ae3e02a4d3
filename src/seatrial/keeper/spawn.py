"""Starting a keeper's process. It waits for its order, so it may be begun early: it imports what
it needs while the command line still reads the declaration. Light, for that reason.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import dataclass

from seatrial.keeper.processes import OWNER


@dataclass
class Waiting:
    """A keeper that has not been told yet what to keep; it ends when `connection` does."""

    connection: socket.socket
    process: subprocess.Popen[bytes]  # ends at once; the keeper is its grandchild

    def connected(self) -> socket.socket:
        self.process.wait()
        return self.connection

    def dismiss(self) -> None:
        self.connection.close()
        self.process.wait()


def spawn() -> Waiting:
    """Start a keeper's process in a session of its own."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "seatrial.keeper", str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={name: value for name, value in os.environ.items() if name != OWNER},
            start_new_session=True,
            pass_fds=(theirs.fileno(),),
        )
    return Waiting(ours, process)


_begun: list[Waiting] = []


def begin() -> None:
    """Start one now, for the `take` to come."""
    _begun.append(spawn())


def take() -> Waiting:
    """The one that was begun, or a new one."""
    return _begun.pop() if _begun else spawn()


def dismiss() -> None:
    """End the one that was begun, if there is one: it is not needed."""
    while _begun:
        _begun.pop().dismiss()
