"""`python -m seatrial.keeper FD`: the process that a client starts to keep a deployment.

FD is our end of a socket pair with the client, over which the order comes (see `order`). The first
process ends at once, so that its client has no child to wait for. The guardian forks the keeper off
before anything heavy is imported, so that it stays small and has no threads.
"""

from __future__ import annotations

import os
import socket
import sys

from seatrial.keeper.guardian import guard
from seatrial.keeper.order import Order


def _keep(client: socket.socket, guardian: socket.socket) -> int:
    from seatrial.keeper.life import keep  # takes a while; the client is busy meanwhile, too

    received = Order.receive(client)
    if received is None:
        return 0  # the client had no order after all
    order, lock = received
    order.send(guardian, lock)
    guardian.close()
    log = os.open(order.folder / "keeper.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for output in (1, 2):
        os.dup2(log, output)
    os.close(log)
    return keep(order, client)


def main() -> int:
    client = socket.socket(fileno=int(sys.argv[1]))
    client.set_inheritable(False)
    if os.fork():
        os._exit(0)
    return guard(client, _keep)


if __name__ == "__main__":
    sys.exit(main())
