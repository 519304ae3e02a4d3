"""What containers wrote."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import replace

from seatrial.compose.earshot import is_mute
from seatrial.compose.engine import Container, EngineError, call
from seatrial.last_words import LINES, last_words
from seatrial.secrecy import last_lines

#: Exit codes of what was asked to end: after SIGTERM and SIGKILL, or an orderly end.
ASKED_TO_END = (0, 137, 143)
_SECONDS, _SOON = 20.0, 2.0
_MOST = 65_536  # characters that are looked at
#: s after which the engine takes one for well: ended again, it is restarted at once.
_STAYS = 10.0
_SURELY = 60.0  # s after which we do, however long it lived before

#: Last words by container, status and the number of its restarts.
Heard = dict[tuple[str, str, int], str]


async def logs(some: Sequence[Container], lines: int, most: int) -> tuple[str, ...]:
    """The last lines that containers wrote, of each at most so many lines and characters; of
    several, each line with the name of its own before it. Raises EngineError."""
    tails = await asyncio.gather(*(_tail(one, lines, most) for one in some))
    if len(some) == 1:
        return tails[0]
    named = zip(some, tails, strict=True)
    return tuple(f"{one.name} | {line}" for one, tail in named for line in tail)


async def _tail(one: Container, lines: int, most: int) -> tuple[str, ...]:
    argv = ("docker", "logs", "--tail", str(lines), one.id)
    ended = await call(argv, _SECONDS, together=True)
    if ended.code != 0:
        raise EngineError(f"docker logs: {ended.last_words}", hint=f"docker logs {one.name}")
    return last_lines(ended.out[-most:], lines, cut=len(ended.out) > most)


def unsettled(found: Sequence[Container]) -> list[Container]:
    """With those marked of which it is not known yet whether they stay: the engine waits longer
    and longer before it restarts what ends again, and in between each runs for a moment."""
    return [
        replace(one, unsettled=True)
        if one.status == "running" and one.restarts and one.ran_for < _settles_in(one)
        else one
        for one in found
    ]


def _settles_in(one: Container) -> float:
    """Seconds: twice as long as it took until now from one start to the next, within bounds. A
    program with a slow start may end each time only after ten or twenty."""
    lived = (one.age - one.ran_for) / one.restarts
    return min(max(_STAYS, 2 * lived), _SURELY) if lived < math.inf else _STAYS


async def with_last_words(found: Sequence[Container], heard: Heard) -> list[Container]:
    """With those of each that ended on its own, as far as the engine tells them soon; what was
    `heard` of an end is not asked for again."""
    return list(await asyncio.gather(*(_with_last_words(one, heard) for one in found)))


async def _with_last_words(one: Container, heard: Heard) -> Container:
    ended = one.status == "exited" and one.exit_code not in ASKED_TO_END
    if not (ended or one.unsettled or one.status == "restarting" or is_mute(one)):
        return one
    which = (one.id, one.status, one.restarts)
    if which not in heard:
        try:
            async with asyncio.timeout(_SOON):
                heard[which] = last_words(await logs([one], LINES, _MOST))
        except (EngineError, TimeoutError):  # it is told without them
            return one
    return replace(one, last_words=heard[which])
