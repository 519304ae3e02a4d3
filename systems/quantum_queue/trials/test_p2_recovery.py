"""What is away is said at once, nothing accepted is lost, and recovery needs no hand."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

import pytest
from conftest import BELL
from seatrial.keeper import processes

pytestmark = [
    pytest.mark.needs("api", "postgres", "rabbitmq", "worker"),
    pytest.mark.requires("stop"),
]


def states(task):
    return [entry["status"] for entry in task["status_history"]]


@pytest.fixture
def healthy_again(http, eventually):
    def wait():
        eventually(
            lambda: http.health().json(),
            lambda health: health["status"] == "healthy",
            timeout=20,
            what="the API is healthy again",
        )

    return wait


@pytest.mark.criterion("AC-11")
def test_with_the_database_away_requests_are_refused_and_leave_nothing(
    api_client, db_client, fault, healthy_again, completed
):
    with fault.stopped("postgres"):
        began = perf_counter()
        health = api_client.check_health()
        assert perf_counter() - began < 2.5
        assert health.status_code == 503
        assert health.json()["database_status"] == "disconnected"
        key, refused = api_client.post({"circuit": "OPENQASM 3; qubit q; measure q;"})
        assert refused.status_code == 503
        assert refused.headers["Content-Type"].startswith("application/problem+json")
        assert refused.json()["detail"]
    healthy_again()
    assert db_client.count_by_correlation(key) == 0
    completed(api_client.submit_task().task_id)


@pytest.fixture
def health_in_time(always, http):
    """`with health_in_time():` /health answers within 2 s for as long as the block lasts."""

    def watch():
        return always(
            lambda: http.health().elapsed.total_seconds(),
            lambda seconds: seconds <= 2,
            gap=5,
            what="/health answers within 2 s",
        )

    return watch


@pytest.mark.criterion("AC-10", "AC-11")
@pytest.mark.requires("network")
def test_a_database_that_does_not_answer_hangs_nobody(
    api_client, db_client, fault, eventually, health_in_time, healthy_again, completed
):
    body = {"circuit": "OPENQASM 3; qubit q; measure q;"}
    with fault.black_hole("api", "postgres"), health_in_time(), ThreadPoolExecutor(1) as beside:
        waiting = beside.submit(api_client.post, body)
        eventually(
            lambda: api_client.check_health().json()["database_status"],
            lambda status: status == "disconnected",
            timeout=10,
            what="the API notices that the database does not answer",
        )
        key, refused = waiting.result()
        assert refused.status_code == 503
    healthy_again()
    # What was on its way may arrive after all: who asks again gets that task, and never a second.
    again = api_client.http.post("/tasks", json=body, headers=api_client.headers(key))
    assert again.status_code == 200
    completed(again.json()["task_id"])
    assert db_client.sql.value("SELECT count(*) FROM tasks WHERE idempotency_key = %s", [key]) == 1


@pytest.mark.long
@pytest.mark.requires("network")
def test_a_slow_way_to_the_database_only_makes_it_slower(
    api_client, fault, health_in_time, completed
):
    with fault.latency("api", "postgres", by="100ms", jitter="50ms"), health_in_time():
        submitted = api_client.submit_many(3)
        for one in submitted:
            assert states(completed(one.task_id)) == ["pending", "processing", "completed"]


@pytest.mark.criterion("AC-22")
def test_with_the_broker_away_tasks_are_accepted_and_done_later(
    api_client, fault, eventually, healthy_again, completed
):
    with fault.killed("rabbitmq"):
        degraded = eventually(
            lambda: api_client.check_health().json(),
            lambda health: health["queue_status"] == "disconnected",
            timeout=10,
            what="the API notices that the broker is away",
        )
        assert degraded["status"] == "degraded"
        submitted = [api_client.submit_task() for _ in range(3)]
        for one in submitted:
            assert api_client.get_task_status(one.task_id)["status"] == "pending"
    healthy_again()
    for one in submitted:
        assert states(completed(one.task_id)) == ["pending", "processing", "completed"]


@pytest.mark.criterion("AC-24")
def test_a_killed_worker_loses_nothing(api_client, fault, completed):
    with fault.killed("worker"):
        submitted = api_client.submit_many(5)
    for one in submitted:
        task = completed(one.task_id)
        assert states(task).count("completed") == 1
        assert sum(task["result"].values()) == 1024


@pytest.mark.criterion("AC-40")
@pytest.mark.requires("kill")
def test_an_attempt_whose_simulator_is_killed_is_retried(
    api_client, frozen_simulators, processing, finished
):
    with frozen_simulators() as simulators:  # so that it is killed in the act, for certain
        submitted = api_client.submit_task()
        processing(submitted.task_id)
        processes.send(simulators, signal.SIGKILL)
    task = finished(submitted.task_id)
    assert task["status"] == "completed", task
    assert states(task) == ["pending", "processing", "pending", "processing", "completed"]


@pytest.mark.long
@pytest.mark.criterion("AC-26")
def test_a_worker_that_stops_hands_back_what_takes_too_long(
    api_client, db_client, queue_client, fault, no_more_than, processing, finished
):
    """The message and the attempt: whoever gets the task next begins it as new."""
    circuits = ("qubit q; bit c; while (!c) { x q; } measure q;", BELL, BELL)
    with no_more_than(1, "worker"):
        endless, *others = (api_client.submit_task(circuit).task_id for circuit in circuits)
        processing(endless)
        with fault.stopped("worker", replica=0):
            for task_id in (endless, *others):
                row = db_client.get_task(task_id)
                assert (row["current_status"], row["attempts"]) == ("pending", 0)
            notes = [entry["notes"] for entry in db_client.get_status_history(endless)]
            assert notes[-1] == "handed back: the worker stops"
            assert queue_client.get_queue_info().messages >= len(circuits)
    for task_id in others:
        assert states(finished(task_id, timeout=90)) == ["pending", "processing", "completed"]
    task = finished(endless, timeout=90)
    assert states(task) == ["pending", "processing", "pending", "processing", "failed"]
    assert db_client.get_task(endless)["attempts"] == 1
