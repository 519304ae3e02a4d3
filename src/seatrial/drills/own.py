"""A system's own drills: `drills/drill_*.py` beside its seatrial.yaml.

Each has a list `DRILLS`, and may have `VARIABLES`: values of the ${VAR} in the declaration, for the
deployment that is drilled, where the environment does not say otherwise; and `TRIALS`: by the name
of a standard drill, or a pattern, the trials that must fail where no check of this system can know.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path

from seatrial.errors import UsageError
from seatrial.kinds.drill import Drill

FOLDER = "drills"


@dataclass(frozen=True)
class Own:
    drills: tuple[Drill, ...]
    variables: Mapping[str, str]
    trials: Mapping[str, tuple[str, ...]]

    def noticed_by(self, standard: Sequence[Drill]) -> tuple[Drill, ...]:
        """The standard drills, with the trials that notice them. Raises UsageError where a name or
        pattern fits none of them."""
        known = [drill.name for drill in standard]
        for pattern in self.trials:
            if not any(fnmatchcase(name, pattern) for name in known):
                near = get_close_matches(pattern, known, n=1)
                raise UsageError(
                    f"TRIALS: there is no standard drill {pattern!r}",
                    hint=f"did you mean {near[0]}?" if near else "seatrial drill --list",
                )
        return tuple(map(self._noticed_by, standard))

    def _noticed_by(self, drill: Drill) -> Drill:
        for pattern, trials in self.trials.items():
            if fnmatchcase(drill.name, pattern):
                return replace(drill, trials=trials)
        return drill


def read_own(system_folder: Path) -> Own:
    """What the system's files define. Raises UsageError, naming the file."""
    files = sorted((system_folder / FOLDER).glob("drill_*.py"))
    read = [_read(file) for file in files]
    variables = {name: value for one in read for name, value in one.variables.items()}
    trials = {name: value for one in read for name, value in one.trials.items()}
    return Own(tuple(drill for one in read for drill in one.drills), variables, trials)


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
    trials = getattr(module, "TRIALS", {})
    if not isinstance(trials, dict) or not all(map(_are_names, trials.values())):
        raise UsageError(f"{file}: TRIALS is no mapping of drills to names of trials", hint=_TRIALS)
    return Own(tuple(found), variables, {name: tuple(value) for name, value in trials.items()})


_TRIALS = 'such as {"worker.DATABASE_URL.*": ("test_an_order_is_completed",)}'


def _are_names(value: object) -> bool:
    if not isinstance(value, list | tuple) or not value:
        return False
    return all(isinstance(one, str) for one in value)
