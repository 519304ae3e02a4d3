"""What is said where nothing can be installed, and where the helper fails or is stopped."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from seatrial.provision import install as module
from seatrial.provision.install import ProvisionError, install, refuse_if_impossible
from seatrial.provision.machine import SUPPORTED, Platform, Rights, rights

DEBIAN = Platform("debian", "12", "Debian 12")


def helper_that(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> None:
    path = folder / "helper.py"
    path.write_text(script)
    monkeypatch.setattr(module, "_HELPER", path)


@pytest.mark.parametrize(("id", "version"), SUPPORTED)
@pytest.mark.parametrize("have", [Rights.ROOT, Rights.SUDO])
def test_supported_platforms_install(id: str, version: str, have: Rights) -> None:
    refuse_if_impossible(["thing"], Platform(id, version, "it"), have)


@pytest.mark.parametrize(
    "platform", [Platform("fedora", "40", "Fedora 40"), Platform("debian", "11", "Debian 11")]
)
def test_other_platforms_are_sent_elsewhere(platform: Platform) -> None:
    with pytest.raises(ProvisionError, match=platform.name) as caught:
        refuse_if_impossible(["thing"], platform, Rights.ROOT)
    assert "compose" in str(caught.value)
    assert "remote" in str(caught.value)
    assert caught.value.exit_code == 3


def test_without_rights_the_commands_are_shown() -> None:
    with pytest.raises(ProvisionError) as caught:
        refuse_if_impossible(["one", "two"], DEBIAN, Rights.NONE)
    assert "sudo apt-get install --no-install-recommends one two" in str(caught.value)
    assert "provision --all --yes" in str(caught.value)


def test_sudo_that_wants_a_password_is_no_right(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    sudo = tmp_path / "sudo"
    # As sudo does it: with -n it fails where it would have to ask, without -n it asks and waits.
    sudo.write_text('#!/bin/sh\n[ "$1" = -n ] && exit 1\nexec sleep 600\n')
    sudo.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert rights() is Rights.NONE

    sudo.write_text('#!/bin/sh\n[ "$1" = -n ] || exit 1\nshift; exec "$@"\n')
    assert rights() is Rights.SUDO

    sudo.unlink()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert rights() is Rights.NONE


def test_lines_of_the_helper_are_passed_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    helper_that(monkeypatch, tmp_path, "import sys; print('first'); print(*sys.argv[1:])")
    lines: list[str] = []
    install(["one", "two"], Rights.ROOT, lines.append)
    assert lines == ["first", "one two"]


def test_a_failure_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    helper_that(monkeypatch, tmp_path, "import sys; sys.exit(1)")
    with pytest.raises(ProvisionError, match="one: could not be installed") as caught:
        install(["one"], Rights.ROOT, lambda line: None)
    assert "apt-get install one" in str(caught.value)


def test_termination_waits_until_the_helper_has_cleaned_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The helper learns of it by the end of its standard input, and takes its time."""
    cleaned = tmp_path / "cleaned"
    helper_that(
        monkeypatch,
        tmp_path,
        "import sys, time\nprint('began', flush=True)\nsys.stdin.read()\ntime.sleep(0.3)\n"
        f"open({str(cleaned)!r}, 'w')\n",
    )

    def terminate(line: str) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        install(["one"], Rights.ROOT, terminate)
    assert cleaned.exists()
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_helper_is_called_through_sudo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    helper_that(monkeypatch, tmp_path, "print('helped')")
    sudo = tmp_path / "sudo"
    sudo.write_text('#!/bin/sh\n[ "$1" = -n ] || exit 1\nshift; echo "sudo $1"; exec "$@"\n')
    sudo.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    lines: list[str] = []
    install(["one"], Rights.SUDO, lines.append)
    assert lines == [f"sudo {sys.executable}", "helped"]
