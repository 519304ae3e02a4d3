"""What a component's processes use, as the kernel accounts for it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from seatrial.keeper.protocol import Usage

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def together(parts: Iterable[Usage]) -> Usage:
    cpu, memory, processes = 0.0, 0, 0
    for one in parts:
        cpu += one.cpu_s
        memory += one.memory_bytes
        processes += one.processes
    return Usage(cpu_s=cpu, memory_bytes=memory, processes=processes)


def usage_of(numbers: Iterable[int]) -> Usage:
    """Of these processes; one that has just ended uses nothing."""
    return together(found for number in numbers if (found := _one(number)) is not None)


def _one(number: int) -> Usage | None:
    folder = Path("/proc", str(number))
    try:
        text = (folder / "stat").read_text()
        memory = _memory(folder)
    except OSError:
        return None
    fields = text[text.rindex(")") + 2 :].split()  # the command's name may hold anything
    ticks = sum(map(int, fields[11:15]))  # its own, and those of children that it has reaped
    return Usage(cpu_s=ticks / _TICKS, memory_bytes=memory, processes=1)


def _memory(folder: Path) -> int:
    """Bytes: its share of what it has in common with others, as PostgreSQL's processes have. Where
    that may not be seen, all that is resident."""
    try:
        lines = (folder / "smaps_rollup").read_text().splitlines()
    except PermissionError:
        return int((folder / "statm").read_text().split()[1]) * _PAGE
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
