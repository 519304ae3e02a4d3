"""Seatrial puts a multi-service deployment through its sea trials before traffic reaches it."""

__version__ = "0.1.0"
