"""A mistake in the compose file is the user's: every command ends with 2 and says the same."""

from __future__ import annotations

import pytest

from seatrial.compose.files import ComposeFileError
from seatrial.compose.project import read_project
from tests.compose.conftest import Copy

DECLARED = "system: shop\ncompose: compose.yaml\ncomponents: {web: {kind: process}}\n"
NOT_CLOSED = "services: {web: {image: '${X'}}"
COMMANDS = (
    "init --force",
    "init --ci github",
    "check",
    "endpoints",
    "up",
    "up --env compose",
    "logs web",
    "status",
    "restart web",
)


def said(copy: Copy, text: str, command: str) -> None:
    project = copy("dispatch")
    for file in project.folder.glob("*compose*.y*ml"):
        file.unlink()
    (project.folder / "compose.yaml").write_text(text)
    (project.folder / "seatrial.yaml").write_text(DECLARED)
    with pytest.raises(ComposeFileError) as caught:
        read_project(project.folder / "compose.yaml", {})
    done = project.seatrial(*command.split(), timeout=60)
    assert (done.code, done.out) == (2, "")
    assert done.err.strip() == f"seatrial: {caught.value}"
    assert "\n  to do: " in done.err


@pytest.mark.parametrize("command", COMMANDS)
def test_of_every_command(copy: Copy, command: str) -> None:
    said(copy, NOT_CLOSED, command)


@pytest.mark.parametrize("command", ["init --force", "check", "up --env compose"])
@pytest.mark.parametrize(
    "text",
    ["", "# later\n", "services:\n", "services: [1]", "services: {web: {image: '${X:?must}'}}"],
    ids=["empty", "comment", "none", "list", "unset"],
)
def test_of_every_mistake(copy: Copy, text: str, command: str) -> None:
    said(copy, text, command)
