"""Places that must take what is written to them, or nothing is begun."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seatrial.errors import UsageError


@contextmanager
def writable(where: Path, hint: str) -> Iterator[None]:
    """What is written inside must be there before anything begins; a place that refuses it is a
    UsageError, which names it."""
    try:
        yield
    except OSError as error:
        refused = f"{error.filename or where} cannot be written: {error.strerror or error}"
        raise UsageError(refused, hint=hint) from error
