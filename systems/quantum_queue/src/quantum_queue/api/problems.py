"""Errors as problem documents (RFC 9457)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from quantum_queue.contracts import journal

MEDIA_TYPE = "application/problem+json"
_log = logging.getLogger(__name__)


class Problem(Exception):
    """An error that the caller is told about."""

    def __init__(
        self, status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})


def invalid(detail: str) -> Problem:
    """Return the problem of a request that can never be served as it is."""
    return Problem(HTTPStatus.BAD_REQUEST, detail)


def render(problem: Problem) -> Response:
    """Return the response that describes `problem`."""
    document = {
        "type": "about:blank",
        "title": problem.status.phrase,
        "status": problem.status.value,
        "detail": problem.detail,
        "correlation_id": journal.correlation_id.get(),
    }
    return Response(
        msgspec.json.encode(document),
        status_code=problem.status.value,
        headers=problem.headers,
        media_type=MEDIA_TYPE,
    )


async def on_problem(request: Request, error: Exception) -> Response:
    """Answer a problem that one of our handlers raised."""
    assert isinstance(error, Problem)
    return render(error)


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Answer what the router refuses: an unknown path, a method that is not allowed."""
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    path = request.url.path[:200]
    details = {
        HTTPStatus.NOT_FOUND: f"There is nothing at {path}. See /openapi.json for what there is.",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{path} does not support {request.method[:20]}.",
    }
    return render(Problem(status, details.get(status, str(error.detail)), error.headers))


async def on_database_away(request: Request, error: Exception) -> Response:
    """Answer when the database is out of reach. The reason goes to the log, not to the caller."""
    _log.warning("database away", extra={"reason": str(error)})
    detail = "The database is out of reach; try again in a moment."
    if request.method == "POST":
        detail += " It is not known whether the task was stored: repeat the request with the"
        detail += " same Idempotency-Key and it cannot be stored twice."
    return render(Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": "1"}))


async def on_crash(request: Request, error: Exception) -> Response:
    """Answer a defect of ours, without its details."""
    detail = "An unexpected error; the log has more under the correlation id."
    return render(Problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail))
