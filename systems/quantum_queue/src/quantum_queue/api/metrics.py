"""What the API counts."""

from __future__ import annotations

from prometheus_client import Counter

from quantum_queue.contracts.metrics import PREFIX, new_registry, render


class Metrics:
    """The counters of one process."""

    def __init__(self) -> None:
        self.registry = new_registry()
        self.submitted = Counter(
            f"{PREFIX}_tasks_submitted",
            "Tasks that were accepted; repetitions with the same key are not.",
            registry=self.registry,
        )

    def render(self) -> bytes:
        """Return all values as Prometheus reads them."""
        return render(self.registry)
