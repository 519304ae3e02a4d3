"""Restarting and scaling under traffic. Wants replicas: API_REPLICAS=2 WORKER_REPLICAS=4."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from time import perf_counter

import pytest
from traffic import traffic

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
#: From the first attempt's start to the last one's end: what is between is the workers' alone.
SPAN = """
SELECT extract(epoch FROM max(completed_at) - min(transitioned_at))::float
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
HEAVY_SHOTS = 10
HEAVY_TASKS = 40


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
    deployment, replicas, fault, ledger, db_client, eventually, record_property
):
    parts = [("api", replicas("api", 2)), ("worker", replicas("worker", 2))]
    key = ledger.key("rolling")
    urls = [endpoint.url for endpoint in deployment.statuses()["api"].endpoints["http"]]
    with traffic(urls, key) as seen:
        for component, count in parts:
            for replica in range(count):
                with fault.stopped(component, replica=replica):
                    more_accepted(seen, eventually)
                more_accepted(seen, eventually)
    assert seen.failures == []
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
    record_property("accepted", len(seen.accepted))
    record_property("refused, passed on to another replica", seen.refused)
    record_property("closed without an answer, passed on", seen.closed)


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
    replicas, fault, ledger, api_client, db_client, eventually, record_property
):
    """On a machine with few cores that is less than in proportion: see what it can do at all."""
    there = replicas("worker", 4)
    rates = {}
    for count in (1, 2, there):
        with ExitStack() as stack:
            for replica in range(count, there):
                stack.enter_context(fault.stopped("worker", replica=replica))
            rates[count] = rate(
                ledger.key(f"scale{count}"), count, api_client, db_client, eventually
            )
        record_property(f"tasks/s with {count} workers", round(rates[count], 1))
    for count in (2, there):
        possible = headroom(count)
        gained = rates[count] / rates[1]
        record_property(f"gain with {count} workers", f"{gained:.2f} of {possible:.2f} possible")
        assert gained > 0.6 * possible, (rates, possible)


def rate(key, workers, api_client, db_client, eventually):
    """Tasks a second of so many workers; each of them has had its share."""
    body = {"circuit": SLOW, "shots": HEAVY_SHOTS}
    for number in range(HEAVY_TASKS):
        headers = {"Idempotency-Key": f"{key}.{number}", "X-Correlation-ID": key}
        assert api_client.http.post("/tasks", json=body, headers=headers).status_code == 200
    eventually(
        lambda: [row["current_status"] for row in db_client.sql.query(TASKS, [key])],
        lambda states: states == ["completed"] * HEAVY_TASKS,
        timeout=120,
        what=f"{HEAVY_TASKS} tasks are completed by {workers} workers",
    )
    shares = db_client.sql.query(BY_WORKER, [key])
    assert len(shares) == workers, shares
    return HEAVY_TASKS / db_client.sql.value(SPAN, [key])


def headroom(processes: int) -> float:
    """How much more so many processes compute on this machine, now, than one does."""
    work = [sys.executable, "-c", "sum(n * n for n in range(6_000_000))"]

    def seconds(count: int) -> float:
        began = perf_counter()
        running = [subprocess.Popen(work) for _ in range(count)]
        assert [one.wait(60) for one in running] == [0] * count
        return perf_counter() - began

    return processes * seconds(1) / seconds(processes)
