"""The application: its routes, and the tasks that run beside them."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from http import HTTPStatus

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quantum_queue.api import listing, problems
from quantum_queue.api.correlation import Correlation
from quantum_queue.api.draining import Draining
from quantum_queue.api.health import Health
from quantum_queue.api.metrics import Metrics
from quantum_queue.api.problems import Problem, invalid
from quantum_queue.api.publisher import Publisher
from quantum_queue.api.relay import Relay
from quantum_queue.api.rescue import Rescue
from quantum_queue.api.submission import idempotency_key, parse, read_body
from quantum_queue.api.tasks import Tasks
from quantum_queue.contracts import journal
from quantum_queue.contracts.database import Database, DatabaseAway
from quantum_queue.contracts.metrics import CONTENT_TYPE
from quantum_queue.contracts.openapi import document
from quantum_queue.contracts.settings import Settings
from quantum_queue.web import page

ACCEPTED = "Task submitted successfully."
STOPPING = "The API is stopping; send requests elsewhere."
_CONNECTIONS = 10
_STOP_SECONDS = 3.0
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Service:
    """Everything that lives as long as the process, and the handlers that use it."""

    def __init__(self, settings: Settings, draining: Draining) -> None:
        url = settings.database_url
        self._requests = Database(url, _CONNECTIONS, "quantum_queue.api")
        # Connections of their own: neither may wait behind a rush of requests.
        self._health_database = Database(url, 1, "quantum_queue.api.health")
        self._relay_database = Database(url, 2, "quantum_queue.api.relay")
        self._tasks = Tasks(self._requests)
        self._publisher = Publisher(settings, self._on_broker_connected)
        self._relay = Relay(self._relay_database, self._publisher)
        self._rescue = Rescue(self._relay_database, self._publisher, self._relay)
        self._health = Health(self._health_database, self._publisher)
        self._metrics = Metrics()
        self._draining = draining
        self._openapi = msgspec.json.encode(document())

    def _on_broker_connected(self) -> None:
        self._relay.wake()

    @asynccontextmanager
    async def running(self, app: Starlette) -> AsyncIterator[None]:
        """Run what works beside the requests, and stop it in order."""
        background = [
            asyncio.create_task(part.run()) for part in (self._publisher, self._relay, self._rescue)
        ]
        try:
            yield
        finally:
            for task in background:
                task.cancel()
            await asyncio.wait(background, timeout=_STOP_SECONDS)
            for database in (self._requests, self._health_database, self._relay_database):
                await database.close()

    async def tasks(self, request: Request) -> Response:
        """Answer /tasks: one route, so that a method that is not allowed is told of both."""
        return await (self.submit if request.method == "POST" else self.page)(request)

    async def submit(self, request: Request) -> Response:
        """POST /tasks."""
        key = idempotency_key(request)
        submission = parse(await read_body(request))
        receipt = await self._tasks.submit(submission, journal.correlation_id.get() or "", key)
        journal.task_id.set(str(receipt.task_id))
        if receipt.is_new:
            self._metrics.submitted.inc()
            self._relay.wake()
        return _json(
            {
                "task_id": receipt.task_id,
                "message": ACCEPTED,
                "submitted_at": receipt.submitted_at,
            }
        )

    async def page(self, request: Request) -> Response:
        """GET /tasks."""
        return _json(await self._tasks.page(listing.parse(request.query_params)))

    async def show(self, request: Request) -> Response:
        """GET /tasks/{task_id}."""
        text = request.path_params["task_id"]
        if not _UUID.fullmatch(text):
            raise invalid("The task id is not a UUID such as 0b6f4b1e-6c52-4d6c-8a1e-3f3f5a1e9d70.")
        journal.task_id.set(text.lower())
        task = await self._tasks.find(uuid.UUID(text))
        if task is None:
            raise Problem(HTTPStatus.NOT_FOUND, f"There is no task {text.lower()}.")
        return _json(task)

    async def health(self, request: Request) -> Response:
        """GET /health."""
        report = await self._health.report()
        if self._draining.begun:
            report = replace(report, status="unhealthy", detail=STOPPING)
        status = HTTPStatus.OK if report.is_healthy else HTTPStatus.SERVICE_UNAVAILABLE
        return _json(asdict(report), status)

    async def alive(self, request: Request) -> Response:
        """GET /livez."""
        return _json({"status": "alive"})

    async def metrics(self, request: Request) -> Response:
        """GET /metrics."""
        return Response(self._metrics.render(), headers={"Content-Type": CONTENT_TYPE})

    async def openapi(self, request: Request) -> Response:
        """GET /openapi.json."""
        return Response(self._openapi, media_type="application/json")


def build_app(settings: Settings, draining: Draining | None = None) -> Correlation:
    """Put the application together; nothing is connected before it runs."""
    draining = draining or Draining()
    service = Service(settings, draining)
    app = Starlette(
        routes=[
            Route("/tasks", service.tasks, methods=["GET", "POST"]),
            Route("/tasks/{task_id}", service.show),
            Route("/health", service.health),
            Route("/livez", service.alive),
            Route("/metrics", service.metrics),
            Route("/openapi.json", service.openapi),
            *page.routes(),
        ],
        exception_handlers={
            Problem: problems.on_problem,
            HTTPException: problems.on_http_exception,
            DatabaseAway: problems.on_database_away,
            Exception: problems.on_crash,
        },
        lifespan=service.running,
    )
    # A redirect would lose the body of a POST; an unknown path is answered as such.
    app.router.redirect_slashes = False
    return Correlation(app, draining)


def _json(content: object, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(
        msgspec.json.encode(content), status_code=status.value, media_type="application/json"
    )
