"""A worker that does its work wrongly: `python drills/worker.py wrong`, or `failing`.

All of it is the real worker, but for what it makes of the simulator's answers.
"""

from __future__ import annotations

import sys

from quantum_queue.worker import __main__ as worker
from quantum_queue.worker.frames import Answer, Order
from quantum_queue.worker.simulator import Simulator

_run = Simulator.run
_FLIPPED = str.maketrans("01", "10")


async def _wrong(self: Simulator, order: Order) -> Answer:
    """The right counts, under the wrong names: the first bit of each is the other one."""
    answer = await _run(self, order)
    counts = answer.counts or {}
    flipped = {key[:1].translate(_FLIPPED) + key[1:]: n for key, n in counts.items()}
    return Answer(counts=flipped) if counts else answer


async def _failing(self: Simulator, order: Order) -> Answer:
    return Answer(error="this worker fails every task, on purpose")


if __name__ == "__main__":
    Simulator.run = {"wrong": _wrong, "failing": _failing}[sys.argv[1]]
    worker.main()
