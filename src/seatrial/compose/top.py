"""The processes of a container, as the engine's host accounts for them."""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.compose.engine import Container, EngineError, docker

#: For `ps`, which the engine calls; S: with the time of children that were reaped.
_COLUMNS = ("-eo", "pid,cputimes,pss", "S")


@dataclass(frozen=True)
class Process:
    cpu_s: float  # whole seconds
    memory_bytes: int  # its share of what it has in common with others


async def processes_of(one: Container) -> list[Process]:
    """None where it does not run. Raises EngineError."""
    if one.status not in ("running", "paused"):
        return []
    rows = (await docker("top", one.id, *_COLUMNS)).splitlines()[1:]
    try:
        return [_process(row.split()) for row in rows]
    except ValueError as error:
        raise EngineError(
            f"docker top: an answer that is not understood: {error}",
            hint=f"docker top {one.name} {' '.join(_COLUMNS)}   (the host's ps must know these)",
        ) from error


def _process(row: list[str]) -> Process:
    _, cpu, memory = row
    return Process(float(cpu), int(memory) * 1024)
