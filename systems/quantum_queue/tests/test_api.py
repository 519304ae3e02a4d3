"""The API with its database and broker away: what it refuses, and how it says so."""

from __future__ import annotations

import json
import uuid
from typing import Any

import jsonschema
import pytest
from asgi import Reply, call

from quantum_queue.api.app import build_app
from quantum_queue.api.correlation import Correlation, choose_id
from quantum_queue.contracts.openapi import document
from quantum_queue.contracts.settings import Settings

TASK = b'{"circuit": "OPENQASM 3; qubit q; measure q;"}'
CURSOR = "0660b8a7e9839f1cdbac620dba45099aafb6a4d3b4235d"


@pytest.fixture
def app(settings: Settings) -> Correlation:
    return build_app(settings)


def conforms(reply: Reply, schema: str) -> None:
    """Hold a body against the document."""
    promised = document()
    reference = {"$ref": f"#/components/schemas/{schema}", "components": promised["components"]}
    jsonschema.Draft202012Validator(reference, format_checker=jsonschema.FormatChecker()).validate(
        reply.json
    )


def is_problem(reply: Reply, status: int) -> Any:
    assert reply.status == status
    assert reply.headers["content-type"] == "application/problem+json"
    conforms(reply, "Problem")
    assert reply.json["status"] == status
    assert reply.json["correlation_id"] == reply.headers["x-correlation-id"]
    return reply.json["detail"]


@pytest.mark.parametrize("body", [b"", b"{", b"{}", b'{"circuit": ""}', b'{"circuit": 1}'])
def test_an_invalid_task_is_refused(app: Correlation, body: bytes) -> None:
    assert is_problem(call(app, "POST", "/tasks", (body,)), 400)


def test_an_oversize_body_is_refused_however_it_arrives(app: Correlation) -> None:
    chunks = (b'{"circuit": "',) + (b"a" * 500_000,) * 5 + (b'"}',)
    assert "larger than 2097152" in is_problem(call(app, "POST", "/tasks", chunks), 400)


def test_a_body_that_stops_arriving_is_refused(app: Correlation) -> None:
    assert is_problem(call(app, "POST", "/tasks", ()), 400)


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "a\tb", "é"])
def test_an_unusable_idempotency_key_is_refused(app: Correlation, key: str) -> None:
    reply = call(app, "POST", "/tasks", (TASK,), {"Idempotency-Key": key})
    assert "Idempotency-Key" in is_problem(reply, 400)


def test_a_defect_of_ours_is_a_problem_without_details(
    app: Correlation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(body: bytes) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr("quantum_queue.api.app.parse", crash)
    reply = call(app, "POST", "/tasks", (TASK,), crashes=ZeroDivisionError)
    assert "secret" not in is_problem(reply, 500)


def test_without_a_database_a_task_is_not_accepted(app: Correlation) -> None:
    reply = call(app, "POST", "/tasks", (TASK,))
    assert "Idempotency-Key" in is_problem(reply, 503)
    assert reply.headers["retry-after"] == "1"


def test_without_a_database_a_task_is_not_unknown(app: Correlation) -> None:
    assert is_problem(call(app, "GET", f"/tasks/{uuid.uuid4()}"), 503)


@pytest.mark.parametrize("name", ["x", "1", uuid.uuid4().hex, f"{{{uuid.uuid4()}}}", "%00", "é"])
def test_a_task_id_that_is_no_uuid_is_refused(app: Correlation, name: str) -> None:
    assert "UUID" in is_problem(call(app, "GET", f"/tasks/{name}"), 400)


@pytest.mark.parametrize("path", ["/nothing", "/tasks/", "/tasks/a/b"])
def test_an_unknown_path_is_a_problem_too(app: Correlation, path: str) -> None:
    assert path in is_problem(call(app, "GET", path), 404)


def test_a_method_that_is_not_allowed_names_those_that_are(app: Correlation) -> None:
    reply = call(app, "DELETE", "/tasks")
    is_problem(reply, 405)
    assert set(reply.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}


@pytest.mark.parametrize("query", ["", "status=failed", "limit=1", f"cursor={CURSOR}"])
def test_without_a_database_there_is_no_list(app: Correlation, query: str) -> None:
    assert is_problem(call(app, "GET", "/tasks", query=query), 503)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("status=done", "completed"),
        ("status=", "completed"),
        ("limit=0", "1 to 100"),
        ("limit=101", "1 to 100"),
        ("limit=ten", "1 to 100"),
        ("limit=%D9%A3", "1 to 100"),
        ("limit=1&limit=1", "more than once"),
        ("cursor=", "cursor"),
        (f"cursor={CURSOR}0", "cursor"),
        (f"cursor={CURSOR.upper()}", "cursor"),
        (f"cursor={CURSOR}%0A", "cursor"),
        ("state=failed", "status, limit, cursor"),
    ],
)
def test_a_list_that_cannot_be_is_refused(app: Correlation, query: str, names: str) -> None:
    assert names in is_problem(call(app, "GET", "/tasks", query=query), 400)


def test_metrics_are_served(app: Correlation) -> None:
    reply = call(app, "GET", "/metrics")
    assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert b"quantum_queue_tasks_submitted_total 0.0" in reply.body
    assert b"process_resident_memory_bytes" in reply.body


def test_health_says_which_parts_are_away(app: Correlation) -> None:
    reply = call(app, "GET", "/health")
    assert reply.status == 503
    conforms(reply, "Health")
    assert reply.json["status"] == "unhealthy"
    assert reply.json["database_status"] == "disconnected"
    assert reply.json["queue_status"] == "disconnected"


def test_livez_needs_nothing(app: Correlation) -> None:
    reply = call(app, "GET", "/livez")
    assert reply.status == 200
    conforms(reply, "Alive")


def test_the_document_is_served(app: Correlation) -> None:
    assert call(app, "GET", "/openapi.json").json == json.loads(json.dumps(document()))


@pytest.mark.parametrize("path", ["/livez", "/health", "/nothing", "/tasks/x"])
def test_every_response_has_the_id_of_the_caller(app: Correlation, path: str) -> None:
    reply = call(app, "GET", path, headers={"X-Correlation-ID": "mine 1"})
    assert reply.headers["x-correlation-id"] == "mine 1"


def test_each_request_without_an_id_gets_a_new_one(app: Correlation) -> None:
    replies = [call(app, "GET", "/livez").headers["x-correlation-id"] for _ in range(2)]
    assert len({uuid.UUID(reply) for reply in replies}) == 2


@pytest.mark.parametrize("offered", [None, "", " ", "x" * 129, "a\nb", "é", " a", "a "])
def test_an_unusable_id_is_replaced(offered: str | None) -> None:
    assert uuid.UUID(choose_id(offered))
