"""`python -m benchmarks.up_profile`: what `seatrial up` of the queue computes, part by part.

Where both cores are busy all the while, no order of starting is faster than this time divided by
their number.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Mapping

from benchmarks.computed import parts, seconds
from benchmarks.measuring import QUEUE, SEATRIAL, machine, median, timed
from seatrial.declaration.load import load
from seatrial.environment.deployment import attach
from seatrial.keeper import processes
from seatrial.kinds.registry import KINDS

_REPEATS = 7
_OURS = ("command line", "keeper")


def main() -> None:
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    print(machine(), flush=True)
    _up()  # warms the caches
    seen = [_up() for _ in range(_REPEATS)]
    spent = {part: median([one[part] for one in seen]) for part in seen[0]}
    wall = spent.pop("wall")
    for part, took in sorted(spent.items(), key=lambda item: -item[1]):
        print(f"{took:6.2f} s  {part}")
    everything, cores = sum(spent.values()), len(os.sched_getaffinity(0))
    theirs = everything - sum(spent[part] for part in _OURS)
    print(f"{everything:6.2f} s  together; {theirs:.2f} s without Seatrial's own")
    print(f"{wall:6.2f} s  from call to return: {everything / wall / cores:.0%} of {cores} cores")


def _up() -> Mapping[str, float]:
    before = _ended()
    wall = timed(SEATRIAL, "up", QUEUE)
    command_line = _ended() - before
    system = load(QUEUE, KINDS, environment=None, variables=os.environ)
    deployment = attach(system)
    assert deployment is not None, "the deployment is gone"
    with deployment:
        pids = parts(deployment)
        spent = {part: sum(map(seconds, numbers)) for part, numbers in pids.items()}
        keeper = _parent(min(pids["postgres"]))
        spent["keeper"] = seconds(keeper)
        spent["migrate, and the scripts that start RabbitMQ"] = seconds(keeper, ended_children=True)
    timed(SEATRIAL, "down", QUEUE)
    return {**spent, "command line": command_line, "wall": wall}


def _ended() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _parent(pid: int) -> int:
    stat = processes.stat_of(pid)
    assert stat is not None
    return stat.parent


if __name__ == "__main__":
    main()
