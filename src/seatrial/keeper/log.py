"""What a component prints."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from seatrial.keeper.places import Place

LOG_TAIL = 20  # lines
_PORT_IN_USE = re.compile(rb"address already in use|EADDRINUSE|eaddrinuse", re.IGNORECASE)


@dataclass(frozen=True)
class Log:
    """A component's standard output and error, appended to one file over all its restarts."""

    file: Path

    @classmethod
    def of(cls, place: Place, component: str) -> Log:
        return cls(place.logs / f"{component}.log")

    def tail(self, lines: int = LOG_TAIL, most: int = 65_536) -> tuple[str, ...]:
        """The last lines, reading at most so many bytes."""
        try:
            with self.file.open("rb") as stream:
                stream.seek(max(0, stream.seek(0, os.SEEK_END) - most))
                return tuple(stream.read().decode(errors="replace").splitlines()[-lines:])
        except OSError:
            return ()

    @property
    def size(self) -> int:
        return self.file.stat().st_size if self.file.exists() else 0

    def says_port_in_use(self, since: int) -> bool:
        with self.file.open("rb") as stream:
            stream.seek(since)
            return _PORT_IN_USE.search(stream.read(1_000_000)) is not None
