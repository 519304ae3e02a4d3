"""What containers wrote, as an engine tells it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from seatrial.compose.logs import logs, with_last_words

from .test_targets import of

DOCKER = """#!/bin/sh
for last; do :; done
cat "$(dirname "$0")/$last.out"; cat "$(dirname "$0")/$last.err" >&2
"""


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which the engine finds ID.out and ID.err, each line with its second."""
    docker = tmp_path / "docker"
    docker.write_text(DOCKER)
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    texts = {
        "a.out": "1 up\n4 bye\n",
        "a.err": "2 oh\n3 \n",
        "b.out": "",
        "b.err": "2 no\n5 never\n",
    }
    for name, text in texts.items():
        lines = (f"2026-11-28T10:00:0{line}" for line in text.splitlines())
        stamped = "".join(f"{line[:19]}.000000000Z{line[19:]}\n" for line in lines)
        (tmp_path / name).write_text(stamped)
    return tmp_path


def test_they_are_in_the_order_of_their_time(written: Path) -> None:
    both = [of("worker", id="a"), of("worker", id="b", number=2)]
    told = asyncio.run(logs(both, 100, 10_000))
    assert told == ("up", "oh", "no", "", "bye", "never")
    assert asyncio.run(logs(both, 2, 10_000)) == ("bye", "never")
    assert asyncio.run(logs(both[:1], 9, 6))[1:] == ("", "bye")  # what was cut is no line
    assert asyncio.run(logs([], 9, 9)) == ()


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
    (one,) = asyncio.run(with_last_words([of("worker", id="b", **state)]))
    assert one.last_words == told


def test_what_the_engine_does_not_tell_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (one,) = asyncio.run(with_last_words([of("worker", status="exited", exit_code=1)]))
    assert one.last_words == ""
