"""The signals that end a command as Ctrl-C does: with evidence, reverted faults and a verdict."""

from __future__ import annotations

import os
import signal
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

_ENDING = (signal.SIGTERM, signal.SIGHUP)


class Signalled(KeyboardInterrupt):
    """An interrupt by another signal than that of Ctrl-C."""


def name_of(interrupt: BaseException) -> str:
    """The signal behind a KeyboardInterrupt."""
    return str(interrupt) if isinstance(interrupt, Signalled) else signal.SIGINT.name


@contextmanager
def interruptible() -> Iterator[None]:
    """Within, SIGTERM and SIGHUP are a `Signalled`; one that is ignored (nohup) stays so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {one: signal.getsignal(one) for one in _ENDING}
    heeded = [one for one, handler in before.items() if handler is not signal.SIG_IGN]
    for one in heeded:
        signal.signal(one, _interrupt)
    try:
        yield
    finally:
        for one in heeded:
            signal.signal(one, before[one])


def _interrupt(number: int, frame: FrameType | None) -> None:
    if number == signal.SIGHUP:
        _leave_terminal()
    raise Signalled(signal.Signals(number).name)


def _leave_terminal() -> None:
    """It is gone, and what is printed on it from now on would be an error."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        with suppress(OSError):
            if stat.S_ISCHR(os.fstat(standard).st_mode):
                os.dup2(nowhere, standard)
    os.close(nowhere)
