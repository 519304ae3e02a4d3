"""A circuit goes all the way: submitted, queued, simulated, stored, and read back."""

from __future__ import annotations

from uuid import UUID

import pytest

pytestmark = [
    pytest.mark.budget(35, name="end-to-end trials"),
    pytest.mark.needs("api", "postgres", "rabbitmq", "worker"),
]

GHZ = "OPENQASM 3; qubit[3] q; h q[0]; cx q[0], q[1]; cx q[1], q[2]; measure q;"
ONE_ZERO = "OPENQASM 3; qubit[2] q; x q[1]; measure q;"  # the second qubit is the left bit


def states(task):
    return [entry["status"] for entry in task["status_history"]]


@pytest.mark.criterion("AC-01", "AC-08")
def test_a_submitted_circuit_gets_an_id(api_client):
    submitted = api_client.submit_task()
    body = submitted.response.json()
    assert str(UUID(body["task_id"])) == body["task_id"]
    assert body["message"] == "Task submitted successfully."
    assert body["submitted_at"]
    assert submitted.response.headers["X-Correlation-ID"] == submitted.key


@pytest.mark.criterion("AC-80")
def test_a_task_completes_in_order_with_its_times(api_client, completed):
    task = completed(api_client.submit_task().task_id)
    assert states(task) == ["pending", "processing", "completed"]
    times = [entry["transitioned_at"] for entry in task["status_history"]]
    assert times == sorted(times)
    assert task["submitted_at"] <= times[0]
    assert task["completed_at"] is not None
    assert task["error_message"] is None


@pytest.mark.criterion("AC-70", "AC-71")
@pytest.mark.parametrize(
    ("circuit", "outcomes"),
    [
        pytest.param(
            "OPENQASM 3; qubit[2] q; h q[0]; cx q[0], q[1]; measure q;", ("00", "11"), id="bell"
        ),
        pytest.param(GHZ, ("000", "111"), id="ghz"),
        pytest.param(ONE_ZERO, ("10",), id="bit-order"),
    ],
)
def test_the_counts_are_right_for_the_circuit(api_client, completed, circuit, outcomes):
    shots = 4096
    counts = completed(api_client.submit_task(circuit, shots).task_id)["result"]
    assert sum(counts.values()) == shots
    assert set(counts) == set(outcomes)
    # Each outcome is equally likely: six standard deviations of a fair share are never missed.
    share, deviation = shots / len(outcomes), (shots / 4) ** 0.5
    assert all(abs(count - share) <= 6 * deviation for count in counts.values())


@pytest.mark.criterion("AC-81")
def test_the_stored_result_is_what_the_api_answers(api_client, db_client, completed):
    submitted = api_client.submit_task()
    task = completed(submitted.task_id)
    row = db_client.get_task(submitted.task_id)
    assert row["result"] == task["result"]
    assert row["current_status"] == task["status"]
    assert row["correlation_id"] == submitted.key
    stored = [entry["status"] for entry in db_client.get_status_history(submitted.task_id)]
    assert stored == states(task)


@pytest.mark.criterion("AC-20", "AC-21")
def test_a_submission_is_one_row_and_one_persistent_message(
    deployment, fault, api_client, db_client, queue_client, eventually, completed
):
    if "pause" not in deployment.capabilities:
        submitted = submit_and_see_the_publish_count_rise(api_client, queue_client, eventually)
    else:
        with fault.paused("worker"):
            before = queue_client.get_queue_info()
            submitted = api_client.submit_task()
            assert db_client.get_task(submitted.task_id)["current_status"] == "pending"
            after = eventually(
                queue_client.get_queue_info,
                lambda info: info.messages == before.messages + 1,
                timeout=10,
                what="one message is on the queue, ready or unacknowledged",
            )
            eventually(
                lambda: queue_client.get_queue_info().messages_persistent,
                lambda persistent: persistent == after.messages,
                timeout=15,
                what="every message on the queue is persistent",
            )
    # The status may have moved on by now; what it was first is in the history.
    assert db_client.get_status_history(submitted.task_id)[0]["status"] == "pending"
    completed(submitted.task_id)


def submit_and_see_the_publish_count_rise(api_client, queue_client, eventually):
    """Where nobody can pause a worker, its message may be gone before anyone looks."""
    before = queue_client.get_queue_info().publish_count
    submitted = api_client.submit_task()
    eventually(
        lambda: queue_client.get_queue_info().publish_count,
        lambda count: count > before,
        timeout=15,
        what="the publish count of the queue has risen",
    )
    return submitted


@pytest.mark.criterion("AC-82")
def test_ten_at_once_are_all_accepted_and_done(api_client, completed):
    submitted = api_client.submit_many(10)
    assert len({one.task_id for one in submitted}) == 10
    for one in submitted:
        assert sum(completed(one.task_id)["result"].values()) == 1024


@pytest.mark.criterion("AC-02")
def test_a_retried_submission_is_the_same_task(api_client, db_client, completed):
    first = api_client.submit_task()
    body = {"circuit": "OPENQASM 3; qubit[2] q; h q[0]; cx q[0], q[1]; measure q;", "shots": 1024}
    again = api_client.http.post("/tasks", json=body, headers=api_client.headers(first.key))
    assert again.status_code == 200
    assert again.json() == first.response.json()
    assert db_client.count_by_correlation(first.key) >= 1
    completed(first.task_id)
    assert states(api_client.get_task_status(first.task_id)).count("completed") == 1
