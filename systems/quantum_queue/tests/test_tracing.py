"""Spans: when they are wanted, how they hang together, and that they hold nothing up."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from asgi import call
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1 import trace_pb2

from quantum_queue.api.app import build_app
from quantum_queue.contracts import journal, tracing
from quantum_queue.contracts.settings import Settings
from quantum_queue.contracts.tracing import Kind

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
PARENT = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}


@dataclass
class Collector:
    """Takes OTLP over HTTP, and answers when it may."""

    url: str = ""
    requests: list[ExportTraceServiceRequest] = field(default_factory=list)
    may_answer: threading.Event = field(default_factory=threading.Event)

    def spans(self) -> dict[str, trace_pb2.Span]:
        return {
            span.name: span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        }

    def resource(self) -> dict[str, str]:
        (first, *_) = (one for request in self.requests for one in request.resource_spans)
        return {item.key: item.value.string_value for item in first.resource.attributes}


def attributes(span: trace_pb2.Span) -> dict[str, str | int]:
    return {item.key: item.value.string_value or item.value.int_value for item in span.attributes}


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    found = Collector()
    found.may_answer.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.requests.append(ExportTraceServiceRequest.FromString(body))
            found.may_answer.wait()
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv(ENDPOINT, f"http://127.0.0.1:{server.server_port}")
    yield found
    found.may_answer.set()
    tracing.stop()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, False),
        ({ENDPOINT: " "}, False),
        ({ENDPOINT: "http://c:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({ENDPOINT: "http://c", "OTEL_TRACES_EXPORTER": "none"}, False),
        ({ENDPOINT: "http://c", "OTEL_SDK_DISABLED": "True"}, False),
        ({ENDPOINT: "http://c", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, True),
    ],
)
def test_spans_are_made_where_the_usual_variables_ask(
    environ: dict[str, str], expected: bool, caplog: pytest.LogCaptureFixture
) -> None:
    assert tracing.wanted(environ) == expected
    assert not caplog.records


@pytest.mark.parametrize(
    ("name", "value"),
    [("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), ("OTEL_TRACES_EXPORTER", "console")],
)
def test_what_is_not_spoken_here_is_logged(
    name: str, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert not tracing.wanted({ENDPOINT: "http://c", name: value})
    assert name in caplog.records[0].getMessage()


@pytest.mark.criterion("AC-122")
def test_nothing_of_opentelemetry_is_imported_until_it_is_wanted() -> None:
    code = (
        "import sys; import quantum_queue.api.server, quantum_queue.worker.service;"
        "from quantum_queue.contracts import tracing; tracing.start('api', {});"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[1] / "src")},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert shown.stdout.strip() == "[]"


@pytest.mark.criterion("AC-122")
def test_without_a_tracer_nothing_is_carried() -> None:
    with tracing.span("x", Kind.SERVER, PARENT):
        assert tracing.carrier() == {}
        assert journal.trace_id.get() is None


def test_spans_hang_together_over_what_is_carried(collector: Collector) -> None:
    tracing.start("api", os.environ)
    with tracing.span("request", Kind.SERVER, PARENT):
        carried = tracing.carrier()
        assert journal.trace_id.get() == "a" * 32
    assert journal.trace_id.get() is None
    with tracing.span("later", Kind.CONSUMER, carried), tracing.span("within") as within:
        within.note("attempt", 2)
        within.fail("no luck")
    tracing.stop()
    spans = collector.spans()
    assert {span.trace_id.hex() for span in spans.values()} == {"a" * 32}
    assert spans["request"].parent_span_id.hex() == "b" * 16
    assert spans["later"].parent_span_id == spans["request"].span_id
    assert spans["within"].parent_span_id == spans["later"].span_id
    assert spans["later"].kind == trace_pb2.Span.SPAN_KIND_CONSUMER
    assert attributes(spans["within"]) == {"attempt": 2}
    assert spans["within"].status.message == "no luck"
    assert collector.resource()["service.name"] == "quantum_queue.api"


def test_the_operator_names_the_service(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "mine")
    tracing.start("api", os.environ)
    with tracing.span("x"):
        pass
    tracing.stop()
    assert collector.resource()["service.name"] == "mine"


def test_a_collector_that_hangs_does_not_keep_the_service(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "3600")
    collector.may_answer.clear()
    tracing.start("api", os.environ)
    with tracing.span("x"):
        pass
    stopping = threading.Thread(target=tracing.stop, daemon=True)
    stopping.start()
    stopping.join(20)
    stopped = not stopping.is_alive()
    collector.may_answer.set()
    assert stopped


def test_a_request_is_a_span_with_its_route_and_its_ids(
    collector: Collector, settings: Settings
) -> None:
    tracing.start("api", os.environ)
    headers = {"X-Correlation-ID": "mine", **PARENT}
    call(build_app(settings), "GET", "/tasks/t", headers=headers)
    call(build_app(settings), "GET", "/nothing")
    call(build_app(settings), "GET", "/livez")
    tracing.stop()
    spans = collector.spans()
    assert set(spans) == {"GET /tasks/{task_id}", "GET"}
    span = spans["GET /tasks/{task_id}"]
    assert span.trace_id.hex() == "a" * 32
    assert span.kind == trace_pb2.Span.SPAN_KIND_SERVER
    assert attributes(span) == {
        "correlation_id": "mine",
        "http.request.method": "GET",
        "url.path": "/tasks/t",
        "http.route": "/tasks/{task_id}",
        "http.response.status_code": 400,
    }
    assert spans["GET"].trace_id != span.trace_id


def test_the_log_of_a_request_has_its_trace(collector: Collector, settings: Settings) -> None:
    seen: list[str | None] = []

    class Seen(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(journal.trace_id.get())

    handler, log = Seen(), logging.getLogger("quantum_queue.api.correlation")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    tracing.start("api", os.environ)
    try:
        call(build_app(settings), "GET", "/nothing", headers=PARENT)
    finally:
        log.removeHandler(handler)
        log.setLevel(logging.NOTSET)
    assert seen == ["a" * 32]


def test_trouble_with_tracing_is_logged_and_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "quantum_queue.contracts.opentelemetry", None)
    tracing.start("api", {ENDPOINT: "http://c:4318"})
    assert "no traces" in caplog.text
    with tracing.span("x"):
        assert tracing.carrier() == {}
