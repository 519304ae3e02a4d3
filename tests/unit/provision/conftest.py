"""The root helper on a machine of its own: a folder as root, and package tools that are scripts.

The real apt is proved on fresh machines (tests/install). What the scripts stand in for here are
its moods: slow, failing, interrupted, or leaving a daemon behind that holds the pipe open.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from seatrial.provision import as_root
from seatrial.waiting import eventually

_KNOWN = 'echo "  Candidate: 1.0"'
_START = """
import sys
sys.path.insert(0, {folder!r})
import as_root
from pathlib import Path
as_root.ROOT = Path({root!r})
as_root.STOP_PATIENCE = {patience}
as_root.APT_LIMIT = {limit}
sys.exit(as_root.main(sys.argv[1:]))
"""


@dataclass(frozen=True)
class Helper:
    """Runs `as_root.main` as a process, with scripts in place of apt-get and its kin."""

    root: Path
    tools: Path

    @property
    def policy(self) -> Path:
        return self.root / "usr/sbin/policy-rc.d"

    @property
    def no_cluster(self) -> Path:
        return self.root / "etc/postgresql-common/createcluster.d/seatrial.conf"

    @property
    def calls(self) -> list[str]:
        """What apt-get was called for, one word a call."""
        log = self.root / "calls"
        return log.read_text().split() if log.exists() else []

    def tool(self, name: str, script: str) -> None:
        path = self.tools / name
        path.write_text(f"#!/bin/bash\nROOT={self.root}\n{script}\n")
        path.chmod(0o755)

    def apt_get(self, **cases: str) -> None:
        """What `apt-get update` and `apt-get install` do; calls are counted."""
        lines = "\n".join(f"*' {name} '*|*' {name}') {script} ;;" for name, script in cases.items())
        log = "for word; do case $word in update|install) echo $word >>$ROOT/calls;; esac; done"
        self.tool("apt-get", f'{log}\ncase " $*" in\n{lines}\nesac')

    @contextmanager
    def started(
        self, *packages: str, patience: float = 10.0, limit: float = 30.0
    ) -> Iterator[subprocess.Popen[str]]:
        start = _START.format(
            folder=str(Path(as_root.__file__).parent), root=str(self.root),
            patience=patience, limit=limit,
        )  # fmt: skip
        process = subprocess.Popen(
            [sys.executable, "-I", "-B", "-c", start, *packages],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self._environment(),
            umask=0o077,  # a careful administrator's
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def run(
        self, *packages: str, patience: float = 10.0, limit: float = 30.0
    ) -> subprocess.CompletedProcess[str]:
        with self.started(*packages, patience=patience, limit=limit) as process:
            assert process.stdout is not None
            output = process.stdout.read()  # its lifeline stays open meanwhile
            return subprocess.CompletedProcess(packages, process.wait(), output)

    def wait_for(self, name: str) -> None:
        """Until a script has made this file below the root."""
        eventually((self.root / name).exists, timeout=20, what=f"{name} made by the script")

    def _environment(self) -> Mapping[str, str]:
        return os.environ | {"PATH": f"{self.tools}:{os.environ['PATH']}"}


@pytest.fixture
def helper(tmp_path: Path) -> Helper:
    made = Helper(tmp_path / "root", tmp_path / "tools")
    for folder in (made.root / "usr/sbin", made.root / "run", made.tools):
        folder.mkdir(parents=True)
    made.tool("apt-cache", _KNOWN)
    made.tool("dpkg-query", "exit 1")
    made.tool("dpkg", "echo $* >>$ROOT/dpkg-calls")
    made.apt_get(install="echo 'Setting up thing (1.0) ...'")
    return made
