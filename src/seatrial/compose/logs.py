"""What containers wrote."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Sequence
from dataclasses import replace
from operator import itemgetter

from seatrial.compose.engine import Container, EngineError, call
from seatrial.last_words import LINES, last_words
from seatrial.secrecy import last_lines

#: Exit codes of what was asked to end: after SIGTERM and SIGKILL, or an orderly end.
ASKED_TO_END = (0, 137, 143)
_MOST = 65_536  # characters that are looked at
_STAYS = 10.0  # s after which the engine takes one for well: ended again, it is restarted at once


async def logs(some: Sequence[Container], lines: int, most: int) -> tuple[str, ...]:
    """The last lines that containers wrote, at most so many characters, in the order of their
    time: the engine keeps both streams of each apart. Raises EngineError."""
    tails = await asyncio.gather(*(_stamped(one, lines) for one in some))
    said = heapq.merge(*(stream for tail in tails for stream in tail), key=itemgetter(0))
    text = "\n".join(line for _, line in said)
    return last_lines(text[-most:], lines, cut=len(text) > most)


async def _stamped(one: Container, lines: int) -> tuple[list[tuple[str, str]], ...]:
    """Of both streams, each line with its time."""
    argv = ("docker", "logs", "--timestamps", "--tail", str(lines), one.id)
    ended = await call(argv, 20.0)
    return tuple([line.partition(" ")[::2] for line in _lines(s)] for s in (ended.out, ended.err))


def _lines(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n") if text else []


def unsettled(found: Sequence[Container]) -> list[Container]:
    """With those marked of which it is not known yet whether they stay: the engine waits longer
    and longer before it restarts what ends again, and in between each runs for a moment."""
    return [
        replace(one, unsettled=True)
        if one.status == "running" and one.restarts and one.ran_for < _STAYS
        else one
        for one in found
    ]


async def with_last_words(found: Sequence[Container]) -> list[Container]:
    """With those of each that ended on its own, as far as the engine tells them."""
    return list(await asyncio.gather(*map(_with_last_words, found)))


async def _with_last_words(one: Container) -> Container:
    ended = one.status == "exited" and one.exit_code not in ASKED_TO_END
    if not (ended or one.unsettled or one.status == "restarting"):
        return one
    try:
        said = await logs([one], LINES, _MOST)
    except EngineError:  # it is told without them
        return one
    return replace(one, last_words=last_words(said))
