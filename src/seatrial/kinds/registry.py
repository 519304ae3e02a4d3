"""All kinds: every folder beside this module that defines `KIND`."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from seatrial.kinds.base import Kind


def _discover() -> dict[str, Kind]:
    folders = sorted(p.parent.name for p in Path(__file__).parent.glob("*/__init__.py"))
    found = (import_module(f"seatrial.kinds.{folder}").KIND for folder in folders)
    return {kind.name: kind for kind in found}


KINDS: dict[str, Kind] = _discover()
