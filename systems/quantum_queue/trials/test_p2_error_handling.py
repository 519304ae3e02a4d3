"""Wrong requests are refused with help, and leave nothing behind."""

from __future__ import annotations

from uuid import uuid4

import pytest

pytestmark = pytest.mark.needs("api", "postgres", "rabbitmq")

GOOD = "OPENQASM 3; qubit q; measure q;"
WRONG_BODIES = {
    "empty circuit": {"circuit": ""},
    "blank circuit": {"circuit": " \n\t "},
    "missing circuit": {"shots": 10},
    "circuit is a number": {"circuit": 7},
    "circuit is null": {"circuit": None},
    "shots is text": {"circuit": GOOD, "shots": "10"},
    "shots is a fraction": {"circuit": GOOD, "shots": 1.5},
    "shots is a boolean": {"circuit": GOOD, "shots": True},
    "no shots": {"circuit": GOOD, "shots": 0},
    "too many shots": {"circuit": GOOD, "shots": 100_001},
    "a list": [],
    "null": None,
    "NUL in the circuit": {"circuit": GOOD + "\0"},
}
WRONG_BYTES = {
    "no JSON": b"circuit=h q;",
    "cut off": b'{"circuit": "OPENQ',
    "empty": b"",
    "no UTF-8": b'{"circuit": "\xff\xfe"}',
    "oversize": b'{"circuit": "' + b"x" * (2 * 1024 * 1024 + 1) + b'"}',
}


def assert_helpful_problem(response, status):
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"].startswith("application/problem+json")
    problem = response.json()
    assert problem["status"] == status
    assert problem["title"]
    assert len(problem["detail"]) > 10
    assert response.headers["X-Correlation-ID"]


def assert_left_nothing(key, db_client):
    assert db_client.count_by_correlation(key) == 0


@pytest.mark.criterion("AC-04", "AC-06", "AC-07")
@pytest.mark.parametrize("body", WRONG_BODIES.values(), ids=WRONG_BODIES.keys())
def test_a_wrong_body_is_400_and_leaves_nothing(api_client, db_client, body):
    key, response = api_client.post(body)
    assert_helpful_problem(response, 400)
    assert_left_nothing(key, db_client)


@pytest.mark.criterion("AC-04", "AC-06", "AC-07")
@pytest.mark.parametrize("content", WRONG_BYTES.values(), ids=WRONG_BYTES.keys())
def test_a_malformed_body_is_400_and_leaves_nothing(api_client, db_client, content):
    key, response = api_client.post_raw(content)
    assert_helpful_problem(response, 400)
    assert_left_nothing(key, db_client)


@pytest.mark.criterion("AC-05", "AC-07")
@pytest.mark.read_only
@pytest.mark.parametrize("task_id", ["1", "not-a-uuid", "0" * 37])
def test_an_id_that_is_none_is_400(http, task_id):
    assert_helpful_problem(http.get(f"/tasks/{task_id}"), 400)


@pytest.mark.criterion("AC-05", "AC-07")
@pytest.mark.read_only
def test_an_unknown_id_is_404(http):
    assert_helpful_problem(http.get(f"/tasks/{uuid4()}"), 404)


@pytest.mark.criterion("AC-03", "AC-07")
@pytest.mark.parametrize(
    "other", [{"circuit": GOOD + " "}, {"shots": 11}], ids=["another circuit", "other shots"]
)
def test_a_key_of_another_task_is_409_and_changes_nothing(api_client, db_client, other):
    task = {"circuit": GOOD, "shots": 10}
    first = api_client.submit_task(**task)
    headers = api_client.headers(first.key)
    refused = api_client.http.post("/tasks", json={**task, **other}, headers=headers)
    assert_helpful_problem(refused, 409)
    assert "Idempotency-Key" in refused.json()["detail"]
    stored = "SELECT circuit, shots FROM tasks WHERE correlation_id = %s"
    assert [dict(row) for row in db_client.sql.query(stored, [first.key])] == [task]


@pytest.mark.criterion("AC-42", "AC-73", "AC-74")
@pytest.mark.needs("worker")
@pytest.mark.parametrize(
    ("circuit", "says"),
    [
        pytest.param("OPENQASM 3; qubit q; frobnicate q; measure q;", "frobnicate", id="gate"),
        pytest.param("OPENQASM 3;\nqubit q;\nh q\nmeasure q;", "line 4", id="syntax"),
        pytest.param("OPENQASM 3; qubit[99] q; h q; measure q;", "99", id="too-wide"),
        pytest.param("OPENQASM 3; qubit q; h q;", "measure", id="nothing-measured"),
    ],
)
def test_a_circuit_that_cannot_run_fails_at_once_and_says_why(api_client, finished, circuit, says):
    task = finished(api_client.submit_task(circuit).task_id)
    assert task["status"] == "failed"
    assert task["result"] is None
    assert says in task["error_message"]
    assert [e["status"] for e in task["status_history"]] == ["pending", "processing", "failed"]


@pytest.mark.criterion("AC-42", "AC-73", "AC-74")
@pytest.mark.needs("worker")
def test_a_failed_circuit_does_not_stop_the_worker(api_client, finished, completed):
    assert finished(api_client.submit_task("nonsense").task_id)["status"] == "failed"
    completed(api_client.submit_task().task_id)
