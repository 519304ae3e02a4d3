"""Durations, sizes and shares as people write them: "200ms", "64KB", "25%"."""

from __future__ import annotations

import re
from collections.abc import Mapping

_WRITTEN = re.compile(r"\s*(\d+(?:\.\d+)?|\.\d+)\s*([A-Za-z%]*)\s*")
_SECONDS = {"": 1.0, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_OCTETS = {
    "": 1.0,
    "b": 1.0,
    "kb": 1e3,
    "mb": 1e6,
    "gb": 1e9,
    "kib": 1024.0,
    "mib": 1024.0**2,
    "gib": 1024.0**3,
}
_SHARES = {"": 1.0, "%": 0.01}


def seconds(value: object) -> float:
    """`200ms`, `1.5 s`, `2min`, `1h`, or a number of seconds. Raises ValueError."""
    return _read(value, _SECONDS, "a duration such as 200ms, 1.5s or 2min")


def octets(value: object) -> float:
    """`500`, `64KB`, `1MiB`, in bytes. Raises ValueError."""
    return _read(value, _OCTETS, "a number of bytes such as 500, 64KB or 1MiB")


def share(value: object) -> float:
    """`25%`, or 0.25. Raises ValueError."""
    return _read(value, _SHARES, "a share such as 25% or 0.25")


def _read(value: object, units: Mapping[str, float], wanted: str) -> float:
    number, unit = value, ""
    if isinstance(value, str):
        found = _WRITTEN.fullmatch(value)
        number, unit = (float(found[1]), found[2].lower()) if found else (None, "")
    if isinstance(number, bool) or not isinstance(number, int | float) or unit not in units:
        raise ValueError(f"{value!r} is not {wanted}")
    if not 0 <= number < float("inf"):
        raise ValueError(f"{value!r} is not {wanted}: it is negative or endless")
    return float(number) * units[unit]


def in_seconds(value: float) -> str:
    """A duration for people: `200 ms`, `1.5 s`."""
    return f"{value * 1000:g} ms" if 0 < value < 1 else f"{value:g} s"
