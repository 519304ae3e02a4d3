"""Open files: each connection through a proxy takes two of the keeper's.

So the keeper may open as many as the system allows, while what it starts gets the limit that its
user has: a program that leaks them must meet that limit here as it would elsewhere.
"""

from __future__ import annotations

import contextlib
import resource

_LIMITS = resource.getrlimit(resource.RLIMIT_NOFILE)


def raise_limit() -> None:
    """For this process."""
    _, hard = _LIMITS
    with contextlib.suppress(ValueError, OSError):  # macOS knows a lower one
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def restore_limit(pid: int) -> None:
    """For a child, as this process had it."""
    if hasattr(resource, "prlimit"):  # Linux
        with contextlib.suppress(ProcessLookupError, PermissionError):
            resource.prlimit(pid, resource.RLIMIT_NOFILE, _LIMITS)
