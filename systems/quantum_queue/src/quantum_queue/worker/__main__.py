"""Start a worker: `python -m quantum_queue.worker`."""

from __future__ import annotations

import signal
import sys
from types import FrameType

from quantum_queue.contracts.listening import listen
from quantum_queue.contracts.settings import settings_or_exit


def main() -> None:
    """Check the settings, then work until told to stop."""
    settings = settings_or_exit("worker")
    listener = None
    if settings.metrics_port is not None:
        listener = listen("worker", "METRICS_PORT", settings.host, settings.metrics_port)
    # Until the event loop takes over, there is nothing to put in order before stopping.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    from quantum_queue.worker.service import work

    work(settings, listener)


def _leave(number: int, frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    main()
