"""The pytest plugin's door. Every pytest process of this Python comes through it, most of them in
projects that know nothing of Seatrial: it imports nothing, and stays out without a seatrial.yaml
above the rootdir or an argument. What it does otherwise begins in `enlist`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

DECLARATION = "seatrial.yaml"
HANDOVER = "SEATRIAL_HANDOVER"  # as `environment.handover` has it


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("seatrial", "sea trials of a deployment")
    group.addoption(
        "--seatrial-env",
        metavar="NAME",
        help="environment of seatrial.yaml to run the trials in (default: local, or the only one)",
    )
    group.addoption(
        "--seatrial-evidence",
        metavar="DIR",
        help="write evidence to this folder (default: none is kept)",
    )


def pytest_configure(config: pytest.Config) -> None:
    files = _declarations(config)
    told = HANDOVER in os.environ or "seatrial" in getattr(config, "workerinput", ())
    if files or told:
        from seatrial.plugin.enlist import enlist

        enlist(config, files)


def _declarations(config: pytest.Config) -> list[str]:
    """The nearest seatrial.yaml above each argument, else above the rootdir; each once."""
    base = str(config.invocation_params.dir)
    arguments = (os.path.join(base, str(arg).split("::")[0]) for arg in config.args)
    found = {_above(path): None for path in arguments if os.path.exists(path)}
    found.pop(None, None)
    if not found:
        found = {_above(str(config.rootpath)): None}
        found.pop(None, None)
    return [file for file in found if file is not None]


def _above(path: str) -> str | None:
    folder = os.path.abspath(path)
    while True:
        file = os.path.join(folder, DECLARATION)
        if os.path.isfile(file):
            return file
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent
