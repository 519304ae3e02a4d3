"""The ledger: what trials create is written down before, and removed and looked for afterwards.

A trial's keys are removed when it ends; those that a fixture of a wider scope took, when the
session does. Then all of them are looked for once more, since work that was still in flight may
have put something back. What a killed session left is removed by the next one.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from seatrial.ledger.clean_up import Cleaner
from seatrial.ledger.file import LedgerFile, Owner
from seatrial.ledger.recover import clear


@dataclass
class _Entry:
    node: str  # of the trial whose end is the end of it; "" is the session's
    created: bool = True  # until the trial says that it was refused


@dataclass(frozen=True)
class Closed:
    """What a session's ledger came to."""

    created: int = 0
    removed: int = 0
    left: int = 0
    retained: int = 0
    error: str = ""


class Ledger:
    """What the fixture `ledger` gives to trials."""

    def __init__(
        self, cleaner: Cleaner, folder: Path, run: str, owner: Owner, holder: Callable[[], str]
    ) -> None:
        """`holder` tells the node id of the trial that a key belongs to, "" for the session."""
        self._cleaner, self._folder, self._run = cleaner, folder, run
        self._owner, self._holder = owner, holder
        self._file: LedgerFile | None = None
        self._making = threading.Lock()  # a trial may submit from several threads
        self._entries: dict[str, _Entry] = {}
        self._retained: dict[str, int] = {}

    # -- for trials ------------------------------------------------------------------------------

    def key(self, what: str = "thing") -> str:
        """A unique name for something about to be created, such as an idempotency key. It is on
        disk when this returns, so that the thing will be removed whatever happens."""
        return self.add(f"seatrial-{self._run}-{what}-{secrets.token_hex(8)}")

    def add(self, key: str) -> str:
        """Write down a key of your own making, which must be nobody else's; returns it."""
        node = self._holder()
        with self._making:
            if self._file is None:
                self._file = LedgerFile(self._folder, self._owner)
        self._file.intend(key, node)
        self._entries[key] = _Entry(node)
        return key

    def created(self, key: str) -> None:
        """It is there now."""
        self._entries[key].created = True

    def refused(self, key: str) -> None:
        """The system refused to create it; it is looked for all the same."""
        self._entries[key].created = False

    def retained(self, reason: str, count: int = 1) -> None:
        """So many things stay on purpose: append-only data, say. Reported, and no mistake."""
        if not reason or count < 1:
            raise ValueError("retained takes a reason, and how many things stay")
        self._retained[reason] = self._retained.get(reason, 0) + count

    # -- for the session -------------------------------------------------------------------------

    @property
    def used(self) -> bool:
        return bool(self._entries or self._retained)

    def trial_ended(self, node: str) -> None:
        """Remove what the trial created. What that fails at is tried again in the end."""
        if keys := [key for key, entry in self._entries.items() if entry.node == node]:
            with suppress(Exception):
                self._cleaner.remove(keys)

    def close(self) -> Closed:
        """Remove everything, look for it, and forget the ledger if nothing is left."""
        left, error = clear(self._cleaner, list(self._entries))
        if self._file is not None:
            self._file.close(forget=left == 0)
        created = sum(entry.created for entry in self._entries.values())
        return Closed(
            created=created,
            removed=max(0, created - left),
            left=left,
            retained=sum(self._retained.values()),
            error=error,
        )
