"""What a worker counts, and the port on which it is read, if it is given one."""

from __future__ import annotations

import logging
import socket
import threading
from enum import StrEnum
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import Counter, Gauge, Histogram, make_wsgi_app

from quantum_queue.contracts.metrics import PREFIX, new_registry

_READ_SECONDS = 5.0
_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 60, 300, 1800)
_log = logging.getLogger(__name__)


class Settled(StrEnum):
    """What an attempt came to, once it is written down."""

    COMPLETED = "completed"
    FAILED = "failed"
    RETRIED = "retried"


class Metrics:
    """The counters of one process."""

    def __init__(self) -> None:
        self.registry = new_registry()
        self._finished = Counter(
            f"{PREFIX}_tasks_finished",
            "Tasks that came to their end here, by their status.",
            ["status"],
            registry=self.registry,
        )
        for status in (Settled.COMPLETED, Settled.FAILED):
            self._finished.labels(status.value)  # a series from the start, not from the first one
        self._retried = Counter(
            f"{PREFIX}_tasks_retried",
            "Attempts that failed and are followed by another one.",
            registry=self.registry,
        )
        self.in_flight = Gauge(
            f"{PREFIX}_tasks_in_flight",
            "Tasks in the hands of this worker: waiting here, running, being written down.",
            registry=self.registry,
        )
        self.queue_seconds = Histogram(
            f"{PREFIX}_task_queue_seconds",
            "From when a task could be run until a worker claimed it.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.run_seconds = Histogram(
            f"{PREFIX}_task_run_seconds",
            "How long the simulator worked on a task, whatever came of it.",
            buckets=_SECONDS,
            registry=self.registry,
        )

    def settled(self, how: Settled) -> None:
        """Count an attempt that is written down."""
        if how is Settled.RETRIED:
            self._retried.inc()
        else:
            self._finished.labels(how.value).inc()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def __init__(self, listener: socket.socket) -> None:
        host, port = listener.getsockname()[:2]
        super().__init__((host, port), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.server_name, self.server_port = host, port
        self.setup_environ()


class _Handler(WSGIRequestHandler):
    def setup(self) -> None:
        """As usual, but a client that sends nothing must not keep a thread."""
        super().setup()
        self.connection.settimeout(_READ_SECONDS)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: it is read every few seconds."""


def serve(metrics: Metrics, listener: socket.socket) -> None:
    """Answer on `listener` in the background, as long as the process lives."""
    listener.setblocking(True)
    server = _Server(listener)
    server.set_app(make_wsgi_app(metrics.registry))
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    _log.info("metrics served", extra={"address": listener.getsockname()})
