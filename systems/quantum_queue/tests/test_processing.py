"""What a worker does with a message, over a simulator and a database made of plain objects."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, cast

import pytest

from quantum_queue.contracts.database import DatabaseAway
from quantum_queue.contracts.message import TaskMessage
from quantum_queue.contracts.settings import Settings
from quantum_queue.worker.attempts import Attempts, Claim, NoClaim
from quantum_queue.worker.delivery import Delivery
from quantum_queue.worker.frames import Answer, Order
from quantum_queue.worker.metrics import Metrics
from quantum_queue.worker.processing import Processor
from quantum_queue.worker.simulator import DeadlineExceeded, Simulator, SimulatorDied

TASK = uuid.uuid4()
GOOD = Answer(counts={"0": 1})


@dataclass
class FakeDelivery:
    """A message that remembers what became of it."""

    body: bytes = field(default_factory=TaskMessage(TASK).encode)
    is_redelivered: bool = False
    is_lost: bool = False
    correlation_id: str | None = "c"
    trace: dict[str, str] = field(default_factory=dict)
    fate: list[str] = field(default_factory=list)

    async def done(self) -> None:
        self.fate.append("done")

    async def reject(self) -> None:
        self.fate.append("rejected")

    async def hand_back(self) -> None:
        self.fate.append("handed back")


@dataclass
class FakeAttempts:
    """A database with one task, that may be away for some calls or have been taken over."""

    attempt: int = 1
    no_claim: NoClaim | None = None
    away: int = 0
    taken_over: bool = False
    waited: float | None = None
    tokens: list[uuid.UUID] = field(default_factory=list)
    log: list[tuple[object, ...]] = field(default_factory=list)

    async def claim(
        self, task_id: uuid.UUID, token: uuid.UUID, redelivered: bool
    ) -> Claim | NoClaim:
        self.tokens.append(token)
        self._answer()
        claim = Claim(task_id, token, "text", 1, self.attempt, self.waited)
        return self.no_claim or claim

    async def complete(self, claim: Claim, counts: str, note: str) -> bool:
        return self._write("completed", counts)

    async def fail(self, claim: Claim, reason: str, note: str, *, dead_letter: bool) -> bool:
        return self._write("failed", reason, dead_letter)

    async def retry(self, claim: Claim, seconds: float, note: str) -> bool:
        return self._write("retry", seconds, note)

    async def hand_back(self, claim: Claim, note: str) -> bool:
        return self._write("handed back")

    def _write(self, *entry: object) -> bool:
        self._answer()
        self.log.append(entry)
        return not self.taken_over

    def _answer(self) -> None:
        if self.away:
            self.away -= 1
            raise DatabaseAway("away")


@dataclass
class FakeSimulator:
    """Answers, or raises, or never ends."""

    result: Answer | Exception | None = GOOD
    refused_starts: int = 0
    is_running: bool = True
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def ensure(self) -> None:
        if self.refused_starts:
            self.refused_starts -= 1
            raise SimulatorDied("no")

    async def run(self, order: Order) -> Answer:
        self.begun.set()
        if isinstance(self.result, Exception):
            raise self.result
        if self.result is None:
            await asyncio.Event().wait()
        assert self.result is not None
        return self.result


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quantum_queue.worker.processing._FIRST_BACKOFF", 0.0)
    monkeypatch.setattr("quantum_queue.worker.processing._LAST_BACKOFF", 0.0)


def processor(
    settings: Settings,
    attempts: FakeAttempts,
    *simulators: FakeSimulator,
    metrics: Metrics | None = None,
) -> Processor:
    lent = [cast(Simulator, simulator) for simulator in simulators]
    return Processor(settings, cast(Attempts, attempts), lent, metrics or Metrics())


def handled(
    settings: Settings,
    *,
    delivery: FakeDelivery | None = None,
    attempts: FakeAttempts | None = None,
    simulator: FakeSimulator | None = None,
) -> tuple[list[str], list[tuple[object, ...]]]:
    """Handle one message; return its fate and what was written."""
    message = delivery or FakeDelivery()
    database = attempts or FakeAttempts()
    worker = processor(settings, database, simulator or FakeSimulator())
    run(lambda: worker.handle(cast(Delivery, message)))
    return message.fate, database.log


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(scenario(), 5))


def test_counts_are_stored_before_the_message_is_acknowledged(settings: Settings) -> None:
    assert handled(settings) == (["done"], [("completed", '{"0":1}')])


def test_a_circuit_that_can_never_run_is_not_retried(settings: Settings) -> None:
    fate, log = handled(settings, simulator=FakeSimulator(Answer(error="line 1: no")))
    assert (fate, log) == (["done"], [("failed", "line 1: no", False)])


def test_neither_is_one_that_takes_too_long(settings: Settings) -> None:
    fate, log = handled(settings, simulator=FakeSimulator(DeadlineExceeded()))
    assert fate == ["done"]
    assert log == [("failed", "the circuit ran longer than the 20 s that a task may take", False)]


@dataclass
class Crowded(FakeSimulator):
    """Notes how many were at work at once."""

    at_work: ClassVar[int] = 0
    most: ClassVar[int] = 0

    async def run(self, order: Order) -> Answer:
        Crowded.at_work += 1
        Crowded.most = max(Crowded.most, Crowded.at_work)
        for _ in range(3):
            await asyncio.sleep(0)
        Crowded.at_work -= 1
        return GOOD


def test_messages_of_one_task_wait_for_each_other(settings: Settings) -> None:
    async def scenario() -> None:
        worker = processor(settings, FakeAttempts(), *(Crowded() for _ in range(8)))
        handling = []
        for number in range(40):  # arriving while others begin, wait and end
            handling.append(asyncio.create_task(worker.handle(cast(Delivery, FakeDelivery()))))
            for _ in range(number % 7):
                await asyncio.sleep(0)
        await asyncio.gather(*handling)

    run(scenario)
    assert Crowded.most == 1


@pytest.mark.parametrize(("attempt", "pause"), [(1, 0.5), (2, 1.0)])
def test_transient_trouble_is_retried_with_growing_pauses(
    settings: Settings, attempt: int, pause: float
) -> None:
    fate, log = handled(
        settings,
        attempts=FakeAttempts(attempt=attempt),
        simulator=FakeSimulator(SimulatorDied("killed by SIGKILL")),
    )
    assert fate == ["done"]
    ((what, seconds, note),) = log
    assert (what, seconds) == ("retry", pause)
    assert f"attempt {attempt} of 3 failed" in str(note)
    assert "SIGKILL" in str(note)


def test_the_third_failure_is_the_last_and_a_dead_letter(settings: Settings) -> None:
    fate, log = handled(
        settings,
        attempts=FakeAttempts(attempt=3),
        simulator=FakeSimulator(SimulatorDied("killed by SIGKILL")),
    )
    assert fate == ["rejected"]
    ((what, reason, dead_letter),) = log
    assert (what, dead_letter) == ("failed", True)
    assert "3 attempts" in str(reason)


def test_a_permanent_failure_at_the_third_attempt_is_no_dead_letter(settings: Settings) -> None:
    simulator = FakeSimulator(Answer(error="no"))
    assert handled(settings, attempts=FakeAttempts(attempt=3), simulator=simulator)[0] == ["done"]


def test_an_absent_database_is_waited_for_and_costs_no_attempt(settings: Settings) -> None:
    fate, log = handled(settings, attempts=FakeAttempts(away=50))
    assert (fate, log) == (["done"], [("completed", '{"0":1}')])


def test_who_got_no_answer_to_a_claim_asks_again_for_the_same_one(settings: Settings) -> None:
    attempts = FakeAttempts(away=3)
    handled(settings, attempts=attempts)
    assert (len(attempts.tokens), len(set(attempts.tokens))) == (4, 1)
    handled(settings, attempts=attempts)
    assert len(set(attempts.tokens)) == 2  # another delivery, another token


def test_an_attempt_that_was_taken_over_changes_nothing_more(settings: Settings) -> None:
    for simulator in (FakeSimulator(), FakeSimulator(SimulatorDied("x"))):
        attempts = FakeAttempts(attempt=3, taken_over=True)
        assert handled(settings, attempts=attempts, simulator=simulator)[0] == ["done"]


@pytest.mark.parametrize(
    ("why", "fate"),
    [
        (NoClaim.FINISHED, "done"),
        (NoClaim.HELD, "done"),
        (NoClaim.UNKNOWN, "rejected"),
        (NoClaim.DEAD, "rejected"),
        (NoClaim.GAVE_UP, "rejected"),
    ],
)
def test_a_message_without_work(settings: Settings, why: NoClaim, fate: str) -> None:
    assert handled(settings, attempts=FakeAttempts(no_claim=why)) == ([fate], [])


@pytest.mark.parametrize("body", [b"", b"not json", b'{"task_id": 1}'])
def test_a_poisonous_message_is_a_dead_letter(settings: Settings, body: bytes) -> None:
    assert handled(settings, delivery=FakeDelivery(body=body)) == (["rejected"], [])


def test_a_defect_in_handling_is_a_dead_letter_not_the_end(settings: Settings) -> None:
    class Broken(FakeAttempts):
        async def claim(
            self, task_id: uuid.UUID, token: uuid.UUID, redelivered: bool
        ) -> Claim | NoClaim:
            raise ZeroDivisionError

    assert handled(settings, attempts=Broken())[0] == ["rejected"]


def test_a_message_that_the_broker_took_back_is_not_begun(settings: Settings) -> None:
    assert handled(settings, delivery=FakeDelivery(is_lost=True)) == ([], [])


def test_nothing_is_claimed_before_a_simulator_is_ready(settings: Settings) -> None:
    simulator = FakeSimulator(refused_starts=20)
    assert handled(settings, simulator=simulator)[1] == [("completed", '{"0":1}')]


def test_a_stopping_worker_hands_back_what_waits(settings: Settings) -> None:
    async def scenario() -> None:
        attempts, delivery = FakeAttempts(away=10**9), FakeDelivery()
        worker = processor(settings, attempts, FakeSimulator())
        task = asyncio.create_task(worker.handle(cast(Delivery, delivery)))
        worker.stop()
        await task
        assert (delivery.fate, attempts.log) == (["handed back"], [])

    run(scenario)


def test_a_cancelled_task_is_handed_back_as_if_never_begun(settings: Settings) -> None:
    async def scenario() -> None:
        attempts, delivery, simulator = FakeAttempts(), FakeDelivery(), FakeSimulator(None)
        worker = processor(settings, attempts, simulator)
        task = asyncio.create_task(worker.handle(cast(Delivery, delivery)))
        await simulator.begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (delivery.fate, attempts.log) == (["handed back"], [("handed back",)])

    run(scenario)


def test_two_messages_of_one_task_never_run_side_by_side(settings: Settings) -> None:
    async def scenario() -> None:
        attempts = FakeAttempts()
        first, second = FakeSimulator(None), FakeSimulator()
        worker = processor(settings, attempts, first, second)
        running = asyncio.create_task(worker.handle(cast(Delivery, FakeDelivery())))
        await first.begun.wait()
        duplicate = FakeDelivery()
        waiting = asyncio.create_task(worker.handle(cast(Delivery, duplicate)))
        other = FakeDelivery(body=TaskMessage(uuid.uuid4()).encode())
        await worker.handle(cast(Delivery, other))
        assert (other.fate, duplicate.fate) == (["done"], [])
        attempts.no_claim = NoClaim.FINISHED
        running.cancel()
        await waiting
        assert duplicate.fate == ["done"]

    run(scenario)


def test_backoff_begins_with_what_is_configured(settings: Settings) -> None:
    quick = replace(settings, retry_backoff_seconds=0.01)
    _, log = handled(quick, simulator=FakeSimulator(SimulatorDied("x")))
    assert log[0][1] == 0.01
