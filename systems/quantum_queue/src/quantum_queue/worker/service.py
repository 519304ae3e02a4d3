"""The life of a worker: get everything ready, consume, reconnect, and stop in order."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket

from aiormq.abc import AbstractChannel, AbstractConnection, DeliveredMessage

from quantum_queue.contracts import journal, queue, tracing
from quantum_queue.contracts.database import Database, DatabaseAway
from quantum_queue.contracts.notify import notify
from quantum_queue.contracts.queue import BrokerAway, Topology, broker_errors
from quantum_queue.contracts.settings import Settings
from quantum_queue.worker.attempts import Attempts
from quantum_queue.worker.delivery import Delivery
from quantum_queue.worker.metrics import Metrics, serve
from quantum_queue.worker.processing import Processor
from quantum_queue.worker.simulator import Simulator, SimulatorDied

GRACE_SECONDS = 5.0
"""How long the tasks in hand may still run after SIGTERM before they are handed back."""

_CANCEL_SECONDS = 0.5
_HAND_BACK_SECONDS = 3.0
_FIRST_BACKOFF = 0.1
_LAST_BACKOFF = 0.2  # short: a refused connection costs nothing, a late worker costs answers
_log = logging.getLogger(__name__)


class Worker:
    """Owns the connection to the broker, the simulators and the tasks in hand."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings = settings
        self._topology = Topology(settings.queue_name)
        # One message in each simulator, one being written down, one waiting: enough to be busy,
        # and little that waits behind a long circuit while another worker is idle.
        self._prefetch = settings.simulators + 2
        self._database = Database(settings.database_url, self._prefetch + 1, "quantum_queue.worker")
        name = f"{socket.gethostname()}:{os.getpid()}"
        self._attempts = Attempts(self._database, name, settings.task_deadline_seconds)
        self._simulators = [Simulator(settings) for _ in range(settings.simulators)]
        self._processor = Processor(settings, self._attempts, self._simulators, metrics)
        self._in_hand: set[asyncio.Task[None]] = set()
        self._broken = asyncio.Event()
        self._channel: AbstractChannel | None = None
        self._connection: AbstractConnection | None = None
        self._consumer_tag = f"quantum_queue.worker.{name}"

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set."""
        working = asyncio.create_task(self._work())
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
        notify("STOPPING=1")
        _log.info("stopping", extra={"in_hand": len(self._in_hand)})
        try:
            await self._stop(working)
        finally:
            stopped.cancel()
            if working.done() and not working.cancelled() and working.exception():
                raise RuntimeError("the worker broke down") from working.exception()

    async def _work(self) -> None:
        await asyncio.gather(self._start_simulators(), self._await_database())
        backoff = _FIRST_BACKOFF
        announced = False
        while True:
            try:
                self._broken.clear()
                await self._consume()
                backoff = _FIRST_BACKOFF
                _log.info("consuming", extra={"queue": self._topology.queue})
                if not announced:
                    notify("READY=1")
                    announced = True
                await self._until_broken()
                _log.warning("broker connection lost")
            except BrokerAway as error:
                _log.warning("broker away", extra={"reason": str(error)})
            await queue.discard(self._connection)
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, _LAST_BACKOFF)

    async def _start_simulators(self) -> None:
        async def start(simulator: Simulator) -> None:
            backoff = _FIRST_BACKOFF
            while True:
                try:
                    return await simulator.ensure()
                except (SimulatorDied, OSError) as error:
                    _log.error("simulator does not start", extra={"reason": str(error)})
                await asyncio.sleep(backoff)
                backoff = min(backoff * 2, _LAST_BACKOFF)

        await asyncio.gather(*(start(simulator) for simulator in self._simulators))

    async def _await_database(self) -> None:
        backoff = _FIRST_BACKOFF
        while True:
            try:
                return await self._attempts.check()
            except DatabaseAway as error:
                _log.warning("database away", extra={"reason": str(error)})
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, _LAST_BACKOFF)

    async def _consume(self) -> None:
        self._connection = await queue.connect(self._settings, "quantum_queue.worker")
        with broker_errors():
            async with asyncio.timeout(queue.DECLARE_SECONDS):
                channel = await self._connection.channel(publisher_confirms=False)
                await self._topology.declare(channel)
                await channel.basic_qos(prefetch_count=self._prefetch)
                channel.on_consumer_cancel_callbacks.add(self._on_consumer_cancelled)
                await channel.basic_consume(
                    self._topology.queue, self._on_message, consumer_tag=self._consumer_tag
                )
        self._channel = channel

    async def _on_message(self, message: DeliveredMessage) -> None:
        # A task of its own: the client cancels its callbacks when the connection is lost, but
        # what was begun must come to its end.
        task = asyncio.create_task(self._processor.handle(Delivery(message)))
        self._in_hand.add(task)
        task.add_done_callback(self._in_hand.discard)

    def _on_consumer_cancelled(self, frame: object) -> None:
        """The queue was deleted: declare it again, on a new connection."""
        self._broken.set()

    async def _until_broken(self) -> None:
        assert self._connection is not None and self._channel is not None
        told = asyncio.create_task(self._broken.wait())
        ends = {told, self._connection.closing, self._channel.closing}
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            told.cancel()

    async def _stop(self, working: asyncio.Task[None]) -> None:
        working.cancel()
        await asyncio.wait({working})
        await self._cancel_consumer()
        self._processor.stop()
        await self._finish_or_hand_back()
        await queue.discard(self._connection)
        for simulator in self._simulators:
            await simulator.stop()
        await self._database.close()

    async def _cancel_consumer(self) -> None:
        if self._channel is None or self._channel.is_closed:
            return
        try:
            with broker_errors():
                async with asyncio.timeout(_CANCEL_SECONDS):
                    await self._channel.basic_cancel(self._consumer_tag)
        except BrokerAway as error:
            _log.info("consumer not cancelled", extra={"reason": str(error)})

    async def _finish_or_hand_back(self) -> None:
        if self._in_hand:
            await asyncio.wait(set(self._in_hand), timeout=GRACE_SECONDS)
        for task in self._in_hand:
            task.cancel()
        if self._in_hand:
            await asyncio.wait(set(self._in_hand), timeout=_HAND_BACK_SECONDS)


def work(settings: Settings, metrics_listener: socket.socket | None) -> None:
    """Work until SIGTERM or SIGINT; show metrics on the listener, if there is one."""
    journal.start("worker", settings.log_level, settings.secrets)
    for warning in settings.warnings:
        _log.warning(warning)
    tracing.start("worker", os.environ)
    metrics = Metrics()
    if metrics_listener is not None:
        serve(metrics, metrics_listener)
    asyncio.run(_main(settings, metrics))
    tracing.stop()


async def _main(settings: Settings, metrics: Metrics) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await Worker(settings, metrics).run(stop)
