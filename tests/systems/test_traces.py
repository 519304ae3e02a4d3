"""One trace leads from a request to its result, although an outbox and a broker lie between."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from seatrial.waiting import eventually

from .conftest import Change, Queue

BELL = "OPENQASM 3; qubit[2] q; h q[0]; cx q[0], q[1]; measure q;"
TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@dataclass(frozen=True)
class Seen:
    """A span, as it came over the wire."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    attributes: dict[str, str]


@dataclass
class Collector:
    """Receives OTLP over HTTP."""

    url: str
    seen: list[Seen] = field(default_factory=list)

    def take(self, body: bytes) -> None:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
            ExportTraceServiceRequest,
        )

        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            about = texts(resource.resource.attributes)
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.seen.append(
                        Seen(
                            about["service.name"],
                            span.name,
                            span.trace_id.hex(),
                            span.span_id.hex(),
                            span.parent_span_id.hex(),
                            texts(span.attributes),
                        )
                    )

    def trace(self, trace: str) -> dict[str, Seen]:
        return {span.name: span for span in list(self.seen) if span.trace == trace}


def texts(attributes: Any) -> dict[str, str]:
    return {item.key: item.value.string_value for item in attributes}


@pytest.fixture
def collector() -> Iterator[Collector]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.take(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found = Collector(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield found
        server.shutdown()
        thread.join()


@pytest.fixture
def traced(declared: Callable[[Change], Queue], collector: Collector) -> Queue:
    """The queue, whose API and worker are told to send their spans to the collector."""

    def change(declaration: dict[str, Any]) -> None:
        for component in ("api", "worker"):
            env = declaration["components"][component]["env"]
            env["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.url
            env["OTEL_BSP_SCHEDULE_DELAY"] = "100"

    queue = declared(change)
    came_up = queue.seatrial("up")
    assert came_up.code == 0, came_up.err
    return queue


@pytest.mark.criterion("AC-121")
def test_one_trace_from_the_request_to_the_result(traced: Queue, collector: Collector) -> None:
    url = traced.seatrial("endpoints").document["api"]["http"]
    headers = {"traceparent": f"00-{TRACE}-{CALLER}-01", "X-Correlation-ID": "followed"}
    with httpx.Client(base_url=url, trust_env=False) as api:
        task = api.post("/tasks", json={"circuit": BELL}, headers=headers).json()["task_id"]
        eventually(
            lambda: api.get(f"/tasks/{task}").json()["status"],
            lambda status: status == "completed",
            timeout=30,
        )
    wanted = {"POST /tasks", "publish task", "process task", "simulate", "store outcome"}
    spans = eventually(
        lambda: collector.trace(TRACE), lambda spans: wanted <= set(spans), timeout=30
    )
    assert set(spans) == wanted

    way = [spans[name] for name in ("POST /tasks", "publish task", "process task")]
    assert [span.parent for span in way] == [CALLER, way[0].id, way[1].id]
    assert {spans[name].parent for name in ("simulate", "store outcome")} == {way[2].id}
    assert [span.service for span in way] == [
        "quantum_queue.api",
        "quantum_queue.api",
        "quantum_queue.worker",
    ]
    assert {span.attributes["correlation_id"] for span in spans.values()} == {"followed"}
    assert {span.attributes["task_id"] for span in spans.values()} == {task}

    log = traced.seatrial("logs", "worker").out
    completed = next(line for line in log.splitlines() if "task completed" in line)
    assert TRACE in completed
    assert "followed" in completed
