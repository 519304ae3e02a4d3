from __future__ import annotations

import uuid
from datetime import UTC, datetime

import jsonschema
import msgspec
import pytest
from openapi_spec_validator import validate
from starlette.applications import Starlette
from starlette.routing import Route

from quantum_queue.api.app import build_app
from quantum_queue.api.tasks import TaskView
from quantum_queue.contracts.openapi import Schema, document
from quantum_queue.contracts.settings import Settings
from quantum_queue.contracts.words import TaskStatus


def validator(schema: str) -> jsonschema.Draft202012Validator:
    reference = {
        "$ref": f"#/components/schemas/{schema}",
        "components": document()["components"],
    }
    return jsonschema.Draft202012Validator(reference, format_checker=jsonschema.FormatChecker())


def test_the_document_is_valid() -> None:
    validate(document())


def test_every_route_is_documented_and_nothing_else(settings: Settings) -> None:
    app = build_app(settings)._app
    assert isinstance(app, Starlette)
    routes = {
        (route.path, method.lower())
        for route in app.routes
        if isinstance(route, Route) and route.include_in_schema
        for method in route.methods or ()
        if method != "HEAD"
    }
    paths: dict[str, Schema] = document()["paths"]
    assert routes == {(path, method) for path, item in paths.items() for method in item}


def test_every_response_promises_the_correlation_id() -> None:
    for item in document()["paths"].values():
        for operation in item.values():
            for response in operation["responses"].values():
                assert "X-Correlation-ID" in response["headers"]


@pytest.mark.parametrize("result", [b"null", b'{"00": 510, "11": 514}'])
def test_a_task_as_it_is_shown_conforms(result: bytes) -> None:
    view = TaskView(
        task_id=uuid.uuid4(),
        status=TaskStatus.PENDING,
        message="m",
        submitted_at=datetime.now(UTC),
        completed_at=None,
        result=msgspec.Raw(result),
        error_message=None,
        status_history=msgspec.Raw(
            b'[{"status":"pending","transitioned_at":"2026-01-01T00:00:00.5Z","notes":null}]'
        ),
    )
    validator("Task").validate(msgspec.json.decode(msgspec.json.encode(view)))


@pytest.mark.parametrize(
    ("circuit", "valid"), [("a", True), ("", False), (" \n", False), ("\x00", False)]
)
def test_the_schema_of_a_circuit_agrees_with_what_is_accepted(circuit: str, valid: bool) -> None:
    assert validator("Submission").is_valid({"circuit": circuit}) == valid
