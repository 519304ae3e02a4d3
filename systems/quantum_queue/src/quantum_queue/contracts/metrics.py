"""What the metrics of both services have in common; each counts for its own process."""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

PREFIX = "quantum_queue"
CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


def new_registry() -> CollectorRegistry:
    """Return a registry that already knows the process: its memory, processor time and files."""
    # A gauge beside each counter that says when it was made: twice the series, and nobody asks.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return registry


def render(registry: CollectorRegistry) -> bytes:
    """Return all values as Prometheus reads them."""
    return generate_latest(registry)
