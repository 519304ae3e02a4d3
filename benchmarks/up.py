"""`seatrial up` of the queue, caches warm, beside its slowest component started alone.

Alone means: its processes started straight from the kind's launch facet, in a process that has
everything imported; no command line, no keeper.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

from benchmarks.measuring import QUEUE, SEATRIAL, Row, by_turns, median, timed
from seatrial.declaration.load import load
from seatrial.declaration.models import System
from seatrial.keeper.places import Place, base
from seatrial.keeper.processes import end_all
from seatrial.keeper.supervisor import Supervisor
from seatrial.keeper.timeline import Timeline
from seatrial.kinds.registry import KINDS

ALONE = ("postgres", "rabbitmq")


def measure() -> Iterator[Row]:
    def up() -> float:
        took = timed(SEATRIAL, "up", QUEUE)
        timed(SEATRIAL, "down", QUEUE)
        return took

    up()  # warms the caches
    with tempfile.TemporaryDirectory() as name:
        systems = {one: only(one, Path(name)) for one in ALONE}
        ways = [lambda one=one: started_alone(systems[one]) for one in ALONE]
        ours, *alone = by_turns(9, up, *ways)
    slowest = max(alone, key=median)
    which = ALONE[alone.index(slowest)]
    ratio = median(ours) / median(slowest)
    yield Row(
        "seatrial up of the queue",
        f"{which} started alone",
        ours,
        slowest,
        "at most 1.25x",
        ratio <= 1.25,
        f"{ratio:.2f}x",
    )


def only(component: str, folder: Path) -> System:
    where = folder / component
    where.mkdir()
    (where / "seatrial.yaml").write_text(
        f"system: alone\ncomponents:\n  {component}: {{kind: {component}}}\n"
    )
    return load(where, KINDS, environment=None, variables=os.environ)


def started_alone(system: System) -> float:
    """Seconds until the one component is ready."""
    place = Place.private()
    base()
    for folder in (place.folder, place.data, place.sockets, place.logs):
        folder.mkdir(mode=0o711)

    async def start() -> float:
        supervisor = Supervisor(system, place, Timeline())
        began = perf_counter()
        await supervisor.start()
        took = perf_counter() - began
        assert supervisor.ready, supervisor.failure
        await supervisor.end(hurry=False)
        return took

    try:
        return asyncio.run(start())
    finally:
        end_all([place.id], root=os.getpid())
        timed("rm", "-rf", place.folder)
