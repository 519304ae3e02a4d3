"""Listen on a port, or say in one line why that cannot be."""

from __future__ import annotations

import errno
import socket
import sys

_BACKLOG = 2048


def listen(service: str, variable: str, host: str, port: int) -> socket.socket:
    """Return a listening socket, or end the process and say why there is none.

    `variable` is the setting that `port` comes from.
    """
    place = f"{host}:{port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            reason = f"{variable} {port}: address already in use ({place}); stop the process"
            reason += f" that listens there, or set {variable} to a free port"
        else:
            reason = f"cannot listen on {place}: {error.strerror or error};"
            reason += f" check HOST and {variable}"
        print(f"{service}: cannot start: {reason}", file=sys.stderr, flush=True)
        raise SystemExit(1) from None
    listener.setblocking(False)
    return listener
