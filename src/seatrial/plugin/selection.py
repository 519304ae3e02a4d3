"""Which of the collected items are trials, and which trials this session runs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from seatrial.declaration.models import System
from seatrial.outcome import Priority
from seatrial.plugin.marks import Marks, marks_of

MARKS = pytest.StashKey[Marks]()  # of a trial; other items have none


def trials_folder(system: System) -> Path:
    return (system.folder / system.trials).resolve()


def is_trial(path: Path, system: System) -> bool:
    """Whether a file lies in the system's folder of trials; its other tests are left alone."""
    return path.resolve().is_relative_to(trials_folder(system))


def prepare(items: Iterable[pytest.Item], system: System) -> None:
    """Read the markers of all trials, and give each the marker of its priority for `-m p1`.

    Raises pytest.UsageError.
    """
    files: dict[Path, bool] = {}
    for item in items:
        if item.path not in files:
            files[item.path] = is_trial(item.path, system)
        if files[item.path]:
            marks = marks_of(item, system.components)
            item.stash[MARKS] = marks
            if item.get_closest_marker(marks.priority) is None:
                item.add_marker(marks.priority.value)


def select(config: pytest.Config, items: list[pytest.Item], wanted: Iterable[Priority]) -> None:
    """Keep the trials of these priorities; the others count as deselected."""
    priorities = set(wanted)
    dropped = [i for i in items if MARKS in i.stash and i.stash[MARKS].priority not in priorities]
    if dropped:
        gone = set(dropped)
        items[:] = [item for item in items if item not in gone]
        config.hook.pytest_deselected(items=dropped)


def may_hold_trials(config: pytest.Config, system: System) -> bool:
    """Whether the arguments may lead to trials; the xdist controller collects nothing itself."""
    folder = trials_folder(system)
    for argument in config.args:
        path = (config.invocation_params.dir / str(argument).split("::")[0]).resolve()
        if path.is_relative_to(folder) or folder.is_relative_to(path):
            return True
    return False
