"""What containers wrote, as an engine tells it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from seatrial.compose.engine import EngineError
from seatrial.compose.logs import Heard, logs, with_last_words
from seatrial.secrecy import LEFT_OUT

from .test_targets import of

DOCKER = """#!/bin/sh
for last; do :; done
. "$(dirname "$0")/$last"
"""


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which an engine finds what tells the log of a container, by its id."""
    docker = tmp_path / "docker"
    docker.write_text(DOCKER)
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    (tmp_path / "a").write_text("echo up; echo oh >&2; echo; echo bye")
    (tmp_path / "b").write_text("echo never >&2")
    (tmp_path / "gone").write_text("echo error: no such container >&2; exit 1")
    return tmp_path


def test_both_streams_are_told_as_they_were_written(written: Path) -> None:
    assert asyncio.run(logs([of("worker", id="a")], 9, 99)) == ("up", "oh", "", "bye")
    assert asyncio.run(logs([of("worker", id="a")], 9, 6)) == (LEFT_OUT, "", "bye")
    assert asyncio.run(logs([], 9, 99)) == ()


def test_of_several_each_line_tells_whose_it_is(written: Path) -> None:
    both = [of("worker", id="a"), of("worker", id="b", number=2)]
    told = asyncio.run(logs(both, 1, 99))
    assert told == ("shop-worker-1 | bye", "shop-worker-2 | never")


def test_an_engine_that_refuses_is_no_log(written: Path) -> None:
    with pytest.raises(EngineError, match="no such container"):
        asyncio.run(logs([of("worker", id="gone")], 9, 99))
    (one,) = asyncio.run(with_last_words([of("worker", id="gone", status="restarting")], {}))
    assert one.last_words == ""


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ({"status": "exited", "exit_code": 1}, "never"),
        ({"status": "restarting"}, "never"),
        ({"unsettled": True}, "never"),
        ({"status": "exited", "exit_code": 143}, ""),
        ({}, ""),
    ],
)
def test_only_what_ended_on_its_own_has_last_words(
    written: Path, state: dict[str, object], told: str
) -> None:
    (one,) = asyncio.run(with_last_words([of("worker", id="b", **state)], {}))
    assert one.last_words == told


def test_what_the_engine_does_not_tell_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (one,) = asyncio.run(with_last_words([of("worker", status="exited", exit_code=1)], {}))
    assert one.last_words == ""


def test_what_was_heard_of_an_end_is_not_asked_for_again(written: Path) -> None:
    ended = of("worker", id="b", status="exited", exit_code=1)
    heard: Heard = {}
    asyncio.run(with_last_words([ended], heard))
    (written / "b").unlink()
    (again,) = asyncio.run(with_last_words([ended], heard))
    assert again.last_words == "never"
    (later,) = asyncio.run(with_last_words([replace(ended, restarts=1)], heard))
    assert later.last_words == ""
