from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from seatrial.compose.command import Command
from seatrial.compose.drive import Drive
from seatrial.compose.project import read_project
from seatrial.declaration.models import System
from seatrial.waiting import eventually

#: Like Compose 1, it leaves the work to another program.
COMPOSE = """\
#!/bin/sh
echo "$MARK"
sleep 600 &
echo $! > child
wait
"""


def alive(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except OSError:
        return False


@pytest.mark.asyncio
async def test_whoever_cuts_it_off_ends_all_of_it(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("services: {db: {image: postgres}}")
    (tmp_path / "logs").mkdir()
    compose = tmp_path / "compose"
    compose.write_text(COMPOSE)
    compose.chmod(0o700)
    drive = Drive(
        System("shop", tmp_path, tmp_path / "seatrial.yaml", {}, "compose", {}, None),
        read_project(tmp_path / "compose.yaml", {}),
        "seatrial-1",
        tmp_path,
        Command(("compose",), (str(compose),)),
    )
    child = tmp_path / "child"
    upping = asyncio.create_task(drive.up({"MARK": "whose it is"}))
    text = await asyncio.to_thread(
        eventually, lambda: child.exists() and child.read_text(), lambda text: "\n" in str(text)
    )
    number = int(str(text))
    try:
        assert alive(number)
        upping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await upping
        await asyncio.to_thread(eventually, lambda: not alive(number))
    finally:
        if alive(number):
            os.kill(number, 9)
    assert drive.output.read_text() == "whose it is\n"
