"""RabbitMQ from its slim home, beside the same broker from its installed one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measuring import Row, by_turns, median
from benchmarks.up import only, started_alone
from seatrial.kinds.rabbitmq import slim


def measure() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        system = only("rabbitmq", Path(name))

        def stock() -> float:
            tried, slim.TRIED = slim.TRIED, ()
            try:
                return started_alone(system)
            finally:
                slim.TRIED = tried

        def ours() -> float:
            return started_alone(system)

        by_turns(1, ours, stock)  # warms the caches
        measured, beside = by_turns(5, ours, stock)
    share = median(measured) / median(beside)
    yield Row(
        "RabbitMQ is ready",
        "from its installed home",
        measured,
        beside,
        "at most 0.75x",
        share <= 0.75,
        f"{share:.2f}x",
    )
