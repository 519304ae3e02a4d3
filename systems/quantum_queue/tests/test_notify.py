from __future__ import annotations

import socket
import uuid
from pathlib import Path

import pytest

from quantum_queue.contracts.notify import notify


def test_without_a_supervisor_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not notify("READY=1")


@pytest.mark.criterion("AC-93")
@pytest.mark.parametrize("abstract", [True, False])
def test_the_supervisor_is_told(
    abstract: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"@{uuid.uuid4()}" if abstract else str(tmp_path / "s")
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.settimeout(2)
        supervisor.bind(name.replace("@", "\0", 1))
        assert notify("READY=1")
        assert supervisor.recv(64) == b"READY=1"


def test_a_supervisor_that_went_away_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    assert not notify("READY=1")
