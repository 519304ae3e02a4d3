"""Files written where another user may write too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from seatrial.kinds.placing import put_file
from seatrial.kinds.postgres.binaries import run_as
from seatrial.kinds.postgres.template import SETTINGS, write_settings
from seatrial.kinds.rabbitmq.launch import _write as write_for_the_broker

Write = Callable[[Path], None]


def _settings(folder: Path) -> None:
    write_settings(folder, {"port": "1"}, run_as())


def _conf(folder: Path) -> None:
    write_for_the_broker(folder / SETTINGS, "port = 1\n")


@pytest.mark.parametrize("write", [_settings, _conf])
def test_a_link_in_its_place_is_replaced_and_not_followed(tmp_path: Path, write: Write) -> None:
    victim, folder = tmp_path / "victim", tmp_path / "data"
    victim.write_text("mine")
    before = victim.stat()
    folder.mkdir()
    (folder / SETTINGS).symlink_to(victim)
    write(folder)
    after = victim.stat()
    assert victim.read_text() == "mine"
    assert (after.st_uid, after.st_mode) == (before.st_uid, before.st_mode)
    assert not (folder / SETTINGS).is_symlink()
    assert "port" in (folder / SETTINGS).read_text()
    assert (folder / SETTINGS).stat().st_mode & 0o777 == 0o600
    assert [one.name for one in folder.iterdir()] == [SETTINGS]


def test_a_linked_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "victim").mkdir()
    (tmp_path / "data").symlink_to(tmp_path / "victim")
    with pytest.raises(NotADirectoryError):
        put_file(tmp_path / "data" / "file", "text")
    assert list((tmp_path / "victim").iterdir()) == []
