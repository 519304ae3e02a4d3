"""The OpenAPI document of the API: what it promises, for people and for programs."""

from __future__ import annotations

from typing import Any

from quantum_queue import __version__
from quantum_queue.contracts.words import (
    CURSOR_PATTERN,
    DEFAULT_PAGE,
    DEFAULT_SHOTS,
    MAX_PAGE,
    MAX_SHOTS,
    MIN_SHOTS,
    TaskStatus,
)

Schema = dict[str, Any]

_BELL = "OPENQASM 3; qubit[2] q; h q[0]; cx q[0], q[1]; measure q;"
_TIME: Schema = {"type": "string", "format": "date-time"}
_ID: Schema = {"type": "string", "format": "uuid"}
_STATUS: Schema = {"type": "string", "enum": [status.value for status in TaskStatus]}

_CURSOR: Schema = {"type": "string", "pattern": CURSOR_PATTERN}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _object(properties: dict[str, Schema], required: list[str] | None = None) -> Schema:
    """Return a closed object, all of whose properties are required unless told otherwise."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else required,
        "additionalProperties": False,
    }


def _schemas() -> dict[str, Schema]:
    submission = _object(
        {
            "circuit": {
                "type": "string",
                "minLength": 1,
                # At least one character that is not blank, and no NUL.
                "pattern": r"^[^\u0000]*[^\s\u0000][^\u0000]*$",
                "description": "An OpenQASM 3 program.",
                "examples": [_BELL],
            },
            "shots": {
                "type": "integer",
                "minimum": MIN_SHOTS,
                "maximum": MAX_SHOTS,
                "default": DEFAULT_SHOTS,
            },
        },
        required=["circuit"],
    )
    entry = _object(
        {"status": _STATUS, "transitioned_at": _TIME, "notes": _or_null({"type": "string"})}
    )
    counts: Schema = {
        "type": "object",
        "description": "From bit string, most significant bit left, to count.",
        "propertyNames": {"pattern": "^[01]+$"},
        "additionalProperties": {"type": "integer", "minimum": 1},
    }
    return {
        "Submission": submission,
        "Receipt": _object({"task_id": _ID, "message": {"type": "string"}, "submitted_at": _TIME}),
        "StatusEntry": entry,
        "Task": _object(
            {
                "task_id": _ID,
                "status": _STATUS,
                "message": {"type": "string"},
                "submitted_at": _TIME,
                "completed_at": _or_null(_TIME),
                "result": _or_null(counts),
                "error_message": _or_null({"type": "string"}),
                "status_history": {
                    "type": "array",
                    "minItems": 1,
                    "items": _reference("StatusEntry"),
                    "description": "Oldest first.",
                },
            }
        ),
        "Page": _page_schema(),
        "Health": _health_schema(),
        "Alive": _object({"status": {"const": "alive"}}),
        "Problem": _problem_schema(),
    }


def _page_schema() -> Schema:
    summary = _object(
        {
            "task_id": _ID,
            "status": _STATUS,
            "message": {"type": "string"},
            "submitted_at": _TIME,
            "completed_at": _or_null(_TIME),
        }
    )
    return _object(
        {
            "tasks": {"type": "array", "maxItems": MAX_PAGE, "items": summary},
            "next_cursor": {**_or_null(_CURSOR), "description": "Null on the last page."},
        }
    )


def _health_schema() -> Schema:
    connected: Schema = {"type": "string", "enum": ["connected", "disconnected"]}
    revision = _object({"found": _or_null({"type": "string"}), "expected": {"type": "string"}})
    return _object(
        {
            "status": {"type": "string", "enum": ["healthy", "degraded", "unhealthy"]},
            "database_status": connected,
            "queue_status": connected,
            "version": {"type": "string"},
            "schema_version": revision,
            "detail": {"type": "string"},
        }
    )


def _problem_schema() -> Schema:
    properties: dict[str, Schema] = {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "correlation_id": {"type": ["string", "null"]},
    }
    return {
        "type": "object",
        "properties": properties,
        "required": ["type", "title", "status", "detail"],
    }


def _reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _response(description: str, schema: Schema, media: str = "application/json") -> Schema:
    return {
        "description": description,
        "headers": {"X-Correlation-ID": {"$ref": "#/components/headers/CorrelationId"}},
        "content": {media: {"schema": schema}},
    }


def _problem(description: str) -> Schema:
    return _response(description, _reference("Problem"), "application/problem+json")


def _operation(name: str, summary: str, responses: dict[str, Schema], **more: Any) -> Schema:
    parameters = [{"$ref": "#/components/parameters/CorrelationId"}, *more.pop("parameters", [])]
    return {
        "operationId": name,
        "summary": summary,
        "parameters": parameters,
        "responses": responses,
        **more,
    }


def _submit() -> Schema:
    responses = {
        "200": _response("Accepted, or accepted before.", _reference("Receipt")),
        "400": _problem("The request is not valid; nothing was stored."),
        "409": _problem("The idempotency key belongs to a different task."),
        "503": _problem("The database is out of reach."),
    }
    responses["200"]["links"] = {
        "show": {"operationId": "showTask", "parameters": {"task_id": "$response.body#/task_id"}}
    }
    body = {
        "required": True,
        "content": {
            "application/json": {
                "schema": _reference("Submission"),
                "example": {"circuit": _BELL, "shots": DEFAULT_SHOTS},
            }
        },
    }
    key = {"$ref": "#/components/parameters/IdempotencyKey"}
    return _operation(
        "submitTask", "Submit a circuit", responses, parameters=[key], requestBody=body
    )


def _show() -> Schema:
    responses = {
        "200": _response("The task as it is now.", _reference("Task")),
        "400": _problem("The task id is not a UUID."),
        "404": _problem("There is no such task."),
        "503": _problem("The database is out of reach."),
    }
    task_id = {"name": "task_id", "in": "path", "required": True, "schema": _ID}
    return _operation("showTask", "Show a task", responses, parameters=[task_id])


def _list() -> Schema:
    responses = {
        "200": _response("Tasks, newest first.", _reference("Page")),
        "400": _problem("A parameter is unknown, or its value is not valid."),
        "503": _problem("The database is out of reach."),
    }
    limit: Schema = {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": DEFAULT_PAGE}
    parameters = [
        _query("status", "Only tasks in this state.", _STATUS),
        _query("limit", "How many tasks a page has at most.", limit),
        _query("cursor", "Where the page begins: `next_cursor` of the one before.", _CURSOR),
    ]
    return _operation("listTasks", "List tasks", responses, parameters=parameters)


def _query(name: str, description: str, schema: Schema) -> Schema:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": schema,
    }


def _parameters() -> dict[str, Schema]:
    return {
        "CorrelationId": {
            "name": "X-Correlation-ID",
            "in": "header",
            "required": False,
            "description": "Returned, sent along and logged; one that is not usable is replaced.",
            "schema": {"type": "string"},
        },
        "IdempotencyKey": {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "Repeating a request with its key returns the first answer.",
            "schema": {
                "type": "string",
                "minLength": 1,
                "maxLength": 255,
                "pattern": r"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$",
            },
        },
    }


def document() -> Schema:
    """Return the OpenAPI document."""
    health = {
        "200": _response("Everything is in order.", _reference("Health")),
        "503": _response("Something is out of order; see which.", _reference("Health")),
    }
    alive = {"200": _response("The process runs.", _reference("Alive"))}
    itself = {"200": _response("This document.", {"type": "object"})}
    metrics = {"200": _response("For Prometheus.", {"type": "string"}, "text/plain")}
    header: Schema = {"description": "The id of this request.", "schema": {"type": "string"}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Quantum task queue",
            "version": __version__,
            "description": "Submit quantum circuits, and read the counts when they are done.",
        },
        "paths": {
            "/tasks": {"get": _list(), "post": _submit()},
            "/tasks/{task_id}": {"get": _show()},
            "/health": {"get": _operation("health", "Tell the state of all parts", health)},
            "/livez": {"get": _operation("alive", "Tell that the process runs", alive)},
            "/metrics": {"get": _operation("metrics", "Return the metrics", metrics)},
            "/openapi.json": {"get": _operation("openapi", "Return this document", itself)},
        },
        "components": {
            "schemas": _schemas(),
            "parameters": _parameters(),
            "headers": {"CorrelationId": {**header, "required": True}},
        },
    }
