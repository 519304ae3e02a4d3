"""What a component prints."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
from dataclasses import dataclass
from pathlib import Path

from seatrial.keeper.places import Place
from seatrial.secrecy import LEFT_OUT, last_lines

LOG_TAIL = 20  # lines
_PORT_IN_USE = re.compile(rb"address already in use|EADDRINUSE|eaddrinuse", re.IGNORECASE)

_MIB = 1024 * 1024
_LINE = 64 * 1024  # bytes in which a line's beginning is looked for
_FALLOC_FL_KEEP_SIZE, _FALLOC_FL_PUNCH_HOLE = 1, 2
_GAP = f"{LEFT_OUT}\n".encode()
_GAP_AND_ZEROS = re.compile(re.escape(_GAP) + rb"\0+")


@dataclass(frozen=True)
class Bounds:
    """How much of a log is kept on disk, in bytes."""

    first: int = _MIB  # at most
    last: int = 16 * _MIB  # at least
    most: int = 32 * _MIB  # altogether, until the next look at it


BOUNDS = Bounds()


@dataclass(frozen=True)
class Log:
    """A component's standard output and error, appended to one file over all its restarts."""

    file: Path

    @classmethod
    def of(cls, place: Place, component: str) -> Log:
        return cls(place.logs / f"{component}.log")

    def tail(self, lines: int = LOG_TAIL, most: int = 65_536, *, since: int = 0) -> tuple[str, ...]:
        """The last lines, reading at most so many bytes, none from before the place `since`."""
        try:
            with self.file.open("rb") as stream:
                begin = max(since, stream.seek(0, os.SEEK_END) - most)
                stream.seek(begin)
                said = _GAP_AND_ZEROS.sub(_GAP, stream.read()).decode(errors="replace")
                return last_lines(said, lines, cut=begin > since)
        except OSError:
            return ()

    @property
    def size(self) -> int:
        return self.file.stat().st_size if self.file.exists() else 0

    def says_port_in_use(self, since: int) -> bool:
        try:
            with self.file.open("rb") as stream:
                stream.seek(since)
                return _PORT_IN_USE.search(stream.read(1_000_000)) is not None
        except OSError:  # somebody has taken the log away
            return False

    def bound(self, bounds: Bounds = BOUNDS) -> None:
        """Give the room of its middle back where it has become too long.

        Every byte that is kept stays at its place in the file, and the middle reads as a line that
        says so, and zeros: whoever writes or reads meanwhile notices nothing. A file system that
        cannot do this lets the log grow.
        """
        with contextlib.suppress(OSError), self.file.open("r+b", buffering=0) as stream:
            file, found = stream.fileno(), os.fstat(stream.fileno())
            if found.st_blocks * 512 <= bounds.most:
                return
            begin = _end_of_first(os.pread(file, bounds.first, 0))
            end = _line_begins(file, found.st_size - bounds.last)
            if end - begin > len(_GAP):
                _punch(file, begin, end - begin)
                os.pwrite(file, _GAP, begin)


def _end_of_first(first: bytes) -> int:
    gap = first.find(_GAP)
    return gap if gap >= 0 else first.rfind(b"\n") + 1 or len(first)


def _line_begins(file: int, before: int) -> int:
    """Where the last line begins that begins before this place, as far as one is to be seen."""
    start = max(0, before - _LINE)
    found = os.pread(file, before - start, start).rfind(b"\n")
    return start + found + 1 if found >= 0 else before


def _punch(file: int, begin: int, length: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    how = _FALLOC_FL_PUNCH_HOLE | _FALLOC_FL_KEEP_SIZE
    if libc.fallocate(file, how, begin, length) != 0:
        raise OSError(ctypes.get_errno(), "the file system cannot give room back")
