"""Standard output and error where they are closed, or take nothing."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class _Output(io.FileIO):
    """Standard output, which remembers why it did not take something."""

    refused: OSError | None = None

    def write(self, octets: ReadableBuffer, /) -> int:
        try:
            return super().write(octets)
        except OSError as error:
            self.refused = error
            raise


def open_standard_streams() -> None:
    """A closed one swallows what is printed; else the next file that is opened would take its
    number, and what is printed with it."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)
    sys.stdin = sys.stdin or io.TextIOWrapper(io.FileIO(0, "r", closefd=False))
    sys.stderr = sys.stderr or io.TextIOWrapper(io.FileIO(2, "w", closefd=False))
    given = sys.stdout
    if given is sys.__stdout__:  # nobody has put another one in its place
        sys.stdout = io.TextIOWrapper(
            io.BufferedWriter(_Output(1, "w", closefd=False)),
            encoding=given.encoding if given else None,
            errors=given.errors if given else None,
            line_buffering=given is not None and given.line_buffering,
        )


def lost_output() -> OSError | None:
    """Why standard output did not take what was printed, if it is so; from then on it is thrown
    away, so that Python does not try again when it ends."""
    with suppress(OSError):
        sys.stdout.flush()
    output = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    if not isinstance(output, _Output) or output.refused is None:
        return None
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, output.fileno())
    os.close(nowhere)
    with suppress(OSError):
        sys.stdout.flush()
    return output.refused
