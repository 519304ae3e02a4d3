"""COMPOSE_FILE and COMPOSE_PROFILES: what Compose takes by itself, Seatrial takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.compose.files import ComposeFileError, find
from seatrial.compose.project import read_project

BASE = "services: {app: {image: a, environment: {A: base}}, old: {image: o, profiles: [old]}}"
PROD = "services: {app: {environment: {A: prod}, volumes: ['./c:/c']}, db: {image: postgres}}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "docker-compose.yml").write_text(BASE)
    (tmp_path / "docker-compose.override.yml").write_text("services: {local: {image: x}}")
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy" / "prod.yml").write_text(PROD)
    return tmp_path


BOTH = "docker-compose.yml:deploy/prod.yml"


@pytest.mark.parametrize(
    ("in_env_file", "in_shell"),
    [
        (f"COMPOSE_FILE={BOTH}", {}),
        ("", {"COMPOSE_FILE": BOTH}),
        ("COMPOSE_FILE=deploy/prod.yml", {"COMPOSE_FILE": BOTH}),
        (f"COMPOSE_PATH_SEPARATOR=;\nCOMPOSE_FILE='{BOTH.replace(':', ';')}'", {}),
    ],
    ids=["env file", "shell", "shell wins", "separator"],
)
def test_all_files_are_read(folder: Path, in_env_file: str, in_shell: dict[str, str]) -> None:
    (folder / ".env").write_text(in_env_file)
    assert find(folder, in_shell) == folder / "docker-compose.yml"
    read = read_project(folder / "docker-compose.yml", in_shell)
    assert set(read.services) == {"app", "db", "old"}  # the override is not taken then
    assert read.services["app"].environment == {"A": "prod"}
    assert read.services["app"].mounts[0].source == str(folder / "c")  # not deploy/c
    assert read.layers == (folder / "docker-compose.yml", folder / "deploy" / "prod.yml")
    assert read.compose() == "docker compose"


def test_a_first_file_of_another_name_is_found(folder: Path) -> None:
    (folder / "stack.yml").write_text(BASE)
    variables = {"COMPOSE_FILE": "stack.yml:deploy/prod.yml"}
    file = find(folder, variables)
    assert file == folder / "stack.yml"
    read = read_project(file, variables)
    assert "db" in read.services
    assert read.compose() == "docker compose"


def test_where_the_declared_file_is_not_among_them_compose_is_told(folder: Path) -> None:
    (folder / "stack.yml").write_text(PROD)
    read = read_project(folder / "docker-compose.yml", {"COMPOSE_FILE": "stack.yml"})
    assert set(read.services) == {"app", "old", "local"}
    assert read.compose() == ("docker compose -f docker-compose.yml -f docker-compose.override.yml")


def test_where_compose_would_take_another_one_it_is_told(folder: Path) -> None:
    (folder / "compose.yaml").write_text(PROD)
    read = read_project(folder / "docker-compose.yml", {})
    assert read.named[:2] == ("-f", "docker-compose.yml")
    assert read_project(folder / "compose.yaml", {}).named == ()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("docker-compose.yml:gone.yml", "COMPOSE_FILE names .*gone.yml, which is not there"),
        ("deploy/prod.yml:docker-compose.yml", "begins with .*prod.yml, which is not in"),
    ],
)
def test_what_cannot_be_read_as_compose_would_is_told(
    folder: Path, given: str, message: str
) -> None:
    with pytest.raises(ComposeFileError, match=message):
        read_project(folder / "docker-compose.yml", {"COMPOSE_FILE": given})


def test_one_that_begins_elsewhere_is_not_passed_over(folder: Path) -> None:
    with pytest.raises(ComposeFileError, match=r"begins with .*prod\.yml, which is not in"):
        find(folder, {"COMPOSE_FILE": "deploy/prod.yml:docker-compose.yml"})


@pytest.mark.parametrize(
    ("asked", "left"), [("", ("old",)), ("new", ("old",)), ("new, old", ()), ("*", ())]
)
def test_a_profile_that_is_asked_for_is_none(folder: Path, asked: str, left: tuple[str]) -> None:
    read = read_project(folder / "docker-compose.yml", {"COMPOSE_PROFILES": asked})
    assert read.services["old"].profiles == left
