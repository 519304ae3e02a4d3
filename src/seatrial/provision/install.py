"""Asking the helper with root's rights to install packages, and never waiting for a person."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from seatrial.errors import DeploymentError
from seatrial.interrupts import interruptible
from seatrial.provision.machine import Platform, Rights

_HELPER = Path(__file__).with_name("as_root.py")


class ProvisionError(DeploymentError):
    """Nothing, or not everything, could be installed."""


def refuse_if_impossible(packages: Sequence[str], platform: Platform, rights: Rights) -> None:
    """Raises ProvisionError where this machine, or this user, cannot install them."""
    names = " ".join(packages)
    if not platform.supported:
        raise ProvisionError(
            f"{names}: missing, and Seatrial does not install servers on {platform.name}",
            hint="install them yourself, or use an environment with `provider: compose` or `remote`"
            " (native servers: Debian 12 and 13, Ubuntu 24.04)",
        )
    if rights is Rights.NONE:
        raise ProvisionError(
            f"{names}: missing, and you are not root and have no sudo without a password",
            hint="let somebody with root's rights do one of these:\n"
            f"    sudo {Path(sys.executable).with_name('seatrial')} provision --all --yes\n"
            f"    sudo apt-get install --no-install-recommends {names}",
        )


def install(packages: Sequence[str], rights: Rights, say: Callable[[str], None]) -> None:
    """Install them; each step is one line to `say`. Raises ProvisionError, KeyboardInterrupt."""
    argv = [sys.executable, "-I", "-B", str(_HELPER), *packages]
    if rights is Rights.SUDO:
        argv = ["sudo", "-n", *argv]
    lines: list[str] = []
    with interruptible():  # so that the helper is waited for
        helper = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        assert helper.stdin is not None
        assert helper.stdout is not None
        try:
            for line in helper.stdout:
                lines.append(line.rstrip("\n"))
                say(lines[-1])
        except BaseException:
            # Its lifeline: it stops apt and takes back what it put in place before it ends.
            helper.stdin.close()
            helper.stdout.close()
            helper.wait()
            raise
        helper.stdin.close()
        helper.stdout.close()
        code = helper.wait()
    if code == 130:
        raise KeyboardInterrupt
    if code:
        raise ProvisionError(
            f"{' '.join(packages)}: could not be installed"
            + ("" if lines else f" (the helper ended with exit code {code})"),
            hint=f"see the lines above; by hand: apt-get install {' '.join(packages)}",
        )
