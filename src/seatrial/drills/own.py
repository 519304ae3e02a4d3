"""A system's own drills: `drills/drill_*.py` beside its seatrial.yaml.

Each has a list `DRILLS`, and may have `VARIABLES`: values of the ${VAR} in the declaration, for the
deployment that is drilled, where the environment does not say otherwise.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from seatrial.errors import UsageError
from seatrial.kinds.drill import Drill

FOLDER = "drills"


@dataclass(frozen=True)
class Own:
    drills: tuple[Drill, ...]
    variables: Mapping[str, str]


def read_own(system_folder: Path) -> Own:
    """What the system's files define. Raises UsageError, naming the file."""
    files = sorted((system_folder / FOLDER).glob("drill_*.py"))
    read = [_read(file) for file in files]
    variables = {name: value for one in read for name, value in one.variables.items()}
    return Own(tuple(drill for one in read for drill in one.drills), variables)


def _read(file: Path) -> Own:
    hint = "such a file holds DRILLS, a list of seatrial.kinds.drill.Drill"
    spec = importlib.util.spec_from_file_location(f"seatrial_own_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise UsageError(f"{file} cannot be read as a module", hint=hint)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        raise UsageError(f"{file} cannot be read: {said}", hint=hint) from error
    found, variables = getattr(module, "DRILLS", None), getattr(module, "VARIABLES", {})
    if not isinstance(found, list | tuple) or not all(isinstance(one, Drill) for one in found):
        raise UsageError(f"{file} holds no DRILLS", hint=hint)
    if not isinstance(variables, dict) or not all(isinstance(v, str) for v in variables.values()):
        raise UsageError(f"{file}: VARIABLES is no mapping of texts", hint=hint)
    return Own(tuple(found), variables)
