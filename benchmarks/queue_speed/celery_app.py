"""The same work for Celery: a Bell circuit through the same simulator, its counts in PostgreSQL."""

from __future__ import annotations

import os

from celery import Celery
from celery.signals import worker_process_init
from quantum_queue.worker.frames import Order
from quantum_queue.worker.runner import Runner

app = Celery(
    "queue_speed",
    broker=os.environ["RABBITMQ_URL"],
    backend="db+" + os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://"),
)
# The promises of the queue: a task is acknowledged once its result is stored, and the broker has
# confirmed what was sent, which is persistent (Celery's default). As many messages are taken ahead
# as by a worker of the queue. It still has less to do: no row and no history before the result.
app.conf.update(
    task_acks_late=True,
    broker_transport_options={"confirm_publish": True},
    worker_prefetch_multiplier=3,
)

_runner: list[Runner] = []


@worker_process_init.connect  # type: ignore[untyped-decorator]
def _warm_up(**_: object) -> None:
    _runner.append(Runner(24))
    _runner[0].warm_up()


@app.task  # type: ignore[untyped-decorator]
def simulate(circuit: str, shots: int) -> dict[str, int]:
    counts = _runner[0].run(Order(circuit=circuit, shots=shots)).counts
    assert counts is not None
    return dict(counts)
