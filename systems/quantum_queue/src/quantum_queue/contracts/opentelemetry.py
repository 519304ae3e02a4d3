"""Spans, made with the SDK of OpenTelemetry and sent as OTLP over HTTP.

Endpoint, headers, sampling, batching and resource attributes are read by the SDK itself, from the
variables that its documentation names. Importing this takes a third of a second: only tracing.py
does, and only where it is wanted.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from quantum_queue import __version__
from quantum_queue.contracts import journal
from quantum_queue.contracts.tracing import CARRIED, Carrier, Kind, Span, Value

_STOP_SECONDS = 1.0
_IDS = (("correlation_id", journal.correlation_id), ("task_id", journal.task_id))


class OpenTelemetry:
    """Makes spans and sends them in the background."""

    def __init__(self, service: str, environ: Mapping[str, str]) -> None:
        # Without the SDK's own hook at the end of the process, which may wait for half a minute.
        self._provider = TracerProvider(
            resource=_resource(service, environ), shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("quantum_queue", __version__)
        self._headers = TraceContextTextMapPropagator()

    @contextmanager
    def span(
        self, name: str, kind: Kind, parent: Carrier | None, attributes: Mapping[str, Value]
    ) -> Iterator[Span]:
        """Begin a span; what is raised in it is recorded, and its id is in the logs meanwhile."""
        above = None if parent is None else self._headers.extract(_usable(parent))
        ids = {key: value for key, ids in _IDS if (value := ids.get()) is not None}
        with self._tracer.start_as_current_span(
            name,
            context=above,
            kind=trace.SpanKind[kind.name],
            attributes={**ids, **attributes},
        ) as made:
            token = journal.trace_id.set(trace.format_trace_id(made.get_span_context().trace_id))
            try:
                yield _Span(made)
            finally:
                journal.trace_id.reset(token)

    def carrier(self) -> dict[str, str]:
        """Return the headers of the span that lasts."""
        found: dict[str, str] = {}
        self._headers.inject(found)
        return found

    def stop(self) -> None:
        """Flush in a thread of its own: a collector that hangs must not keep the service."""
        flushing = threading.Thread(target=self._provider.shutdown, daemon=True)
        flushing.start()
        flushing.join(_STOP_SECONDS)


class _Span:
    def __init__(self, made: trace.Span) -> None:
        self._made = made

    def rename(self, name: str) -> None:
        self._made.update_name(name)

    def note(self, name: str, value: Value) -> None:
        self._made.set_attribute(name, value)

    def fail(self, reason: str) -> None:
        self._made.set_status(trace.Status(trace.StatusCode.ERROR, reason))


def _resource(service: str, environ: Mapping[str, str]) -> Resource:
    """Return what all spans say of this process; the operator's own words go first."""
    ours = {SERVICE_NAME: f"quantum_queue.{service}", SERVICE_VERSION: __version__}
    theirs = environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    named = {part.split("=", 1)[0].strip() for part in theirs.split(",")}
    if environ.get("OTEL_SERVICE_NAME"):
        named.add(SERVICE_NAME)
    return Resource.create({key: value for key, value in ours.items() if key not in named})


def _usable(parent: Carrier) -> dict[str, str]:
    return {name: parent[name] for name in CARRIED if name in parent}
