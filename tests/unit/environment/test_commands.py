"""Commands in what is told work from where they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seatrial.declaration.models import ComponentConfig, EnvironmentConfig, System
from seatrial.environment.commands import instead_of_restart, whole, workable
from seatrial.kinds.base import Target, Words

UP = "seatrial up"
BOTH = "seatrial restart db; its last words: seatrial logs db, or (seatrial logs db)"


def system(folder: Path, *environments: str, provider: Any = "local") -> System:
    names = environments or ("local",)
    declared = {name: EnvironmentConfig(provider=provider) for name in names}
    return System("s", folder, folder / "seatrial.yaml", {}, names[0], declared, None)


def test_here_and_in_the_only_environment_nothing_is_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for text in (UP, BOTH, "seatrial down, then seatrial up", "it ends with `seatrial down`"):
        assert whole(text, system(tmp_path)) == text


def test_elsewhere_and_among_several_they_say_which(tmp_path: Path) -> None:
    one = system(tmp_path, "far", "near")
    there = f"{tmp_path} --env far"
    assert whole(UP, one) == f"{UP} {there}"
    assert whole(UP, one, "second") == f"{UP} {there} --name second"
    on = f"db --system {there}"
    told = f"seatrial restart {on}; its last words: seatrial logs {on}, or (seatrial logs {on})"
    assert whole(BOTH, one) == told
    assert whole(told, one) == told, "nothing is added twice"
    assert whole("seatrial status   (shows it)", one) == f"seatrial status {there}   (shows it)"
    odd = tmp_path / "my folder"
    assert whole("seatrial logs db", system(odd)) == f"seatrial logs db --system '{odd}'"
    assert whole(whole("seatrial logs db;", system(odd)), one) == f"seatrial logs {on};"


def test_what_has_ended_is_not_restarted_but_has_logs(tmp_path: Path) -> None:
    told = whole(BOTH, system(tmp_path))
    ended = instead_of_restart(told, UP)
    assert ended.startswith(f"correct db, then {UP}; its last words: seatrial logs db --system")


TARGETS = {
    "db": Target(
        "db", "postgres", ComponentConfig(kind="postgres"), {}, provider=Words("", "START", "LOGS")
    )
}


@pytest.mark.parametrize(
    "endpoint",
    [
        ", or correct the endpoint of db in seatrial.yaml (127.0.0.1:5)",
        ", or correct the amqp endpoint of db",
        " or correct the endpoint of db",
    ],
)
def test_each_environment_is_told_what_can_be_done_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    monkeypatch.chdir(tmp_path)
    fix = f"seatrial restart db (seatrial logs db){endpoint}; seatrial logs other"
    local = workable(fix, system(tmp_path), {})
    assert local == "seatrial restart db (seatrial logs db); seatrial logs other"
    far = workable(fix, system(tmp_path, provider="remote"), TARGETS)
    assert far == f"START (LOGS){endpoint}; seatrial logs other"
