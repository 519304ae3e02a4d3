"""What only the queue itself can be drilled in; `seatrial drill` finds this file by its name."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from seatrial.kinds.drill import Drill, Stage
from seatrial.kinds.rabbitmq.drills import without_queue
from seatrial.outcome import Cause

#: Two workers, so that one of them can stand still.
VARIABLES = {"WORKER_REPLICAS": "2"}

_HEALTHY = (
    '{"status": "healthy", "database_status": "connected", "queue_status": "connected",'
    ' "version": "1", "schema_version": {}}'
)


@contextmanager
def deleted(stage: Stage) -> Iterator[None]:
    """Nobody declares the queue any more: API and workers have another one."""
    with ExitStack() as altered:
        for service in ("api", "worker"):
            other = stage.altered(service, env={"QUEUE_NAME": "another_queue"}, becomes_ready=True)
            altered.enter_context(other)
        altered.enter_context(without_queue("rabbitmq", "quantum_tasks", stage))
        yield


def lying(stage: Stage):
    """All is well, it says, whatever it is asked; and that is all that it can do."""
    stand_in = (sys.executable, "-m", "seatrial.kinds.http.stand_in", "{api.host}", "{api.port}")
    run = (*stand_in, "--body", _HEALTHY)
    return stage.altered("api", run=run, becomes_ready=True)


def simulating(how: str) -> Callable[[Stage], AbstractContextManager[None]]:
    """A worker that works, but not rightly."""
    run = ("python", "drills/worker.py", how)
    return lambda stage: stage.altered("worker", run=run, becomes_ready=True)


DRILLS = [
    Drill(
        "queue-deleted",
        "the queue of tasks is gone, and nobody declares it",
        {"rabbitmq": frozenset({Cause.QUEUE_MISSING})},
        deleted,
    ),
    Drill(
        "wrong-results",
        "the counts are not those of the circuit",
        {},
        simulating("wrong"),
        trials=("test_the_counts_are_right_for_the_circuit",),
        says="counts",
    ),
    Drill(
        "failing-worker",
        "every task fails",
        {},
        simulating("failing"),
        trials=("test_a_task_completes_in_order_with_its_times",),
        says="this worker fails every task",
    ),
    Drill(
        "lying-health",
        "the API says that it is healthy, and accepts nothing",
        {},
        lying,
        trials=("test_a_submitted_circuit_gets_an_id",),
        says="task_id",
    ),
]
