"""`seatrial init` on files alone: no engine is in reach here."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seatrial.cli.init import _write
from seatrial.compose.command import VERSION_2, compose_command
from seatrial.declaration.load import load
from seatrial.errors import UsageError
from seatrial.kinds.registry import KINDS
from tests.compose.conftest import Copy

PROJECTS = ("bookshop", "thumbnails", "gateway", "dispatch")
COMPOSE = str(compose_command() or VERSION_2)  # that this machine has
SECRETS = ("pa$$ word/4 books", "thumbs-secret", "guide-pw")


@pytest.mark.parametrize("name", PROJECTS)
def test_it_writes_what_it_can_read(copy: Copy, name: str) -> None:
    project = copy(name)
    done = project.seatrial("init", "--json")
    assert done.code == 0, done.err
    text = (project.folder / "seatrial.yaml").read_text()
    assert len(text.splitlines()) <= 25
    system = load(project.folder, KINDS, variables=os.environ)
    assert set(system.components) == set(done.json["components"])
    assert system.environment == "compose"
    assert system.config.provider == "compose"
    assert done.json["running"] is False


@pytest.mark.parametrize("name", PROJECTS)
def test_no_password_is_written_or_printed(copy: Copy, name: str) -> None:
    project = copy(name)
    done = project.seatrial("init")
    written = [f.read_text() for f in project.folder.rglob("*.py") if "trials" in f.parts]
    text = "".join((done.out, done.err, (project.folder / "seatrial.yaml").read_text(), *written))
    assert [one for one in SECRETS if one in text] == []


def test_what_it_guessed_and_what_it_could_not_know(copy: Copy) -> None:
    said = copy("dispatch").seatrial("init").out
    assert "postgres  postgres  image postgres:15" in said
    assert "others wait until it has completed" in said
    guessed, unknown = said.split("not known:")
    assert "api       http      built here, port 8001, needs postgres mq migrate" in guessed
    assert "worker: which queues it consumes" in unknown
    assert "api: its health path" in unknown
    assert f"next: {COMPOSE} up -d; seatrial check" in unknown


def test_what_only_runs_on_request_is_left_out_and_told(copy: Copy) -> None:
    project = copy("bookshop")
    assert "adminer: left out, only with profile debug" in project.seatrial("init").out
    assert "adminer" not in (project.folder / "seatrial.yaml").read_text()


def test_health_paths_come_from_health_checks(copy: Copy) -> None:
    found = copy("gateway").seatrial("init", "--json").json["components"]
    assert found["gateway"]["settings"] == {"health": "/health"}
    assert found["places"]["settings"] == {"health": "/healthz"}


def test_a_first_trial_is_written_once(copy: Copy) -> None:
    project = copy("gateway")
    assert project.seatrial("init", "--json").json["trial"] == "trials/test_p1_first.py"
    trial = project.folder / "trials" / "test_p1_first.py"
    assert len(trial.read_text().splitlines()) <= 12
    trial.write_text("# mine\n")
    assert project.seatrial("init", "--json", "--force").json["trial"] is None
    assert trial.read_text() == "# mine\n"


def test_it_writes_over_nothing(copy: Copy) -> None:
    project = copy("dispatch")
    (project.folder / "seatrial.yaml").write_text("# mine\n")
    done = project.seatrial("init")
    assert done.code == 2
    assert "--force" in done.err
    assert (project.folder / "seatrial.yaml").read_text() == "# mine\n"


@pytest.mark.parametrize("words", [(), ("--force",)])
def test_a_link_is_not_followed(copy: Copy, tmp_path: Path, words: tuple[str, ...]) -> None:
    project = copy("gateway")
    (project.folder / "seatrial.yaml").symlink_to(tmp_path / "elsewhere")
    (project.folder / "trials").symlink_to(tmp_path / "nowhere")
    done = project.seatrial("init", *words)
    assert done.code == 2
    assert "is a link" in done.err
    (project.folder / "seatrial.yaml").unlink()
    assert project.seatrial("init", *words).code == 0
    assert not (tmp_path / "elsewhere").exists()
    assert not (tmp_path / "nowhere").exists()


def test_nor_one_that_has_come_meanwhile(tmp_path: Path) -> None:
    (tmp_path / "seatrial.yaml").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="cannot be written"):
        _write(tmp_path / "seatrial.yaml", "a")
    assert not (tmp_path / "elsewhere").exists()


def test_a_workflow_stays_in_its_repository(copy: Copy, tmp_path: Path) -> None:
    project = copy("gateway")
    assert project.seatrial("init").code == 0
    (project.folder / ".git").mkdir()
    (project.folder / ".github").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir()
    done = project.seatrial("init", "--ci", "github")
    assert done.code == 2
    assert "leads out of" in done.err
    assert not list((tmp_path / "elsewhere").iterdir())


def test_without_a_compose_file_it_says_so(copy: Copy) -> None:
    project = copy("dispatch")
    (project.folder / "compose.yaml").unlink()
    done = project.seatrial("init")
    assert done.code == 2
    assert "has no compose file" in done.err


def test_a_file_of_another_name(copy: Copy) -> None:
    project = copy("dispatch")
    (project.folder / "compose.yaml").rename(project.folder / "stack.yml")
    done = project.seatrial("init", "stack.yml")
    assert done.code == 0, done.err
    assert "compose: stack.yml" in (project.folder / "seatrial.yaml").read_text()
    assert f"{COMPOSE} -f stack.yml up -d" in done.out


def test_names_that_are_no_components_names(copy: Copy) -> None:
    project = copy("dispatch")
    web = "{build: ., ports: [8000], depends_on: [db.main]}"
    text = f"services: {{'1.web': {web}, db.main: {{image: postgres}}}}"
    (project.folder / "compose.yaml").write_text(text)
    found = project.seatrial("init", "--json").json["components"]
    assert {name: one["service"] for name, one in found.items()} == {
        "s-1-web": "1.web",
        "db-main": "db.main",
    }
    assert found["s-1-web"]["needs"] == ["db-main"]
    assert load(project.folder, KINDS, variables=os.environ).components["db-main"].config.service


def test_check_without_an_engine_says_so(copy: Copy) -> None:
    project = copy("dispatch")
    project.seatrial("init")
    done = project.seatrial("check")
    assert done.code == 3
    assert "docker info" in done.err or "install Docker" in done.err


def test_a_service_that_is_not_in_the_compose_file(copy: Copy) -> None:
    project = copy("dispatch")
    project.seatrial("init")
    file = project.folder / "seatrial.yaml"
    file.write_text(file.read_text().replace("kind: task", "kind: task, service: migrat"))
    done = project.seatrial("up")
    assert done.code != 0
    assert "compose.yaml has no service migrat" in done.err
    assert "did you mean migrate?" in done.err


def test_without_an_engine_that_alone_is_told(copy: Copy) -> None:
    project = copy("dispatch")
    assert project.seatrial("init").code == 0
    up = project.seatrial("up")
    assert up.code == 3
    assert "did not come up in compose" in up.err
    assert "unknown" not in up.err, "of what was never begun there is nothing to be told"
