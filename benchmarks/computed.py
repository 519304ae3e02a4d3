"""Processor time of a deployment's parts, as the kernel accounts for it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from seatrial.environment.deployment import Deployment
from seatrial.keeper import processes


def parts(deployment: Deployment) -> Mapping[str, frozenset[int]]:
    """The processes of each component, their descendants included; the worker's are `simulator`."""
    pids: dict[str, set[int]] = {}
    for name, status in deployment.statuses().items():
        for pid in filter(None, status.pids):
            pids.setdefault(name, set()).add(pid)
            below = "simulator" if name == "worker" else name
            pids.setdefault(below, set()).update(processes.descendants(pid))
    return {part: frozenset(numbers) for part, numbers in pids.items()}


def seconds(pid: int, *, ended_children: bool = False) -> float:
    """What a process computed, perhaps with its children that ended and were waited for."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # a server process of a connection that was closed
        return 0.0
    counted = fields[13:15] if ended_children else fields[11:13]
    return sum(map(int, counted)) / os.sysconf("SC_CLK_TCK")
