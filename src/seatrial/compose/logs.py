"""What containers wrote."""

from __future__ import annotations

from collections.abc import Sequence

from seatrial.compose.engine import Container, call
from seatrial.secrecy import last_lines


async def logs(some: Sequence[Container], lines: int, most: int) -> tuple[str, ...]:
    """The last lines that containers wrote, at most so many bytes of each."""
    found: list[str] = []
    for one in some:
        ended = await call(("docker", "logs", "--tail", str(lines), one.id), 20.0)
        text = ended.out + ended.err  # each stream in its own order
        found += last_lines(text[-most:], lines, cut=len(text) > most)
    return tuple(found[-lines:])
