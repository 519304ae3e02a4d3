"""Start the API: `python -m quantum_queue.api`.

What can be wrong with the settings or the port is found before anything heavy is imported.
"""

from __future__ import annotations

import errno
import socket
import sys

from quantum_queue.contracts.settings import Settings, settings_or_exit

_BACKLOG = 2048


def listen(settings: Settings) -> socket.socket:
    """Return a listening socket, or end the process and say why there is none."""
    place = f"{settings.host}:{settings.port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            reason = f"PORT {settings.port}: address already in use ({place}); stop the process"
            reason += " that listens there, or set PORT to a free port"
        else:
            reason = f"cannot listen on {place}: {error.strerror or error}; check HOST and PORT"
        print(f"api: cannot start: {reason}", file=sys.stderr, flush=True)
        raise SystemExit(1) from None
    listener.setblocking(False)
    return listener


def main() -> None:
    """Check the settings and the port, then serve until told to stop."""
    settings = settings_or_exit("api")
    listener = listen(settings)
    from quantum_queue.api.server import serve

    serve(settings, listener)


if __name__ == "__main__":
    main()
