"""A task queue for quantum circuits: an HTTP API takes them, workers simulate them."""

__version__ = "0.1.0"
