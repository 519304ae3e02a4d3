"""`python -m benchmarks.queue_speed.stages`: where the time of one task goes.

First what each part computes for a task, as the kernel accounts for it: that hardly depends on what
else the machine does. Then the stages of a task one after the other, each alone: calls of the
queue's own classes against the same servers. The lowest decile of many is what a stage takes when
little gets in its way.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Callable, Mapping
from time import perf_counter

from aiormq.abc import DeliveredMessage
from quantum_queue.api.publisher import Publisher
from quantum_queue.api.relay import _REMOVE, _TAKE
from quantum_queue.api.submission import Submission
from quantum_queue.api.tasks import Tasks
from quantum_queue.contracts import queue
from quantum_queue.contracts.database import Database
from quantum_queue.contracts.queue import Topology
from quantum_queue.contracts.settings import Settings
from quantum_queue.worker.attempts import Attempts, Claim
from quantum_queue.worker.frames import Order
from quantum_queue.worker.simulator import Simulator

from benchmarks.computed import parts, seconds
from benchmarks.measuring import machine, median
from benchmarks.queue_speed import BELL, BODY, SHOTS, deployed
from benchmarks.queue_speed.clients import notified, one_by_one
from seatrial.environment.deployment import Deployment
from seatrial.keeper.protocol import Action

_TASKS = 200
_PARTS = ("postgres", "rabbitmq", "api", "worker", "simulator", "client")


def main() -> None:
    print(machine(), flush=True)
    with deployed() as (deployment, at):
        for what, way in (("polled", one_by_one), ("notified", notified)):
            asyncio.run(way(at, 20, BODY))
            before = _computed(deployment)
            took = asyncio.run(way(at, _TASKS, BODY))
            after = _computed(deployment)
            spent = {part: (after[part] - before[part]) / _TASKS * 1000 for part in _PARTS}
            shown = ", ".join(f"{part} {ms:.1f}" for part, ms in spent.items())
            print(f"{what}: p50 {median(took) * 1000:.1f} ms; computed, ms a task: {shown}")
        for component in ("api", "worker", "celery", "bare"):
            deployment.act(Action.STOP, component)
        watch = asyncio.run(stages(at, _TASKS, BELL, SHOTS))
    for name, least in watch.lowest_decile().items():
        print(f"{least * 1000:7.2f} ms, median {median(watch.seen[name]) * 1000:7.2f}: {name}")


def _computed(deployment: Deployment) -> Mapping[str, float]:
    """Seconds of processor time by part."""
    pids = {**parts(deployment), "client": frozenset({os.getpid()})}
    return {part: sum(map(seconds, pids[part])) for part in _PARTS}


class Stopwatch:
    """Seconds by stage, in the order of the way of a task."""

    def __init__(self) -> None:
        self.seen: dict[str, list[float]] = {}
        self._last = perf_counter()

    def start(self) -> None:
        self._last = perf_counter()

    def stage(self, name: str) -> None:
        now = perf_counter()
        self.seen.setdefault(name, []).append(now - self._last)
        self._last = perf_counter()

    def lowest_decile(self) -> Mapping[str, float]:
        return {name: sorted(values)[len(values) // 10] for name, values in self.seen.items()}


async def stages(at: Mapping[str, str], number: int, circuit: str, shots: int) -> Stopwatch:
    """Take so many tasks through all stages. API and worker of the deployment must be stopped."""
    settings = Settings(database_url=at["postgres"], rabbitmq_url=at["rabbitmq"])
    watch = Stopwatch()
    database = Database(settings.database_url, 2, "stages")
    connected, arrived = asyncio.Event(), asyncio.Queue[DeliveredMessage]()
    publisher = Publisher(settings, connected.set)
    publishing = asyncio.create_task(publisher.run())
    await connected.wait()
    connection = await queue.connect(settings, "stages")
    simulator = Simulator(settings)
    try:
        channel = await connection.channel(publisher_confirms=False)
        await channel.basic_consume(Topology(settings.queue_name).queue, arrived.put)
        await simulator.ensure()
        attempts = Attempts(database, "stages", settings.task_deadline_seconds)
        one = _Way(watch, database, publisher, attempts, simulator, arrived)
        for _ in range(number):
            await one.go(Submission(circuit, shots))
    finally:
        publishing.cancel()
        await asyncio.wait({publishing})
        await queue.discard(connection)
        await simulator.stop()
        await database.close()
    return watch


class _Way:
    """One task after the other, through all that it takes."""

    def __init__(
        self,
        watch: Stopwatch,
        database: Database,
        publisher: Publisher,
        attempts: Attempts,
        simulator: Simulator,
        arrived: asyncio.Queue[DeliveredMessage],
    ) -> None:
        self._watch, self._database, self._publisher = watch, database, publisher
        self._attempts, self._simulator, self._arrived = attempts, simulator, arrived

    async def go(self, submission: Submission) -> None:
        stage: Callable[[str], None] = self._watch.stage
        self._watch.start()
        receipt = await Tasks(self._database).submit(submission, "stages", None)
        stage("task, history and message committed")
        async with self._database.session(10) as connection, connection.transaction():
            (row,) = await connection.fetch(_TAKE, 1)
            stage("message taken from the outbox")
            confirmed = asyncio.ensure_future(
                self._publisher.publish(receipt.task_id, "stages", {})
            )
            message = await self._arrived.get()
            stage("message through the broker")
            await confirmed
            stage("and confirmed (beside the worker)")
            await connection.execute(_REMOVE, [row["id"]])
        stage("message removed from the outbox (beside the worker)")
        claim = await self._attempts.claim(receipt.task_id, uuid.uuid4(), redelivered=False)
        assert isinstance(claim, Claim)
        stage("claim committed")
        await self._simulator.run(Order(circuit=claim.circuit, shots=claim.shots))
        stage("simulator process, there and back")
        assert await self._attempts.complete(claim, '{"00": 1}', "stages")
        stage("result committed")
        await message.channel.basic_ack(message.delivery_tag or 0, wait=False)


if __name__ == "__main__":
    main()
