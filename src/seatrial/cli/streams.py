"""Standard output and error where they are closed, or take nothing."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class _Output(io.FileIO):
    """Standard output, which remembers why it did not take something. Whoever reads no more has
    seen enough: the exit code is told without them."""

    refused: OSError | None = None

    def write(self, octets: ReadableBuffer, /) -> int:
        try:
            return super().write(octets)
        except BrokenPipeError:
            return memoryview(octets).nbytes
        except OSError as error:
            self.refused = error
            raise


class _Progress(io.FileIO):
    """Standard error: what it does not take is lost, and stops nothing."""

    def write(self, octets: ReadableBuffer, /) -> int:
        written = None
        with suppress(OSError):
            written = super().write(octets)
        return memoryview(octets).nbytes if written is None else written


def open_standard_streams() -> None:
    """A closed one swallows what is printed; else the next file that is opened would take its
    number, and what is printed with it."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)
    sys.stdin = sys.stdin or io.TextIOWrapper(io.FileIO(0, "r", closefd=False))
    if sys.stdout is sys.__stdout__:  # nobody has put another one in its place
        sys.stdout = _text(_Output(1, "w", closefd=False), sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _text(_Progress(2, "w", closefd=False), sys.stderr)


def _text(raw: io.FileIO, given: TextIO | None) -> io.TextIOWrapper:
    """Written to in the way of the one that was `given`."""
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=given.encoding if given else None,
        errors=given.errors if given else None,
        line_buffering=bool(given and given.line_buffering),
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
