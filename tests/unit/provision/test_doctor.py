"""What the doctor finds on this machine, and on one that lacks things."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import seatrial
from seatrial.cli.doctor import command
from seatrial.errors import ServerMissing
from seatrial.kinds.base import Installed
from seatrial.kinds.registry import KINDS
from seatrial.provision import doctor
from seatrial.provision.doctor import Diagnosis, Item, State, diagnose
from seatrial.provision.servers import Server, of_all

FOUND = Server("thing", None, ("thing",), Installed("/bin/thing", "1.2", "thing"), None)
MISSING = Server("thing", None, ("thing",), None, ServerMissing("Thing", ["thing"]))


def item(diagnosis: Diagnosis, name: str) -> Item:
    return next(item for item in diagnosis.items if item.name == name)


def program(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def test_this_machine_can_start_its_servers() -> None:
    local, _, remote = diagnose(of_all(KINDS.values()))
    assert local.usable, local.items
    assert remote.usable
    assert "/bin/postgres" in item(local, "postgres").found


def test_a_found_server_shows_version_place_and_user() -> None:
    local = diagnose([FOUND])[0]
    assert item(local, "thing").found == "1.2 (/bin/thing, runs as thing)"


def test_a_missing_server_shows_what_would_mend_it() -> None:
    local = diagnose([MISSING])[0]
    assert not local.usable
    assert item(local, "thing").state is State.LACKING
    assert item(local, "thing").fix == MISSING.problem.hint  # type: ignore[union-attr]


def test_a_data_folder_that_somebody_else_can_write_to_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tmp_path.chmod(0o777)
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path))
    local = diagnose([])[0]
    assert item(local, "data folder").state is State.LACKING
    assert not local.usable


@pytest.mark.parametrize(
    ("free", "state"),
    [(2**31, State.OK), (2**29, State.WARNING), (2**20, State.LACKING), (None, State.WARNING)],
)
def test_disk(monkeypatch: pytest.MonkeyPatch, free: int | None, state: State) -> None:
    monkeypatch.setattr(doctor, "free_disk", lambda folder: free)
    assert item(diagnose([])[0], "disk").state is state


def test_docker_with_an_engine_and_compose(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program(tmp_path, "docker", 'case "$1" in version) echo 27.1;; compose) echo 2.29;; esac')
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    compose = diagnose([])[1]
    assert compose.usable
    assert item(compose, "docker engine").found == "27.1"
    assert item(compose, "docker compose").found == "2.29 (docker)"


def test_docker_without_an_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program(tmp_path, "docker", "echo; echo Cannot connect to the Docker daemon >&2; exit 1")
    program(tmp_path, "docker-compose", "echo docker-compose version 1.29.2")
    monkeypatch.setenv("PATH", str(tmp_path))
    compose = diagnose([])[1]
    assert not compose.usable
    engine = item(compose, "docker engine")
    assert engine.found == "Cannot connect to the Docker daemon"
    assert "start it" in engine.fix
    assert item(compose, "docker compose").state is State.OK


def test_docker_that_does_not_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program(tmp_path, "docker", "exec /bin/sleep 600")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(doctor, "_LOOK", 0.2)
    assert "did not answer within" in item(diagnose([])[1], "docker engine").found


def test_a_compose_that_does_not_answer_is_not_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program(tmp_path, "docker", 'case "$1" in version) echo 27.1;; *) exit 1;; esac')
    program(tmp_path, "docker-compose", "exec /bin/sleep 60")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(doctor, "_LOOK", 1.0)
    found = item(diagnose([])[1], "docker compose")
    assert (found.state, "did not answer" in found.found) == (State.LACKING, True)


def test_the_command_prints_json_and_exits_by_the_local_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    done = CliRunner().invoke(command, ["--json", str(tmp_path)], standalone_mode=False)
    assert done.return_value == 0
    assert json.loads(done.stdout)["local"]["usable"] is True

    monkeypatch.setenv("SEATRIAL_POSTGRES_BIN", str(tmp_path))
    done = CliRunner().invoke(command, ["--json", str(tmp_path)], standalone_mode=False)
    assert done.return_value == 3
    local = json.loads(done.stdout)["local"]
    assert local["usable"] is False
    (postgres,) = (one for one in local["items"] if one["name"] == "postgres")
    assert postgres["state"] == "lacking"
    assert postgres["fix"]


def test_a_declaration_with_mistakes_is_shown_not_raised(tmp_path: Path) -> None:
    (tmp_path / "seatrial.yaml").write_text("system: x\nnonsense: 1\ncomponents: {}\n")
    done = CliRunner().invoke(command, [str(tmp_path)], standalone_mode=False)
    assert done.return_value == 3
    assert "nonsense" in done.output
    assert os.fspath(tmp_path) in done.output


@pytest.mark.parametrize("trials", [True, False])
def test_an_interpreter_without_pytest_is_lacking_where_there_are_trials(
    tmp_path: Path, trials: bool
) -> None:
    (tmp_path / "seatrial.yaml").write_text(
        "system: x\ncomponents: {one: {kind: process, run: [python, one.py]}}\n"
    )
    if trials:
        (tmp_path / "trials").mkdir()
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    program(python.parent, "python", f'exec {sys.executable} -I -S "$@"')  # it has no packages
    done = CliRunner().invoke(command, ["--json", str(tmp_path)], standalone_mode=False)
    (found,) = (i for i in json.loads(done.stdout)["local"]["items"] if i["name"] == "interpreter")
    assert (found["state"], done.return_value) == (("lacking", 3) if trials else ("ok", 0))
    if trials:
        assert "lacks: pytest, seatrial" in found["found"]
        root = Path(seatrial.__file__).parents[2]
        assert found["fix"] == f"{python} -m pip install {root}"
