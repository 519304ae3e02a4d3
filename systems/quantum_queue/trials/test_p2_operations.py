"""Restarting and scaling under traffic.

Wants API_REPLICAS=2 WORKER_REPLICAS=4 DRAIN_SECONDS=3.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from time import perf_counter

import pytest
from seatrial.keeper import processes
from traffic import WatchingBalancer, traffic

pytestmark = [
    pytest.mark.long,
    pytest.mark.needs("api", "postgres", "rabbitmq", "worker"),
    pytest.mark.requires("stop"),
]

TASKS = "SELECT task_id::text, current_status, attempts FROM tasks WHERE correlation_id = %s"
ENDINGS = """
SELECT count(*) FROM status_history JOIN tasks USING (task_id)
WHERE correlation_id = %s AND status IN ('completed', 'failed')
"""
#: How many tasks were run at a time, from the first attempt's start to the last one's end.
AT_A_TIME = """
SELECT (extract(epoch FROM sum(completed_at - transitioned_at))
    / extract(epoch FROM max(completed_at) - min(transitioned_at)))::float
FROM status_history JOIN tasks USING (task_id)
WHERE correlation_id = %s AND status = 'processing'
"""
BY_WORKER = """
SELECT notes, count(*) FROM status_history JOIN tasks USING (task_id)
WHERE correlation_id = %s AND status = 'processing' GROUP BY 1
"""
#: What depends on a measurement is simulated shot by shot, so this takes seconds for a few hundred.
SLOW = (
    "OPENQASM 3; qubit[14] q; bit c; h q;"
    + "".join(f" rx(0.{n}) q[{n % 14}]; cx q[{n % 14}], q[{(n + 1) % 14}];" for n in range(20))
    + " c = measure q[0]; if (c) { reset q[0]; } h q; measure q;"
)
HEAVY_SHOTS = 20
HEAVY_TASKS = 24
NICE = 5  # of simulators, as in quantum_queue.worker.child


@pytest.fixture
def replicas(deployment):
    """`replicas(component, count)`: how many there are; skips where they are fewer."""

    def count(component, least):
        there = len(deployment.statuses()[component].replicas)
        if there < least:
            variable = f"{component.upper()}_REPLICAS"
            pytest.skip(f"{there} of {component}, {least} needed: set {variable}={least}")
        return there

    return count


@pytest.mark.criterion("AC-112")
def test_a_rolling_restart_loses_no_request_and_no_task(
    replicas, fault, ledger, urls, db_client, eventually, record_property
):
    parts = [("api", replicas("api", 2)), ("worker", replicas("worker", 2))]
    key = ledger.key("rolling")
    with traffic(urls, key) as seen:
        restart(parts, seen, fault, eventually)
    assert seen.failures == []
    all_done_once(key, seen, db_client, eventually)
    record_property("accepted", len(seen.accepted))
    record_property("refused, passed on to another replica", seen.refused)
    record_property("closed without an answer, passed on", seen.closed)


@pytest.mark.criterion("AC-114")
@pytest.mark.skipif(float(os.environ.get("DRAIN_SECONDS") or 0) < 1, reason="DRAIN_SECONDS < 1")
def test_while_it_drains_nothing_has_to_be_passed_on(
    replicas, fault, ledger, urls, db_client, eventually, record_property
):
    key, parts = ledger.key("draining"), [("api", replicas("api", 2))]
    with traffic(urls, key, WatchingBalancer) as seen:
        restart(parts, seen, fault, eventually)
    assert seen.failures == []
    all_done_once(key, seen, db_client, eventually)
    record_property("accepted", len(seen.accepted))


@pytest.fixture
def urls(deployment):
    return [endpoint.url for endpoint in deployment.statuses()["api"].endpoints["http"]]


def restart(parts, seen, fault, eventually):
    """One replica after the other, with traffic before, meanwhile and afterwards."""
    for component, count in parts:
        for replica in range(count):
            more_accepted(seen, eventually)
            with fault.stopped(component, replica=replica):
                more_accepted(seen, eventually)
            more_accepted(seen, eventually)


def all_done_once(key, seen, db_client, eventually):
    """Each task that was accepted, and no other, at its first attempt."""
    eventually(
        lambda: {row["current_status"] for row in db_client.sql.query(TASKS, [key])},
        lambda states: states == {"completed"},
        timeout=60,
        what="every task is completed",
    )
    rows = db_client.sql.query(TASKS, [key])
    assert sorted(row["task_id"] for row in rows) == sorted(seen.accepted)
    assert db_client.sql.value(ENDINGS, [key]) == len(rows)  # none has two
    assert {row["attempts"] for row in rows} == {1}  # what was handed back cost no attempt


def more_accepted(seen, eventually):
    """Traffic has gone on from here."""
    before = len(seen.accepted)
    eventually(
        lambda: len(seen.accepted),
        lambda count: count >= before + 20,
        timeout=30,
        what="20 more submissions are accepted",
    )


@pytest.mark.criterion("AC-113")
def test_more_workers_do_more(
    deployment, replicas, no_more_than, ledger, api_client, db_client, eventually, record_property
):
    """As many tasks are run at a time as there are workers, on as many cores as can be had.

    Both hold on a machine that is busy with something else: the first is no matter of speed, the
    second is measured beside bare processes, before and after.
    """
    for count in (1, 2, replicas("worker", 4)):
        with no_more_than(count, "worker"):
            before = cores_of_bare(count)
            key = ledger.key(f"scale{count}")
            work = partial(do, key, api_client, db_client, eventually)
            used = cores_of_workers(deployment, work)
            possible = (before + cores_of_bare(count)) / 2
        at_a_time = db_client.sql.value(AT_A_TIME, [key])
        record_property(f"tasks at a time with {count} workers", round(at_a_time, 2))
        record_property(f"cores with {count} workers", f"{used:.2f} of {possible:.2f} possible")
        shares = [row["count"] for row in db_client.sql.query(BY_WORKER, [key])]
        assert len(shares) == count
        assert min(shares) >= HEAVY_TASKS / count / 3, shares
        # One that waits to be stored is beside the one that is run; the last ones run alone.
        assert 0.7 * count < at_a_time < 1.5 * count
        assert used > 0.6 * possible, (used, possible)


def do(key, api_client, db_client, eventually):
    """Have the heavy tasks done, by whoever is there."""
    body = {"circuit": SLOW, "shots": HEAVY_SHOTS}

    def submit(number):
        headers = {"Idempotency-Key": f"{key}.{number}", "X-Correlation-ID": key}
        assert api_client.http.post("/tasks", json=body, headers=headers).status_code == 200

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(submit, range(HEAVY_TASKS)))
    eventually(
        lambda: [row["current_status"] for row in db_client.sql.query(TASKS, [key])],
        lambda states: states == ["completed"] * HEAVY_TASKS,
        timeout=180,
        what=f"{HEAVY_TASKS} tasks are completed",
    )


def cores_of_workers(deployment, work) -> float:
    """Seconds of processor time that simulators use in a second of the work."""
    workers = deployment.statuses()["worker"].pids
    simulators = [pid for worker in workers if worker for pid in processes.descendants(worker)]
    began, used = perf_counter(), sum(map(processor_time, simulators))
    work()
    return (sum(map(processor_time, simulators)) - used) / (perf_counter() - began)


def processor_time(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cores_of_bare(count: int) -> float:
    """The same of so many processes that only compute, as nice as simulators are."""
    work = [sys.executable, "-c", f"import os; os.nice({NICE}); sum(range(20_000_000))"]
    began, used = perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    # Each in a session of its own, like a worker: some kernels share the time out by sessions.
    running = [subprocess.Popen(work, start_new_session=True) for _ in range(count)]
    assert [one.wait(120) for one in running] == [0] * count
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    return spent / (perf_counter() - began)
