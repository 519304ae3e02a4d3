"""Run the application under uvicorn, say when it is ready, and stop in order."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from types import FrameType

import uvicorn

from quantum_queue.api.app import build_app
from quantum_queue.api.draining import Draining
from quantum_queue.contracts import journal, tracing
from quantum_queue.contracts.notify import notify
from quantum_queue.contracts.settings import Settings

_GRACE_SECONDS = 5
_TICK_SECONDS = 0.05
_log = logging.getLogger(__name__)


class AnnouncingServer(uvicorn.Server):
    """Tells the supervisor when connections are accepted, and drains before it stops."""

    def __init__(self, config: uvicorn.Config, draining: Draining, seconds: float) -> None:
        super().__init__(config)
        self._draining = draining
        self._drain_seconds = seconds

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as usual, then announce it."""
        await super().startup(sockets=sockets)
        if self.started:
            for listener in sockets or []:
                _log.info("listening", extra={"address": listener.getsockname()})
            notify("READY=1")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Announce the end, let traffic go elsewhere, then stop as usual."""
        notify("STOPPING=1")
        self._draining.begun = True
        until = asyncio.get_running_loop().time() + self._drain_seconds
        # uvicorn notes a second signal in an attribute, of which nothing tells.
        while asyncio.get_running_loop().time() < until and not self.force_exit:  # noqa: ASYNC110
            await asyncio.sleep(_TICK_SECONDS)
        await super().shutdown(sockets=sockets)


def serve(settings: Settings, listener: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT, then return."""
    journal.start("api", settings.log_level, settings.secrets)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    for warning in settings.warnings:
        _log.warning(warning)
    tracing.start("api", os.environ)
    draining = Draining()
    config = uvicorn.Config(
        build_app(settings, draining),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        lifespan="on",
    )
    # uvicorn raises the signal again once it has stopped: an ordered stop must still exit with 0.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _already_handled)
    AnnouncingServer(config, draining, settings.drain_seconds).run(sockets=[listener])
    tracing.stop()


def _already_handled(number: int, frame: FrameType | None) -> None:
    """Do nothing."""
