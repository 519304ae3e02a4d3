"""What a worker does with one message."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TypeVar
from weakref import WeakValueDictionary

import msgspec

from quantum_queue.contracts import journal, tracing
from quantum_queue.contracts.database import DatabaseAway
from quantum_queue.contracts.message import MalformedMessage, decode
from quantum_queue.contracts.settings import Settings
from quantum_queue.contracts.words import MAX_ATTEMPTS
from quantum_queue.worker.attempts import Attempts, Claim, NoClaim
from quantum_queue.worker.delivery import Delivery
from quantum_queue.worker.frames import Answer, Order
from quantum_queue.worker.metrics import Metrics, Settled
from quantum_queue.worker.simulator import DeadlineExceeded, Simulator, SimulatorDied

_FIRST_BACKOFF = 0.2
_LAST_BACKOFF = 5.0
_MESSAGING = {"messaging.system": "rabbitmq", "messaging.operation.type": "process"}
_log = logging.getLogger(__name__)
T = TypeVar("T")


class Stopping(Exception):
    """The worker was told to stop while it waited for something."""


class Processor:
    """Runs tasks, as many at once as there are simulators."""

    def __init__(
        self,
        settings: Settings,
        attempts: Attempts,
        simulators: list[Simulator],
        metrics: Metrics,
    ) -> None:
        self._settings = settings
        self._attempts = attempts
        self._metrics = metrics
        self._idle: asyncio.Queue[Simulator] = asyncio.Queue()
        for simulator in simulators:
            self._idle.put_nowait(simulator)
        # A lock lives as long as somebody holds it or waits for it.
        self._in_hand = WeakValueDictionary[uuid.UUID, asyncio.Lock]()
        self._stopping = asyncio.Event()
        self._warming: asyncio.Future[None] | None = None

    def stop(self) -> None:
        """Begin nothing new: messages that wait here are handed back."""
        self._stopping.set()

    async def handle(self, delivery: Delivery) -> None:
        """Do what the message asks for; whatever happens, the worker lives on."""
        journal.correlation_id.set(delivery.correlation_id)
        try:
            message = decode(delivery.body)
        except MalformedMessage as error:
            _log.error("malformed message rejected", extra={"reason": str(error)})
            await delivery.reject()
            return
        journal.task_id.set(str(message.task_id))
        try:
            with (
                self._metrics.in_flight.track_inprogress(),
                tracing.span("process task", tracing.Kind.CONSUMER, delivery.trace, _MESSAGING),
            ):
                async with self._alone(message.task_id):
                    await self._process(message.task_id, delivery)
        except Stopping:
            await delivery.hand_back()
        except asyncio.CancelledError:
            await delivery.hand_back()
            raise
        except Exception:
            _log.exception("message rejected: a defect")
            await delivery.reject()

    async def _process(self, task_id: uuid.UUID, delivery: Delivery) -> None:
        async with self._simulator() as simulator:
            if delivery.is_lost:
                # Not claimed yet, and somebody else has the message by now.
                return
            token, again = uuid.uuid4(), delivery.is_redelivered
            claim = await self._patiently(
                "claim", lambda: self._attempts.claim(task_id, token, again)
            )
            if isinstance(claim, NoClaim):
                await self._nothing_to_do(claim, delivery)
                return
            _log.info("task claimed", extra={"attempt": claim.attempt})
            if claim.waited_seconds is not None:
                self._metrics.queue_seconds.observe(claim.waited_seconds)
            store = await self._attempt(claim, simulator)
        # The simulator is free for the next task while this one is written down.
        with tracing.span("store outcome", attributes={"outcome": store.settled.value}) as span:
            stored = await self._patiently("store", store)
            span.note("stored", stored)
        if stored:
            self._metrics.settled(store.settled)
        else:
            _log.warning("outcome dropped: another attempt has taken the task over")
        if stored and claim.is_last and store.dead_letter:
            await delivery.reject()
        else:
            await delivery.done()

    async def _attempt(self, claim: Claim, simulator: Simulator) -> Outcome:
        """Run the circuit, and return how to write down what came of it."""
        started = asyncio.get_running_loop().time()
        try:
            with (
                self._metrics.run_seconds.time(),
                tracing.span("simulate", attributes={"attempt": claim.attempt}),
            ):
                answer = await simulator.run(Order(circuit=claim.circuit, shots=claim.shots))
        except asyncio.CancelledError:
            await asyncio.shield(self._hand_back(claim))
            raise
        except DeadlineExceeded:
            seconds = self._settings.task_deadline_seconds
            reason = f"the circuit ran longer than the {seconds:g} s that a task may take"
            return self._failure(claim, reason)
        except SimulatorDied as error:
            return self._transient(claim, f"the simulator process ended: {error}")
        except Exception as error:
            _log.exception("attempt failed: a defect")
            return self._transient(claim, f"unexpected {type(error).__name__} in the worker")
        elapsed = asyncio.get_running_loop().time() - started
        return self._answered(claim, answer, elapsed)

    def _answered(self, claim: Claim, answer: Answer, seconds: float) -> Outcome:
        if answer.counts is None:
            return self._failure(claim, answer.error or "unknown error")
        counts = msgspec.json.encode(answer.counts).decode()
        note = f"{claim.shots} shots in {seconds:.3f} s"
        _log.info("task completed", extra={"seconds": round(seconds, 4)})
        return Outcome(lambda: self._attempts.complete(claim, counts, note), Settled.COMPLETED)

    def _failure(self, claim: Claim, reason: str) -> Outcome:
        _log.info("task failed", extra={"reason": reason})
        note = "failed without retry: it would fail again"
        return Outcome(
            lambda: self._attempts.fail(claim, reason, note, dead_letter=False), Settled.FAILED
        )

    def _transient(self, claim: Claim, trouble: str) -> Outcome:
        note = f"attempt {claim.attempt} of {MAX_ATTEMPTS} failed: {trouble}"
        if claim.is_last:
            _log.error("task failed", extra={"reason": note})
            reason = f"gave up after {MAX_ATTEMPTS} attempts; the last one failed: {trouble}"
            return Outcome(
                lambda: self._attempts.fail(claim, reason, note, dead_letter=True),
                Settled.FAILED,
                dead_letter=True,
            )
        pause = self._settings.retry_backoff_seconds * 2 ** (claim.attempt - 1)
        _log.warning("attempt failed", extra={"reason": note, "next_in_seconds": pause})
        note += f"; the next one follows in {pause:g} s"
        return Outcome(lambda: self._attempts.retry(claim, pause, note), Settled.RETRIED)

    async def _hand_back(self, claim: Claim) -> None:
        try:
            await self._attempts.hand_back(claim, "handed back: the worker stops")
            _log.info("task handed back")
        except DatabaseAway as error:
            # The redelivered message is enough: the next worker takes the task over.
            _log.warning("task not handed back", extra={"reason": str(error)})

    async def _nothing_to_do(self, why: NoClaim, delivery: Delivery) -> None:
        if why is NoClaim.UNKNOWN:
            # Never dropped: it may be our DATABASE_URL that points to the wrong place.
            _log.error("message rejected: no such task in this database")
            await delivery.reject()
        elif why is NoClaim.GAVE_UP:
            self._metrics.settled(Settled.FAILED)
            await delivery.reject()
        elif why is NoClaim.DEAD:
            await delivery.reject()
        else:
            _log.info("nothing to do", extra={"why": why.name.lower()})
            await delivery.done()

    async def _patiently(self, what: str, step: Callable[[], Awaitable[T]]) -> T:
        """Repeat a step until the database is back: its absence is no fault of the task."""
        backoff = _FIRST_BACKOFF
        while True:
            try:
                return await step()
            except DatabaseAway as error:
                _log.warning("database away", extra={"step": what, "reason": str(error)})
            await self._pause(backoff)
            backoff = min(backoff * 2, _LAST_BACKOFF)

    async def _pause(self, seconds: float) -> None:
        """Wait, but not when the worker is told to stop."""
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return
        raise Stopping

    @asynccontextmanager
    async def _simulator(self) -> AsyncIterator[Simulator]:
        """Lend a simulator that is ready. Nothing is claimed before that."""
        simulator = await self._idle.get()
        try:
            backoff = _FIRST_BACKOFF
            while not self._stopping.is_set():
                try:
                    await simulator.ensure()
                    break
                except (SimulatorDied, OSError) as error:
                    _log.error("simulator does not start", extra={"reason": str(error)})
                await self._pause(backoff)
                backoff = min(backoff * 2, _LAST_BACKOFF)
            if self._stopping.is_set():
                raise Stopping
            yield simulator
        finally:
            self._idle.put_nowait(simulator)
            if not simulator.is_running and not self._stopping.is_set():
                # The next task should not have to wait for the new process to load everything.
                self._warming = asyncio.ensure_future(_warm(simulator))

    @asynccontextmanager
    async def _alone(self, task_id: uuid.UUID) -> AsyncIterator[None]:
        """Let two messages of one task wait for each other in this process."""
        lock = self._in_hand.setdefault(task_id, asyncio.Lock())
        async with lock:
            yield


async def _warm(simulator: Simulator) -> None:
    """Start the process ahead of time; should it not start, the next task will find out."""
    with suppress(SimulatorDied, OSError):
        await simulator.ensure()


class Outcome:
    """What came of an attempt: a step that writes it down, and may be repeated."""

    def __init__(
        self,
        store: Callable[[], Awaitable[bool]],
        settled: Settled,
        *,
        dead_letter: bool = False,
    ) -> None:
        self._store = store
        self.settled = settled
        self.dead_letter = dead_letter

    def __call__(self) -> Awaitable[bool]:
        """Write it down; return False when another attempt has taken over."""
        return self._store()
