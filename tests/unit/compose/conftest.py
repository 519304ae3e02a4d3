"""Which Compose this machine has is nothing to these tests."""

from __future__ import annotations

import pytest

from seatrial.compose.command import VERSION_2


@pytest.fixture(autouse=True)
def version_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seatrial.compose.project.compose_command", lambda: VERSION_2)
