"""`seatrial provision`: asks, refuses to guess, and leaves alone what is there."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

import seatrial.cli.provision as module
from seatrial.cli.provision import command
from seatrial.errors import Refused
from seatrial.kinds.registry import KINDS
from seatrial.provision.install import ProvisionError
from seatrial.provision.machine import Platform, Rights

SYSTEM = """\
system: shop
components:
  db:  {kind: postgres}
  api: {kind: http, run: [python, -m, shop], health: /health, needs: [db]}
environments:
  local: {provider: local}
"""


@pytest.fixture
def system(tmp_path: Path) -> str:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "seatrial.yaml").write_text(SYSTEM)
    return str(folder)


@pytest.fixture
def lacking(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A Debian as root on which PostgreSQL appears when it is installed; what was installed."""
    installed: list[str] = []

    def install(packages: tuple[str, ...], rights: Rights, say: object) -> None:
        installed.extend(packages)
        monkeypatch.setitem(KINDS, "postgres", postgres)

    postgres = KINDS["postgres"]
    absent = replace(postgres, server_at="tests.unit.provision.test_servers:absent")
    monkeypatch.setitem(KINDS, "postgres", absent)
    monkeypatch.setattr(module, "install", install)
    monkeypatch.setattr(module, "rights", lambda: Rights.ROOT)
    monkeypatch.setattr(module, "this_platform", lambda: Platform("debian", "12", "Debian 12"))
    return installed


def test_what_is_there_is_not_installed(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "install", pytest.fail)
    done = CliRunner().invoke(command, [system], standalone_mode=False)
    assert done.return_value == 0, done.output
    assert "nothing to install" in done.output
    assert "rabbitmq" not in done.output, "this system has no broker"


def test_all_looks_at_every_kind(tmp_path: Path) -> None:
    done = CliRunner().invoke(command, ["--all", "--json", str(tmp_path)], standalone_mode=False)
    assert done.return_value == 0
    document = json.loads(done.stdout)
    assert document["changed"] is False
    assert {"postgres", "rabbitmq"} <= {server["kind"] for server in document["servers"]}


def test_without_a_terminal_it_does_not_install_unasked(system: str, lacking: list[str]) -> None:
    done = CliRunner().invoke(command, [system], standalone_mode=False)
    assert isinstance(done.exception, Refused)
    assert f"seatrial provision {system} --yes" in str(done.exception)
    assert lacking == []


def test_yes_installs(system: str, lacking: list[str]) -> None:
    done = CliRunner().invoke(command, [system, "--yes", "--json"], standalone_mode=False)
    assert done.return_value == 0, done.output
    assert lacking == ["thing-server"]
    document = json.loads(done.stdout)
    assert document["changed"] is True
    assert document["installed"] == ["thing-server"]
    assert document["servers"][0]["version"]


def test_a_server_that_is_still_missing_afterwards_is_no_success(
    system: str, lacking: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "install", lambda packages, rights, say: None)
    done = CliRunner().invoke(command, [system, "--yes"], standalone_mode=False)
    assert done.return_value == 3
    assert "Thing is not installed" in done.output


@pytest.mark.parametrize(("answer", "expected"), [("y\n", ["thing-server"]), ("n\n", [])])
def test_on_a_terminal_it_asks(
    system: str,
    lacking: list[str],
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    expected: list[str],
) -> None:
    monkeypatch.setattr(module, "_can_ask", lambda: True)
    CliRunner().invoke(command, [system], input=answer, standalone_mode=False)
    assert lacking == expected


def test_without_rights_it_does_not_even_ask(
    system: str, lacking: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "rights", lambda: Rights.NONE)
    monkeypatch.setattr(module, "_can_ask", lambda: pytest.fail("asked"))
    done = CliRunner().invoke(command, [system], standalone_mode=False)
    assert isinstance(done.exception, ProvisionError)
    assert str(Path(sys.executable).with_name("seatrial")) in str(done.exception)
    assert lacking == []
