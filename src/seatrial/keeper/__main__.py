"""`python -m seatrial.keeper ORDER`: the process that a client starts to keep a deployment.

ORDER is one JSON object (see `order.Order`). The first process ends at once, so that its client
has no child to wait for. The guardian forks the keeper off before anything heavy is imported, so
that it stays small and has no threads.
"""

from __future__ import annotations

import os
import sys

from seatrial.keeper.guardian import guard
from seatrial.keeper.order import Order


def _keep(order: Order) -> int:
    from seatrial.keeper.life import keep

    return keep(order)


def main() -> int:
    order = Order.parse(sys.argv[1])
    if os.fork():
        os._exit(0)
    return guard(order.id, order.folder, lambda: _keep(order), inherited=[order.connection])


if __name__ == "__main__":
    sys.exit(main())
