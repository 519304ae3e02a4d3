"""Bad days that nobody died of: full disks, alarms, poison, repetitions, wrong clocks.

What is killed is in test_p2_crashes.py.
"""

from __future__ import annotations

import json
import signal
from contextlib import ExitStack
from datetime import datetime, timedelta

import pytest
from bad_days import Altered, clock, has_memory_alarm, memory_alarm, small_disk
from checker import read, wrong
from conftest import BELL, QUEUE
from scratch import scratch_database
from seatrial.keeper import processes
from test_p2_recovery import states

pytestmark = pytest.mark.needs("api", "postgres", "rabbitmq", "worker")

UNKNOWN_TASK = "00000000-0000-4000-8000-000000000000"
POISON = {
    "no JSON": b"\xff\xfe\x00",
    "empty": b"",
    "another kind of thing": b'["task_id"]',
    "no id": b'{"version": 1}',
    "an id that is none": b'{"task_id": "../../etc/passwd", "version": 1}',
    "a version to come": json.dumps({"task_id": UNKNOWN_TASK, "version": 2}).encode(),
    "no such task": json.dumps({"task_id": UNKNOWN_TASK, "version": 1}).encode(),
    "too deep": b"[" * 100_000,
    "large": b'{"task_id": "' + b"x" * 1_000_000,
}
FULL_AFTER = 60  # tasks


@pytest.fixture
def dead_letters(place, db_client):
    """`dead_letters(key)`: how many there are under a key."""
    return lambda key: len(read(db_client.sql.query, place, key).dead)


@pytest.mark.criterion("AC-28")
def test_poison_goes_to_the_dead_letters_and_stops_nobody(
    deployment, component, ledger, api_client, completed, dead_letters, eventually
):
    workers = deployment.statuses()["worker"].pids
    key = ledger.key("poison")
    for body in POISON.values():
        component("rabbitmq").publish(body, QUEUE, correlation_id=key)
    completed(api_client.submit_task().task_id)
    eventually(
        lambda: dead_letters(key),
        lambda count: count == len(POISON),
        timeout=10,
        what="all of the poison is among the dead letters",
    )
    assert deployment.statuses()["worker"].pids == workers


@pytest.mark.long
@pytest.mark.criterion("AC-23")
@pytest.mark.requires("stop")
def test_a_message_that_comes_again_changes_nothing(
    component, fault, api_client, db_client, completed, finished, all_is_well
):
    done, failed = api_client.submit_task(), api_client.submit_task("never")
    completed(done.task_id)
    finished(failed.task_id)
    before = [stored(db_client, one) for one in (done, failed)]
    broker = component("rabbitmq")
    with fault.stopped("worker"):
        for one in (done, failed):
            body = {"task_id": one.task_id, "version": 1}
            # Once as a duplicate; and once as what a worker had in hand when it died.
            broker.publish(body, QUEUE, correlation_id=one.key, message_id=one.task_id)
            broker.publish(body, QUEUE, correlation_id=one.key, message_id=one.task_id)
            broker.get(QUEUE)
        assert broker.get(QUEUE).redelivered
    all_is_well(done, failed)
    assert [stored(db_client, one) for one in (done, failed)] == before


def stored(db_client, submitted):
    return (
        db_client.get_task(submitted.task_id),
        db_client.get_status_history(submitted.task_id),
    )


@pytest.mark.long
@pytest.mark.criterion("AC-29")
@pytest.mark.requires("network", "stop")
def test_a_claim_whose_answer_is_lost_costs_no_attempt(
    api_client, db_client, fault, no_more_than, eventually, completed, all_is_well
):
    with no_more_than(1, "worker"):
        # Its connection knows the statement from before: asking for it would get no answer either.
        completed(api_client.submit_task().task_id)
        with fault.black_hole("worker", "postgres", direction="downstream"):
            submitted = api_client.submit_task()
            eventually(
                lambda: db_client.get_task(submitted.task_id)["current_status"],
                lambda status: status == "processing",
                timeout=10,
                what="the claim is committed, and the worker does not know it",
            )
            with fault.reset("worker", "postgres"):
                pass
        assert states(completed(submitted.task_id, 20)) == ["pending", "processing", "completed"]
    assert db_client.get_task(submitted.task_id)["attempts"] == 1
    all_is_well(submitted)


@pytest.mark.long
@pytest.mark.criterion("AC-29")
@pytest.mark.requires("kill")
def test_a_worker_keeps_its_result_while_the_database_is_away(
    frozen_simulators,
    api_client,
    fault,
    processing,
    eventually,
    completed,
    log_of,
    all_is_well,
):
    with ExitStack() as outage:
        with frozen_simulators():
            submitted = api_client.submit_task()
            processing(submitted.task_id)
            outage.enter_context(fault.killed("postgres"))
        eventually(
            lambda: [(e.get("task_id"), e.get("step")) for e in log_of("worker")],
            lambda waits: (submitted.task_id, "store") in waits,
            timeout=20,
            what="the worker waits to store the result",
        )
    assert states(completed(submitted.task_id)) == ["pending", "processing", "completed"]
    all_is_well(submitted)


