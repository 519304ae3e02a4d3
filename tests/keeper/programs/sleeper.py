"""Says READY=1 when it is told where, then waits for a signal."""

import os
import signal
import socket

address = os.environ.get("NOTIFY_SOCKET")
if address:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.sendto(b"READY=1", address)
signal.pause()
