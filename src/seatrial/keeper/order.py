"""What a client asks a new keeper to keep; light, because the guardian imports it too.

An order travels over a Unix socket as one line of JSON, with the file descriptor of the
deployment's lock file: whoever holds that, holds the lock.
"""

from __future__ import annotations

import json
import os
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

_LONGEST = 65_536  # bytes


def is_private(deployment: str) -> bool:
    """Whether nobody attaches to it by name (see `places.Place.private`)."""
    return deployment.startswith("p")


@dataclass(frozen=True)
class Order:
    id: str  # of the deployment
    folder: Path  # of the deployment
    file: Path  # the declaration
    environment: str
    digest: str  # of the declaration as the client read it
    observe: bool = False  # what runs already, instead of starting anything

    @property
    def lock_file(self) -> Path:
        return self.folder.with_name(f"{self.id}.lock")

    def send(self, to: socket.socket, lock: int) -> None:
        fields = {**asdict(self), "folder": str(self.folder), "file": str(self.file)}
        socket.send_fds(to, [json.dumps(fields).encode() + b"\n"], [lock])

    @classmethod
    def receive(cls, sender: socket.socket) -> tuple[Order, int] | None:
        """The order and the lock's file descriptor; None when the sender ended without one."""
        text, locks = b"", []
        while not text.endswith(b"\n"):
            part, descriptors, _, _ = socket.recv_fds(sender, _LONGEST, 1)
            locks += descriptors
            if not part or len(text) > _LONGEST:
                for lock in locks:
                    os.close(lock)
                return None
            text += part
        fields = json.loads(text)
        order = cls(**{**fields, "folder": Path(fields["folder"]), "file": Path(fields["file"])})
        os.set_inheritable(locks[0], False)
        return order, locks[0]
