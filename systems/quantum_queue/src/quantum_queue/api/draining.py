"""The moment before the end: everything is still answered, and nobody is kept."""

from __future__ import annotations


class Draining:
    """Whether this process is about to stop.

    From then on each answer closes its connection, and /health sends traffic elsewhere.
    """

    begun = False
