"""Removing what sessions that were killed left behind, by their ledgers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from seatrial.errors import KeeperError
from seatrial.keeper import client as keeper
from seatrial.keeper.places import Place
from seatrial.ledger.clean_up import Cleaner
from seatrial.ledger.file import Left
from seatrial.waiting import NotReached, eventually

_SETTLE = 5.0  # s for work in flight to stop putting back what was removed


def clear(cleaner: Cleaner, keys: Sequence[str]) -> tuple[int, str]:
    """How many things could not be removed, and why. Tries until nothing comes back."""
    if not keys:
        return 0, ""

    def remove() -> int:
        cleaner.remove(keys)
        return cleaner.left(keys)

    try:
        eventually(remove, lambda left: left == 0, timeout=_SETTLE, retry_on=(Exception,))
    except NotReached as failure:
        last = failure.history.seen[-1][1]
        if isinstance(last, int):
            return last, "it comes back, or clean_up does not remove all that its `find` counts"
        return len(keys), f"{type(last).__name__}: {last}"
    return 0, ""


@dataclass(frozen=True)
class Recovered:
    """What became of one ledger; `said` is "" where there was nothing to do."""

    left: Left
    done: bool
    said: str


def recover(cleaner: Cleaner, lefts: Iterable[Left], local: bool, ours: str) -> Iterator[Recovered]:
    """Remove what they list, and then the ledgers themselves.

    `local`: the environment's data goes with its deployment; `ours` is the id of this one.
    """
    for left in lefts:
        count = f"{len(left.keys)} keys of a session that was killed (process {left.owner.pid})"
        if not left.keys or _data_is_gone(left, cleaner, local, ours):
            left.file.unlink(missing_ok=True)
            yield Recovered(left, True, "")
        elif left.owner.addresses != cleaner.addresses:
            there = ", ".join(left.owner.addresses)
            yield Recovered(left, False, f"{count} belong to {there}, and were left alone")
        else:
            found, error = clear(cleaner, left.keys)
            if found:
                text = f"{count} could not be removed: {error} ({left.file})"
                yield Recovered(left, False, text)
            else:
                left.file.unlink(missing_ok=True)
                yield Recovered(left, True, f"removed what {count} may have left")


def _data_is_gone(left: Left, cleaner: Cleaner, local: bool, ours: str) -> bool:
    if not local or left.owner.addresses == cleaner.addresses:
        return False
    if left.owner.deployment == ours:  # it was started anew since
        return True
    try:
        running = keeper.attach(Place(left.owner.deployment))
    except KeeperError:  # it is there, if it cannot be used
        return False
    if running is not None:
        running.close()
    return running is None
