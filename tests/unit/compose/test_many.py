"""Many services, each of which is held against each other one: what they say is read once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from seatrial.compose import connection_strings, described
from seatrial.compose.mentions import mentions
from seatrial.compose.project import read_project
from seatrial.compose.recognise import recognise
from seatrial.kinds import endpoint
from seatrial.kinds.base import Endpoint
from seatrial.kinds.registry import KINDS

MANY = 30


def test_each_url_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service = "  s{0}: {{image: x, environment: {{A: 'postgres://u{0}:p@s0/of-many'}}}}\n"
    text = "services:\n" + "".join(service.format(number) for number in range(MANY))
    (tmp_path / "compose.yaml").write_text(text)
    read, parse = [], endpoint.urlsplit

    def reading(url: str) -> object:
        read.append(url)
        return parse(url)

    monkeypatch.setattr(endpoint, "urlsplit", reading)
    project = read_project(tmp_path / "compose.yaml", {})
    found = recognise(project, KINDS)
    for one in found.values():
        mentions(project, one.service, KINDS["postgres"])
    assert len(mentions(project, found["s0"].service, KINDS["postgres"])) == MANY - 1
    assert len(read) == MANY


def test_each_connection_string_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = "  s{0}: {{image: x, environment: {{A: 'host=s0 user=u{0} dbname=of-many'}}}}\n"
    text = "services:\n" + "".join(service.format(number) for number in range(MANY))
    (tmp_path / "compose.yaml").write_text(text)
    read = []

    def reading(scheme: str, host: str, port: int, path: str, *login: str | None) -> Endpoint:
        read.append(login)
        return Endpoint(scheme, host, port, path, *login)

    monkeypatch.setattr(connection_strings, "Endpoint", reading)
    project = read_project(tmp_path / "compose.yaml", {})
    for one in project.services.values():
        mentions(project, one, KINDS["postgres"])
    assert len(mentions(project, project.services["s0"], KINDS["postgres"])) == MANY - 1
    assert len(read) == MANY


def test_a_file_of_variables_that_all_share_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = "".join(f"  s{number}: {{image: x, env_file: all.env}}\n" for number in range(MANY))
    (tmp_path / "compose.yaml").write_text("services:\n" + services)
    (tmp_path / "all.env").write_text("A=1")
    read, env_file = [], described.env_file

    def reading(file: Path, variables: Mapping[str, str]) -> dict[str, str]:
        read.append(file.name)
        return env_file(file, variables)

    monkeypatch.setattr(described, "env_file", reading)
    project = read_project(tmp_path / "compose.yaml", {})
    assert read.count("all.env") == 1
    assert {one.environment["A"] for one in project.services.values()} == {"1"}
