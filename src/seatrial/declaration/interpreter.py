"""Which Python runs a system's programs and trials."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from seatrial.declaration.models import System
from seatrial.errors import UsageError


def interpreter(system: System) -> str:
    """The key `python:`, else the system's own `.venv`, else `python3` on PATH.

    Never the interpreter that Seatrial itself happens to run in. Raises UsageError.
    """
    if system.python is not None:
        # Not resolved: a virtual environment's python is a link whose place is what matters.
        path = Path(os.path.normpath(system.folder / system.python))
        found = str(path) if "/" in system.python else shutil.which(system.python)
        if found is None or not os.access(found, os.X_OK):
            raise UsageError(
                f"{system.file}: python: {system.python} is not an executable program",
                hint="correct `python:`, or leave it out to use the system's .venv or PATH",
            )
        return found
    own = system.folder / ".venv" / "bin" / "python"
    if os.access(own, os.X_OK):
        return str(own)
    found = shutil.which("python3") or shutil.which("python")
    if found is None:
        raise UsageError(
            f"no python for {system.name}: no .venv in {system.folder}, none on PATH",
            hint="make a virtual environment there, or set `python:`",
        )
    return found
