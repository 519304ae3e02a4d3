"""A system's own drills: `drills/drill_*.py` beside its seatrial.yaml, each with a `DRILLS`."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

from seatrial.declaration.models import System
from seatrial.errors import UsageError
from seatrial.kinds.drill import Drill

FOLDER = "drills"


def own_drills(system: System) -> Sequence[Drill]:
    """Those that the system's files define. Raises UsageError, naming the file."""
    files = sorted((system.folder / FOLDER).glob("drill_*.py"))
    return tuple(drill for file in files for drill in _read(file))


def _read(file: Path) -> Sequence[Drill]:
    hint = "such a file holds DRILLS, a list of seatrial.kinds.drill.Drill"
    spec = importlib.util.spec_from_file_location(f"seatrial_own_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise UsageError(f"{file} cannot be read as a module", hint=hint)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UsageError(
            f"{file} cannot be read: {type(error).__name__}: {error}", hint=hint
        ) from error
    found = getattr(module, "DRILLS", None)
    if not isinstance(found, list | tuple) or not all(isinstance(one, Drill) for one in found):
        raise UsageError(f"{file} holds no DRILLS", hint=hint)
    return tuple(found)
