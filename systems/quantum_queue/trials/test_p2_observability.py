"""What an operator sees: metrics that count, and logs that can be followed from part to part."""

from __future__ import annotations

import httpx
import pytest

pytestmark = pytest.mark.needs("api", "postgres", "rabbitmq", "worker")


def values(text: str) -> dict[str, float]:
    """By series, as Prometheus reads it."""
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {series: float(value) for series, _, value in lines}


def rise(before: dict[str, float], after: dict[str, float], series: str) -> float:
    return after[f"quantum_queue_{series}"] - before[f"quantum_queue_{series}"]


@pytest.fixture
def worker_metrics(log_of):
    """`worker_metrics()`: the values of all workers that live, added up."""

    def read() -> dict[str, float]:
        total: dict[str, float] = {}
        for entry in log_of("worker"):
            if entry["message"] != "metrics served":
                continue
            host, port = entry["address"][:2]
            try:
                text = httpx.get(f"http://{host}:{port}/metrics", trust_env=False, timeout=5).text
            except httpx.ConnectError:
                continue  # it was one that has ended
            for series, value in values(text).items():
                total[series] = total.get(series, 0.0) + value
        return total

    return read


@pytest.mark.criterion("AC-120")
def test_the_api_counts_what_it_accepts(api_client):
    before = values(api_client.http.get("/metrics").text)
    first = api_client.submit_task()
    api_client.submit_task()
    body = {"circuit": "OPENQASM 3; qubit[2] q; h q[0]; cx q[0], q[1]; measure q;", "shots": 1024}
    again = api_client.http.post("/tasks", json=body, headers=api_client.headers(first.key))
    assert again.json()["task_id"] == first.task_id
    response = api_client.http.get("/metrics")
    assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert rise(before, values(response.text), "tasks_submitted_total") == 2


@pytest.mark.criterion("AC-120")
@pytest.mark.requires("logs")
def test_the_workers_count_what_they_do(api_client, worker_metrics, finished, eventually):
    before = worker_metrics()
    assert before, "no worker serves metrics"
    for circuit in ("OPENQASM 3; qubit q; measure q;", "OPENQASM 3; qubit q; h q; measure q;", "x"):
        finished(api_client.submit_task(circuit).task_id)
    # A task is done for its reader a moment before its worker has counted it.
    after = eventually(
        worker_metrics,
        lambda now: (
            rise(before, now, 'tasks_finished_total{status="completed"}') >= 2
            and rise(before, now, 'tasks_finished_total{status="failed"}') >= 1
        ),
        timeout=5,
        what="the workers have counted the tasks",
    )
    for series in ("task_run_seconds_count", "task_queue_seconds_count"):
        assert rise(before, after, series) >= 3
    assert rise(before, after, "task_queue_seconds_sum") > 0
    assert rise(before, after, "tasks_retried_total") == 0
    eventually(
        lambda: worker_metrics()["quantum_queue_tasks_in_flight"],
        lambda count: count == 0,
        timeout=5,
        what="no task is in flight",
    )


@pytest.mark.criterion("AC-08")
@pytest.mark.requires("logs")
def test_the_correlation_id_is_in_the_logs_of_both_services(
    api_client, completed, log_of, eventually
):
    submitted = api_client.submit_task()
    completed(submitted.task_id)

    def messages(component: str) -> dict[str, dict]:
        found = [e for e in log_of(component) if e.get("correlation_id") == submitted.key]
        return {entry["message"]: entry for entry in found}

    request = eventually(lambda: messages("api").get("request"), what="the API logs the request")
    assert (request["method"], request["path"], request["status"]) == ("POST", "/tasks", 200)
    for message in ("task claimed", "task completed"):
        entry = messages("worker")[message]
        assert entry["task_id"] == submitted.task_id
        assert set(entry) >= {"time", "level", "service", "logger"}
