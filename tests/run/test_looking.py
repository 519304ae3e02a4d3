"""`up`, `status` and `logs` of what runs otherwise than it is declared, or does not run at all."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from seatrial.keeper.places import Place
from seatrial.keeper.state import is_running

from .conftest import Tiny, seatrial

_TALKS = (
    "  talker: {kind: process, ready: started, env: {THE_PASSWORD: %s}, "
    'run: [sh, -c, "echo its password is $THE_PASSWORD; exec sleep 600"]}\n'
)


@pytest.fixture
def edited(tiny: Tiny) -> Iterator[Tiny]:
    """It runs, and its declaration was edited: a secret, and a component that is no more."""
    tiny.declare(more=_TALKS % "hunter22-old")
    up = seatrial(tiny, "up", str(tiny.folder))
    assert up.returncode == 0, up.stderr
    tiny.declare(web=", grace: 3")
    yield tiny
    seatrial(tiny, "down", str(tiny.folder))


def test_status_shows_what_runs_and_that_the_declaration_has_changed(edited: Tiny) -> None:
    status = seatrial(edited, "status", str(edited.folder), "--json")
    document = json.loads(status.stdout)
    assert status.returncode == 0
    assert set(document["components"]) == {"web", "talker"}
    assert "+web.grace: 3.0" in document["declaration_changed"]
    assert "The declaration has changed" in status.stderr
    assert "hunter22" not in status.stdout + status.stderr


def test_status_of_what_runs_as_declared_tells_of_no_change(edited: Tiny) -> None:
    edited.declare(more=_TALKS % "hunter22-old")
    status = seatrial(edited, "status", str(edited.folder), "--json")
    assert "declaration_changed" not in json.loads(status.stdout)
    assert "changed" not in status.stderr


def test_logs_are_of_what_runs_with_its_own_secrets_masked(edited: Tiny) -> None:
    where = ("--system", str(edited.folder))
    logs = seatrial(edited, "logs", "talker", *where)
    assert logs.returncode == 0, logs.stderr
    assert "its password is" in logs.stdout
    assert "hunter22" not in logs.stdout
    assert "The declaration has changed" in logs.stderr
    unknown = seatrial(edited, "logs", "talk", *where)
    assert unknown.returncode == 2
    assert "talker" in unknown.stderr


def _remote(tiny: Tiny, url: str) -> None:
    far = f"{{provider: remote, endpoints: {{web: '{url}'}}}}"
    more = f"environments:\n  local: {{provider: local}}\n  far: {far}\n"
    tiny.declare(more=more)


def _watched(folder: Path, monkeypatch: pytest.MonkeyPatch, tiny: Tiny) -> bool:
    monkeypatch.setenv("SEATRIAL_HOME", tiny.env["SEATRIAL_HOME"])
    return is_running(Place.of(folder, "far"))


def test_a_remote_that_is_not_up_is_not_watched_on(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = (str(tiny.folder), "--env", "far")
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # and does not listen yet
        _remote(tiny, f"http://127.0.0.1:{held.getsockname()[1]}")
        down = seatrial(tiny, "up", *far)
        assert down.returncode == 3
        assert "unreachable" in down.stdout
        assert "seatrial check --env far" in down.stdout
        assert not _watched(tiny.folder, monkeypatch, tiny)


def test_a_remote_that_is_up_is_watched_until_down(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert seatrial(tiny, "up", str(tiny.folder)).returncode == 0
    try:
        status = seatrial(tiny, "status", str(tiny.folder), "--json")
        url = json.loads(status.stdout)["components"]["web"]["endpoints"]["http"]
        _remote(tiny, url)
        far = (str(tiny.folder), "--env", "far")
        up = seatrial(tiny, "up", *far)
        assert up.returncode == 0, up.stderr
        assert _watched(tiny.folder, monkeypatch, tiny)
        assert seatrial(tiny, "down", *far).returncode == 0
        assert not _watched(tiny.folder, monkeypatch, tiny)
    finally:
        down = seatrial(tiny, "down", str(tiny.folder))
    assert down.returncode == 0, down.stderr


def test_why_it_did_not_come_up_is_told_once_with_its_last_words(tiny: Tiny) -> None:
    dies = "  dies: {kind: process, run: [sh, -c, 'echo its last words; exit 7']}\n"
    tiny.declare(more=dies)
    up = seatrial(tiny, "up", str(tiny.folder))
    assert up.returncode == 3, up.stderr
    assert up.stderr.count("    found:    it ended with exit code 7") == 1
    assert "\n  found: " not in up.stderr  # a second time, as it would be without a report
    assert "did not come up in local: dies (exited)\n    | its last words" in up.stderr
