"""Tell a supervisor that the service is ready (the sd_notify protocol)."""

from __future__ import annotations

import os
import socket


def notify(state: str) -> bool:
    """Send `state` to NOTIFY_SOCKET if it is set; return whether it was sent.

    A supervisor that went away is no reason for the service to fail.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    if address.startswith("@"):
        # An abstract socket: its name begins with a zero byte.
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.settimeout(1.0)
            channel.sendto(state.encode(), address)
    except OSError:
        return False
    return True
