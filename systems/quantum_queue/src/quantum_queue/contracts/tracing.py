"""Spans of OpenTelemetry, where the usual OTEL_* variables ask for them.

Where they do not, every call here does nothing, and nothing of OpenTelemetry is imported. What a
span belongs to travels as the headers of W3C Trace Context: with the task in the database, since
an outbox lies between who submits and who publishes, and with the message.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from enum import StrEnum
from typing import Protocol

Value = str | int | float | bool
Carrier = Mapping[str, str]
"""The headers `traceparent` and perhaps `tracestate`; empty where there is no trace."""

CARRIED = ("traceparent", "tracestate")
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_SPOKEN = "http/protobuf"
_log = logging.getLogger(__name__)


class Kind(StrEnum):
    """What a span is in its trace."""

    SERVER = "server"
    PRODUCER = "producer"
    CONSUMER = "consumer"
    INTERNAL = "internal"


class Span(Protocol):
    """One step of a trace, while it lasts."""

    def rename(self, name: str) -> None:
        """Give it the name that was not known when it began."""

    def note(self, name: str, value: Value) -> None:
        """Set an attribute."""

    def fail(self, reason: str) -> None:
        """Say that the step went wrong."""


class Tracer(Protocol):
    """What makes spans."""

    def span(
        self, name: str, kind: Kind, parent: Carrier | None, attributes: Mapping[str, Value]
    ) -> AbstractContextManager[Span]:
        """Begin a span, below `parent`, or else below the one that lasts."""

    def carrier(self) -> dict[str, str]:
        """Return what a later span needs to be below the one that lasts."""

    def stop(self) -> None:
        """Send what was not sent, but do not wait long for it."""


class _NoSpan:
    def rename(self, name: str) -> None:
        pass

    def note(self, name: str, value: Value) -> None:
        pass

    def fail(self, reason: str) -> None:
        pass


class _NoTracer:
    @contextmanager
    def span(
        self, name: str, kind: Kind, parent: Carrier | None, attributes: Mapping[str, Value]
    ) -> Iterator[Span]:
        yield _NO_SPAN

    def carrier(self) -> dict[str, str]:
        return {}

    def stop(self) -> None:
        pass


_NO_SPAN = _NoSpan()
_tracer: Tracer = _NoTracer()


def wanted(environ: Mapping[str, str]) -> bool:
    """Tell whether the environment asks for spans, and log why not where that may surprise."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    exporter = environ.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if exporter not in ("", "otlp"):
        if exporter != "none":
            _log.warning("no traces: OTEL_TRACES_EXPORTER is neither otlp nor none")
        return False
    if not exporter and not any(environ.get(name, "").strip() for name in _ENDPOINTS):
        return False
    for name in _PROTOCOLS:
        if protocol := environ.get(name, "").strip():
            if protocol != _SPOKEN:
                _log.warning("no traces: %s is not %s", name, _SPOKEN)
            return protocol == _SPOKEN
    return True


def start(service: str, environ: Mapping[str, str]) -> None:
    """Make spans from now on if the environment asks for them.

    Trouble with it is logged: that nobody can watch is no reason not to work.
    """
    global _tracer
    if not wanted(environ):
        return
    try:
        from quantum_queue.contracts.opentelemetry import OpenTelemetry

        _tracer = OpenTelemetry(service, environ)
    except Exception:
        _log.exception("no traces")


def stop() -> None:
    """Send what was not sent, but do not wait long for it; make no more spans."""
    global _tracer
    _tracer.stop()
    _tracer = _NoTracer()


def span(
    name: str,
    kind: Kind = Kind.INTERNAL,
    parent: Carrier | None = None,
    attributes: Mapping[str, Value] | None = None,
) -> AbstractContextManager[Span]:
    """Begin a span, below `parent`, or else below the one that lasts."""
    return _tracer.span(name, kind, parent, attributes or {})


def carrier() -> dict[str, str]:
    """Return what a later span needs to be below the one that lasts; empty without a trace."""
    return _tracer.carrier()
