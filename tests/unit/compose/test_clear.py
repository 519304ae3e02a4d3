from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from seatrial.compose import clear


@pytest.mark.parametrize(
    "error", [OSError("no room"), ValueError("no row"), subprocess.TimeoutExpired("docker", 20)]
)
def test_what_hinders_the_cache_hinders_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def hindered(*_: object) -> None:
        raise error

    monkeypatch.setattr(clear, "_docker", lambda *_, **__: "")
    monkeypatch.setattr(clear, "remove_made", hindered)
    assert clear.clear("seatrial-1", tmp_path) == []