@pytest.mark.long
@pytest.mark.criterion("AC-33")
@pytest.mark.requires("kill")
def test_with_a_memory_alarm_of_the_broker_tasks_are_accepted_and_done_later(
    deployment, place, fault, api_client, eventually, completed, all_is_well
):
    with memory_alarm(deployment, place):
        eventually(
            lambda: has_memory_alarm(place),
            timeout=10,
            what="the broker has a memory alarm",
        )
        submitted = api_client.submit_many(20)
        eventually(
            lambda: api_client.check_health().json()["status"],
            lambda status: status == "degraded",
            timeout=20,
            what="the API says that the broker does not take messages",
        )
        submitted += api_client.submit_many(5)
        waiting = [api_client.get_task_status(one.task_id)["status"] for one in submitted]
        assert waiting.count("pending") > len(submitted) / 2
    for one in submitted:
        assert states(completed(one.task_id)) == ["pending", "processing", "completed"]
    all_is_well(*submitted)


@pytest.mark.long
@pytest.mark.criterion("AC-34")
@pytest.mark.requires("restart")
def test_the_clocks_of_api_and_worker_do_not_matter(
    fault,
    frozen_simulators,
    api_client,
    db_client,
    processing,
    completed,
    finished,
    log_of,
    all_is_well,
):
    began = db_client.sql.value("SELECT clock_timestamp()")
    ahead = Altered(component="api", env=clock("+3600s"))
    behind = Altered(component="worker", env=clock("-3600s"))
    with fault.apply(ahead), fault.apply(behind):
        with frozen_simulators() as simulators:
            killed = api_client.submit_task()
            processing(killed.task_id)
            processes.send(simulators, signal.SIGKILL)
        submitted = api_client.submit_many(5)
        for one in submitted:
            assert states(completed(one.task_id)) == ["pending", "processing", "completed"]
        # The next attempt follows when it is due by the database's clock, not an hour later.
        assert states(finished(killed.task_id))[2:] == ["pending", "processing", "completed"]
        hours = [skew(log_of(component), began) for component in ("api", "worker")]
        assert hours == [1, -1]  # else this has shown nothing
    all_is_well(killed, *submitted)
    ended = db_client.sql.value("SELECT clock_timestamp()")
    for one in (killed, *submitted):
        task, history = stored(db_client, one)
        times = [task["submitted_at"], *(e["transitioned_at"] for e in history)]
        assert began <= min(times) <= max(times) <= ended


def skew(entries, now):
    """Hours by which the clock of the last line is ahead of the database's."""
    return round((datetime.fromisoformat(entries[-1]["time"]) - now) / timedelta(hours=1))


@pytest.mark.long
@pytest.mark.criterion("AC-32")
@pytest.mark.requires("restart")
def test_a_full_disk_of_the_database_refuses_and_loses_nothing(
    fault, ledger, api_client, place, queue_client, eventually, log_of
):
    """On a database of its own: nobody's else may be filled."""
    with small_disk(160) as disk, scratch_database(disk.folder) as database:
        database.alembic("upgrade", "head")
        there = {"DATABASE_URL": database.url}
        api, worker = Altered(component="api", env=there), Altered(component="worker", env=there)
        with fault.apply(api), fault.apply(worker):
            key = ledger.key("disk")  # of its messages: its rows go with the database
            ready(api_client, queue_client, eventually)
            # Nobody makes room meanwhile by working.
            with fault.paused("worker"):
                accepted, refused = submit_until_refused(api_client.http, key, disk)
            assert refused.headers["Content-Type"].startswith("application/problem+json")
            eventually(
                lambda: [e.get("reason") for e in log_of("worker")],
                lambda reasons: any("No space left" in str(reason) for reason in reasons),
                timeout=20,
                what="the worker cannot store either",
            )
            assert api_client.http.get(f"/tasks/{accepted[0]}").status_code == 200
            disk.free()
            count = "SELECT count(*) FROM tasks WHERE current_status = 'completed'"
            eventually(
                lambda: database.value(count),
                lambda found: found == len(accepted),
                timeout=60,
                what="all that was accepted is completed",
            )
            shots = dict.fromkeys(accepted, 1024)
            eventually(
                lambda: wrong(shots, read(database.rows, place, key)),
                lambda found: found == [],
                timeout=20,
                what="nothing is wrong",
            )
            assert database.value("SELECT max(attempts) FROM tasks") == 1


def ready(api_client, queue_client, eventually):
    eventually(
        lambda: (api_client.check_health().status_code, queue_client.get_consumer_count()),
        lambda found: found[0] == 200 and found[1] >= 1,
        timeout=20,
        what="API and worker are there",
    )


def submit_until_refused(http, key, disk):
    """Small tasks still fit into what the tables have; sooner or later none does."""
    accepted = []
    for number in range(FULL_AFTER + 1000):
        if number == FULL_AFTER:
            disk.fill()
        headers = {"Idempotency-Key": f"{key}.{number}", "X-Correlation-ID": key}
        answer = http.post("/tasks", json={"circuit": BELL, "shots": 1024}, headers=headers)
        if answer.status_code == 503 and number >= FULL_AFTER:
            return accepted, answer
        assert answer.status_code == 200, answer.text
        accepted.append(answer.json()["task_id"])
    raise AssertionError("the disk is full, and 1000 tasks were accepted")
