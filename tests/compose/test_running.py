"""`seatrial init` beside a project that runs, in a folder without a compose file of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from seatrial.waiting import eventually
from tests.compose.conftest import Copy, Project
from tests.compose.engine import Engine

pytestmark = pytest.mark.engine

STACK = """
services:
  store:
    image: redis:7
    command: redis-server --save ""
"""
MORE = "services: {other: {image: 'redis:7'}}\n"


@pytest.fixture
def folder(copy: Copy, engine: Engine) -> Iterator[Project]:
    """`deploy/stack.yml` in it, not running; whatever a test starts is taken down."""
    project = copy("dispatch", engine)
    (project.folder / "compose.yaml").unlink()
    (project.folder / "deploy").mkdir()
    (project.folder / "deploy" / "stack.yml").write_text(STACK)
    (project.folder / "deploy" / "more.yml").write_text(MORE)
    yield project
    mine = f"label=com.docker.compose.project.working_dir={project.folder / 'deploy'}"
    if found := engine.docker("ps", "-aq", "--filter", mine).split():
        engine.docker("rm", "-fv", *found)
    for name in ("deploy_default", "other_default"):
        engine.docker("network", "rm", name, check=False)


def up(project: Project, engine: Engine, words: str = "-f deploy/stack.yml") -> None:
    done = project.shell(f"{' '.join(engine.compose_command)} {words} up -d")
    assert done.code == 0, done.err


def test_the_file_of_what_runs_counts(folder: Project, engine: Engine) -> None:
    assert "no project runs from one in it" in folder.seatrial("init").err
    up(folder, engine)
    done = folder.seatrial("init", "--json")
    assert done.code == 0, done.err
    assert done.json["file"] == str(folder.folder / "deploy" / "seatrial.yaml")
    assert (done.json["project"], done.json["running"]) == ("deploy", True)
    assert set(done.json["components"]) == {"store"}
    checked = eventually(
        lambda: folder.seatrial("check", "deploy", "--json"),
        lambda ended: ended.code == 0,
        timeout=60,
    )
    assert checked.json["findings"] == []
    assert "looking at the project that you started" in checked.err
    named = folder.seatrial("check", "deploy", "--name", "mine")
    assert (named.code, named.out) == (3, ""), "it looked at another one than it was asked to"
    assert "is not up" in named.err


def test_one_of_another_folder_does_not(folder: Project, engine: Engine) -> None:
    up(folder, engine)
    (folder.folder / "elsewhere").mkdir()
    done = folder.seatrial("init", "elsewhere")
    assert done.code == 2
    assert "no project runs from one in it" in done.err


def test_what_one_file_does_not_say_is_refused(folder: Project, engine: Engine) -> None:
    up(folder, engine, "-f deploy/stack.yml -f deploy/more.yml")
    done = folder.seatrial("init")
    assert done.code == 2
    assert "deploy/more.yml" in done.err
    assert "COMPOSE_FILE=stack.yml:more.yml" in done.err
    assert not (folder.folder / "deploy" / "seatrial.yaml").exists()
    (folder.folder / "deploy" / ".env").write_text("COMPOSE_FILE=stack.yml:more.yml\n")
    done = folder.seatrial("init", "deploy", "--json")
    assert set(done.json["components"]) == {"store", "other"}
    assert (done.json["running"], done.json["amiss"]) == (True, None)


def test_what_check_does_not_read_is_told(folder: Project, engine: Engine) -> None:
    up(folder, engine, "-f deploy/stack.yml -f deploy/more.yml")
    done = folder.seatrial("init", "deploy/stack.yml")
    assert "more.yml too, which is not read; put COMPOSE_FILE=stack.yml:more.yml" in done.out
    assert "more.yml too, which is not read" in folder.seatrial("check", "deploy").err


def test_another_name_than_its_files_say_is_told(folder: Project, engine: Engine) -> None:
    up(folder, engine, "-p other -f deploy/stack.yml")
    done = folder.seatrial("init")
    assert done.code == 2
    assert "COMPOSE_PROJECT_NAME=other" in done.err
    (folder.folder / "deploy" / ".env").write_text("COMPOSE_PROJECT_NAME=other\n")
    assert folder.seatrial("init", "--json").json["project"] == "other"


def test_another_name_beside_the_file(folder: Project, engine: Engine) -> None:
    up(folder, engine, "-p other -f deploy/stack.yml")
    done = folder.seatrial("init", "deploy/stack.yml")
    assert "project deploy: not running" in done.out
    assert "other was started from its files; where that is the one, put COMPOSE_P" in done.out
    checked = folder.seatrial("check", "deploy")
    assert checked.code == 3
    assert "other was started from its files" in checked.err
    assert "up -d" not in checked.err


def test_a_namesake_is_not_looked_at(folder: Project, engine: Engine) -> None:
    up(folder, engine)
    other = folder.folder / "b" / "deploy"
    other.mkdir(parents=True)
    (other / "stack.yml").write_text(STACK)
    done = folder.seatrial("init", "b/deploy/stack.yml")
    assert "project deploy: not running" in done.out
    assert f"was started from {folder.folder / 'deploy' / 'stack.yml'}; put COMPOSE" in done.out
    checked = folder.seatrial("check", "b/deploy")
    assert (checked.code, checked.out) == (3, "")
    assert "COMPOSE_PROJECT_NAME=ANOTHER-NAME" in checked.err
    assert folder.seatrial("logs", "--system", "b/deploy").code == 3


def test_a_file_that_is_gone(folder: Project, engine: Engine) -> None:
    up(folder, engine)
    (folder.folder / "deploy" / "stack.yml").unlink()
    done = folder.seatrial("init")
    assert done.code == 2
    assert "is not there any more" in done.err
