"""What runs of a system, as its keepers know it: whoever only looks at it, or ends it, needs no
declaration, which may have been edited or removed since."""

from __future__ import annotations

from pathlib import Path

from seatrial.declaration.load import FILE_NAME
from seatrial.declaration.models import EnvironmentConfig, System
from seatrial.keeper.places import Place, deployments
from seatrial.keeper.state import RunningState, is_running, read_state


def running_in(folder_or_file: Path, name: str = "") -> tuple[RunningState, ...]:
    """The deployments of this name of the system in a folder, one an environment, by that."""
    given = folder_or_file / FILE_NAME if folder_or_file.is_dir() else folder_or_file
    folder = given.resolve().parent
    found = []
    for place in (Place(path.name) for path in deployments().iterdir() if path.is_dir()):
        state = read_state(place)
        if state is None or Path(state.system).parent != folder:
            continue
        if place == Place.of(folder, state.environment, name) and is_running(place):
            found.append(state)
    return tuple(sorted(found, key=lambda state: state.environment))


def as_it_runs(state: RunningState) -> System:
    """As much of the declaration as its keeper tells without being asked: no components."""
    file = Path(state.system)
    return System(
        name=state.name,
        folder=file.parent,
        file=file,
        components={},
        environment=state.environment,
        environments={
            state.environment: EnvironmentConfig.model_validate({"provider": state.provider})
        },
        python=None,
        digest=state.digest,
    )
