"""Which Compose is called: version 2 where Docker has it as a plugin, else version 1."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.compose.command import Command, compose_command


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One with a docker that knows no plugins, as Debian 12 has it."""
    command(tmp_path / "bin" / "docker", "exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin:/usr/bin")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("DOCKER_CONFIG", raising=False)
    monkeypatch.setattr("seatrial.compose.command._PLACES", ())
    return tmp_path


def command(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)


def test_version_1_where_only_that_is_there(machine: Path) -> None:
    command(machine / "bin" / "docker-compose", "exit 0")
    assert compose_command() == Command(("docker-compose",), ("docker-compose",))


def test_version_2_where_both_are_there(machine: Path) -> None:
    command(machine / "bin" / "docker-compose", "exit 0")
    plugin = machine / ".docker" / "cli-plugins" / "docker-compose"
    command(plugin, "exit 0")
    assert compose_command() == Command(("docker", "compose"), (str(plugin),))


def test_docker_keeps_its_plugins_where_it_was_told_to(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(machine / "elsewhere"))
    plugin = machine / "elsewhere" / "cli-plugins" / "docker-compose"
    command(plugin, "exit 0")
    assert compose_command() == Command(("docker", "compose"), (str(plugin),))


def test_docker_is_asked_once(machine: Path) -> None:
    command(machine / "bin" / "docker", f"echo asked >> {machine}/asked")
    assert str(compose_command()) == str(compose_command()) == "docker compose"
    assert (machine / "asked").read_text() == "asked\n"


def test_docker_is_asked_where_its_plugin_is_not_found(machine: Path) -> None:
    command(machine / "bin" / "docker", 'test "$*" = "compose version"')
    assert compose_command() == Command(("docker", "compose"), ("docker", "compose"))
