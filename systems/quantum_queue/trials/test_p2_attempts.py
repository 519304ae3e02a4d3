"""Whatever becomes of an attempt or a message, a task has one end and a history that says how."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest
from checker import FINAL, read
from conftest import QUEUE
from seatrial.keeper import processes
from test_p2_bad_days import stored
from test_p2_recovery import states

pytestmark = pytest.mark.needs("api", "postgres", "rabbitmq", "worker")

ENDLESS = "qubit q; bit c; while (!c) { x q; } measure q;"
#: Both rows are versions that one transaction wrote, or the status was there without its entry.
TOGETHER = """
SELECT current_status, entry.status = current_status AND entry.xmin::text = tasks.xmin::text AS ok
FROM tasks LEFT JOIN LATERAL (
    SELECT status, xmin FROM status_history WHERE task_id = tasks.task_id ORDER BY id DESC LIMIT 1
) AS entry ON true
WHERE tasks.task_id = ANY(%s::uuid[])
"""


@pytest.mark.criterion("AC-27")
@pytest.mark.requires("kill")
def test_a_status_and_its_entry_are_one_commit(
    api_client, db_client, frozen_simulators, eventually
):
    seen = {}

    def look():
        for row in db_client.sql.query(TOGETHER, [tasks]):
            seen.setdefault(row["current_status"], set()).add(row["ok"])
        return set(seen)

    with frozen_simulators():
        circuits = ["never", *["OPENQASM 3; qubit q; measure q;"] * 5]
        tasks = [api_client.submit_task(circuit).task_id for circuit in circuits]
        eventually(look, {"pending", "processing"}.issubset, what="some wait, some are run")
    eventually(look, set(FINAL).issubset, what="some are completed, one has failed")
    assert seen == {status: {True} for status in ("pending", "processing", *FINAL)}


@pytest.mark.long
@pytest.mark.criterion("AC-27")
@pytest.mark.requires("network")
def test_a_reader_with_a_slow_way_to_the_database_sees_no_status_without_its_entry(
    api_client, fault, eventually
):
    """What took two looks at the database would be some changes apart."""
    with fault.latency("api", "postgres", by="100ms"):
        for _ in range(3):
            submitted = api_client.submit_task()
            looks = []

            def look(looks=looks, submitted=submitted):
                looks.append(api_client.get_task_status(submitted.task_id))
                return looks[-1]["status"]

            eventually(look, lambda status: status in FINAL, what="the task is done")
            for task in looks:
                assert states(task)[-1:] == [task["status"]]


@contextmanager
def another_worker(deployment):
    """One that is not the deployment's, so that what happens to those does not happen to it."""
    to = deployment.statuses()
    urls = {
        "DATABASE_URL": to["postgres"].endpoints["sql"][0].url,
        "RABBITMQ_URL": to["rabbitmq"].endpoints["amqp"][0].url,
    }
    argv, quiet = [sys.executable, "-m", "quantum_queue.worker"], subprocess.DEVNULL
    with subprocess.Popen(argv, env={**os.environ, **urls}, stdin=quiet, stderr=quiet) as worker:
        try:
            yield
        finally:
            worker.terminate()
            try:
                worker.wait(20)
            finally:
                worker.kill()


@pytest.mark.long
@pytest.mark.criterion("AC-25")
@pytest.mark.requires("pause", "network", "logs")
def test_a_worker_that_wakes_up_too_late_changes_nothing(
    deployment,
    fault,
    frozen_simulators,
    api_client,
    db_client,
    completed,
    eventually,
    processing,
    log_of,
    all_is_well,
):
    with frozen_simulators():
        submitted = api_client.submit_task()
        processing(submitted.task_id)
        with fault.paused("worker"):
            # The broker takes a frozen worker for gone, and need not wait for heartbeats here.
            with fault.reset("worker", "rabbitmq"), another_worker(deployment):
                completed(submitted.task_id)
            before = stored(db_client, submitted)
    dropped = (submitted.task_id, "outcome dropped: another attempt has taken the task over")
    eventually(
        lambda: (
            dropped in [(e.get("task_id"), e["message"]) for e in log_of("worker")]
            or stored(db_client, submitted) != before
        ),
        timeout=20,
        what="the worker that was frozen has come to its end of the task",
    )
    assert stored(db_client, submitted) == before
    all_is_well(submitted)
    path = [entry["status"] for entry in before[1]]
    assert path == ["pending", "processing", "processing", "completed"]


@pytest.mark.long
@pytest.mark.criterion("AC-41")
@pytest.mark.requires("kill")
def test_after_three_killed_attempts_a_task_fails_and_is_a_dead_letter(
    deployment, api_client, db_client, place, finished, eventually, all_is_well
):
    submitted = api_client.submit_task(ENDLESS)
    for attempt in (1, 2, 3):
        eventually(
            lambda: db_client.get_task(submitted.task_id),
            lambda task, n=attempt: (task["current_status"], task["attempts"]) == ("processing", n),
            timeout=15,
            what=f"attempt {attempt} has begun",
        )
        workers = deployment.statuses()["worker"].pids
        simulators = [pid for worker in workers for pid in processes.descendants(worker)]
        processes.send(simulators, signal.SIGKILL)
    task = finished(submitted.task_id)
    assert task["status"] == "failed"
    assert task["error_message"].startswith("gave up after 3 attempts")
    assert states(task) == ["pending", *["processing", "pending"] * 2, "processing", "failed"]
    notes = [entry["notes"] for entry in task["status_history"][1:]]
    for attempt, (begun, ended) in enumerate(zip(notes[::2], notes[1::2], strict=True), 1):
        assert begun.startswith(f"attempt {attempt} of 3 ")
        assert ended.startswith(f"attempt {attempt} of 3 failed: the simulator process ended")
    all_is_well(submitted)
    assert read(db_client.sql.query, place, submitted.key).dead == [submitted.task_id]


@pytest.mark.long
@pytest.mark.criterion("AC-30")
@pytest.mark.requires("stop")
def test_what_the_broker_lost_is_published_again(
    component, fault, api_client, db_client, eventually, completed, all_is_well
):
    """More than a minute: so long a task must have been silent."""
    broker = component("rabbitmq")
    with fault.stopped("worker"):
        submitted = api_client.submit_task()
        lost = eventually(lambda: broker.get(QUEUE, ack=True), what="its message is on the queue")
        assert lost.message_id == submitted.task_id
        assert not broker.get(QUEUE)
    assert states(completed(submitted.task_id, 120)) == ["pending", "processing", "completed"]
    assert db_client.get_task(submitted.task_id)["attempts"] == 1
    all_is_well(submitted)
