"""Whose project it is that runs: by the files that it was started from, rather than by its name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from seatrial.compose.engine import Container
from seatrial.compose.project import Project, read_project
from seatrial.compose.running import Running, Seen, judged, sorted_out
from tests.unit.compose.test_targets import RUNNING

TEXT = "services: {db: {image: postgres}}"


def project(folder: Path, *more: str) -> Project:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("compose.yaml", *more):
        (folder / name).write_text(TEXT)
    return read_project(folder / "compose.yaml", {})


def started(folder: Path, *files: str) -> Container:
    return replace(RUNNING, working_dir=str(folder), config_files=",".join(files))


@pytest.fixture(autouse=True)
def on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)


def test_one_of_its_own_files_is_its(tmp_path: Path) -> None:
    mine = project(tmp_path / "a" / "deploy")
    for one in (
        started(mine.folder, str(mine.file)),
        started(mine.folder, "deploy/compose.yaml"),  # as Compose 1 tells it
        started(tmp_path, str(mine.file)),  # with --project-directory
        RUNNING,  # of which nothing is told
    ):
        assert sorted_out(mine, [one]) == Seen([one], [])
        assert judged(mine, Seen([one], []), []) is None


def test_one_of_another_folder_of_that_name_is_not(tmp_path: Path) -> None:
    mine, other = project(tmp_path / "a" / "deploy"), project(tmp_path / "b" / "deploy")
    assert mine.name == other.name
    one = started(other.folder, str(other.file))
    seen = sorted_out(mine, [one])
    assert seen == Seen([], [one])
    why = judged(mine, seen, [Running("deploy", (other.file,))])
    assert why is not None
    assert str(other.file) in why.found
    assert f"COMPOSE_PROJECT_NAME=ANOTHER-NAME into {mine.folder / '.env'}" in why.fix


@pytest.mark.parametrize("host", ["", "ssh://me@far.example"])
def test_what_is_not_of_this_machine_tells_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    mine = project(tmp_path / "a" / "deploy")
    there = project(tmp_path / "b" / "deploy") if host else None
    monkeypatch.setenv("DOCKER_HOST", host)
    file = there.file if there else tmp_path / "moved" / "compose.yaml"
    one = started(file.parent, str(file))
    assert sorted_out(mine, [one]) == Seen([one], [])


def test_one_of_its_files_under_another_name_is_told(tmp_path: Path) -> None:
    mine = project(tmp_path / "deploy")
    unrelated = Running("zoo", (tmp_path / "zoo.yaml",))
    why = judged(mine, Seen([], []), [Running("custom", (mine.file,)), unrelated])
    assert why is not None
    assert why.found == "custom was started from its files"
    assert "put COMPOSE_PROJECT_NAME=custom into" in why.fix
    assert judged(mine, Seen([], []), [unrelated]) is None


def test_files_that_are_not_read_are_told(tmp_path: Path) -> None:
    mine = project(tmp_path / "deploy", "prod.yml")
    one = started(mine.folder, str(mine.file), str(mine.folder / "prod.yml"))
    assert sorted_out(mine, [one]).ours == [one]
    why = judged(mine, Seen([one], []), [])
    assert why is not None
    assert "prod.yml too, which is not read" in why.found
    assert "put COMPOSE_FILE=compose.yaml:prod.yml into" in why.fix
    (mine.folder / ".env").write_text("COMPOSE_FILE=compose.yaml:prod.yml")
    assert judged(read_project(mine.file, {}), Seen([one], []), []) is None


def test_other_files_of_its_folder_alone(tmp_path: Path) -> None:
    mine = project(tmp_path / "deploy", "prod.yml")
    one = started(mine.folder, str(mine.folder / "prod.yml"))
    assert sorted_out(mine, [one]).ours == [one]
    why = judged(mine, Seen([one], []), [])
    assert why is not None
    assert why.fix.startswith(f"declare {mine.folder / 'prod.yml'}")
