"""Trials that a run wanted and pytest does not run: what makes a `go` impossible.

Options (`--ignore`, `-k`, `--lf`, a node id), `collect_ignore` in a conftest.py and other plugins
leave trials out in many ways, and some of them leave no trace. So what is there is looked for by
ourselves: every file that pytest would read, and every trial that it makes of one.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Generator, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from seatrial.declaration.models import System
from seatrial.outcome import Priority
from seatrial.plugin.marks import priority_by_name, priority_of
from seatrial.plugin.selection import is_trial, trials_folder

DESELECTED = "deselected by an option of pytest"
NOT_READ = "not collected: left out by an option of pytest, a conftest.py or a plugin"
_MOST_FILES = 10_000  # looked for


class LeftOut:
    """Registered in sessions of a run; watches the collection."""

    def __init__(self, config: pytest.Config, system: System) -> None:
        self._config, self._system = config, system
        self._read: set[Path] = set()  # files that were opened, or could not be, links followed
        self._made: dict[str, pytest.Item] = {}

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_pycollect_makeitem(self, collector: Any) -> Generator[None, Any, Any]:
        made = yield
        self._read.add(collector.path.resolve())
        for one in made if isinstance(made, list) else [made]:
            if isinstance(one, pytest.Item):
                self._made[one.nodeid] = one
        return made

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:  # recorded as that
            file = self._config.rootpath / report.nodeid.partition("::")[0]
            self._read.add(file.resolve())

    def of(
        self, running: Collection[str], wanted: Collection[Priority]
    ) -> Iterator[tuple[str, Priority, str]]:
        """(node, priority, reason) of all trials of these priorities but those that run; of a
        file that was not read, the file."""
        for node, item in self._made.items():
            if node not in running and is_trial(item.path, self._system):
                priority = priority_of(item)
                if priority in wanted:
                    yield node, priority, DESELECTED
        for file in self._files():
            priority = priority_by_name(file)
            if file.resolve() not in self._read and priority in wanted:
                yield os.path.relpath(file, self._config.rootpath), priority, NOT_READ

    def _files(self) -> Iterator[Path]:
        """The files of trials that pytest reads if nobody keeps it from that."""
        patterns = self._config.getini("python_files")
        skipped = ["__pycache__", *self._config.getini("norecursedirs")]
        looked = 0
        for folder, folders, files in os.walk(trials_folder(self._system)):
            folders[:] = sorted(
                one
                for one in folders
                if not any(fnmatch(one, pattern) for pattern in skipped)
                and not Path(folder, one, "pyvenv.cfg").exists()
            )
            for name in sorted(files):
                looked += 1
                if looked > _MOST_FILES:
                    return
                file = Path(folder, name)
                if file.suffix == ".py" and any(_matches(file, one) for one in patterns):
                    yield file


def _matches(file: Path, pattern: str) -> bool:
    return fnmatch(str(file), f"*/{pattern}") if "/" in pattern else fnmatch(file.name, pattern)
