"""Which machine this is, and what may be done on it."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

#: Where servers are installed from packages and started natively: (os-release ID, version).
SUPPORTED = (("debian", "12"), ("debian", "13"), ("ubuntu", "24.04"))


@dataclass(frozen=True)
class Platform:
    id: str  # "debian"
    version: str  # "12"; "" where there is none (testing)
    name: str  # for people

    @property
    def supported(self) -> bool:
        return (self.id, self.version) in SUPPORTED


def this_platform() -> Platform:
    """From os-release; on systems without that file, the kernel's name."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return Platform(platform.system().lower(), platform.release(), platform.platform())
    version = release.get("VERSION_ID", "")
    return Platform(release["ID"], version, release.get("PRETTY_NAME", release["ID"]))


class Rights(StrEnum):
    """How this process may get packages installed."""

    ROOT = "root"
    SUDO = "sudo"  # without a password
    NONE = "none"


def rights() -> Rights:
    """Never asks for a password."""
    if os.geteuid() == 0:
        return Rights.ROOT
    if shutil.which("sudo") is None:
        return Rights.NONE
    try:
        done = subprocess.run(
            ["sudo", "-n", "true"], stdin=subprocess.DEVNULL, capture_output=True, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return Rights.NONE
    return Rights.SUDO if done.returncode == 0 else Rights.NONE


def free_memory() -> int | None:
    """Bytes that can be used without swapping; None where the kernel does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    found = dict(line.split(":", 1) for line in lines if ":" in line)
    text = found.get("MemAvailable", "").split()
    return int(text[0]) * 1024 if text else None


def free_disk(folder: Path) -> int | None:
    """Bytes that this user may still write below `folder`; None if it cannot be read."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None
