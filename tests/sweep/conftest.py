"""A tiny system that is run and killed, and a look at everything that is left of it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from seatrial.keeper import processes
from seatrial.keeper.processes import Pid
from seatrial.waiting import eventually
from tests.plugin.conftest import open_folder
from tests.run.conftest import WEB

SEATRIAL = [sys.executable, "-P", "-m", "seatrial"]
_LISTEN = "0A"  # a state of sockets, as /proc/net/tcp has it
SLOW = """
import time
def test_slow(component):
    component("web").get("/")
    time.sleep(60)
"""


@dataclass(frozen=True)
class Wreck:
    """A system of one web program whose only trial takes long, and its own base folder."""

    folder: Path
    home: Path

    @property
    def env(self) -> dict[str, str]:
        # without those plugins of pytest that happen to be installed: they take seconds to import
        alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "NO_COLOR": "1"}
        return {**os.environ, **alone, "SEATRIAL_HOME": str(self.home)}

    def declare(self, more: str = "") -> None:
        (self.folder / "seatrial.yaml").write_text(
            f"system: wreck\npython: {sys.executable}\ncomponents:\n"
            f"  web: {{kind: http, run: [python, {WEB}], health: /, env: {{PORT: '{{web.port}}'}}}}"
            f"\n{more}"
        )

    def trials(self, text: str) -> None:
        (self.folder / "trials").mkdir(exist_ok=True)
        (self.folder / "trials" / "pytest.ini").write_text("[pytest]\n")
        (self.folder / "trials" / "test_p1_it.py").write_text(text)

    def begin(self, *words: str) -> subprocess.Popen[bytes]:
        """A command in the background, with its output in a file."""
        with (self.folder / "said").open("ab") as said:
            return subprocess.Popen(
                [*SEATRIAL, *words], cwd=self.folder, env=self.env, stdout=said, stderr=said
            )

    def seatrial(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*SEATRIAL, *words],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def sweep(self, *words: str, code: int = 0) -> list[dict[str, Any]]:
        """What it found, as it says."""
        done = self.seatrial("sweep", *words, "--json")
        assert done.returncode == code, done.stdout + done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout)["leftovers"]
        return found

    # -- what there is -----------------------------------------------------------------------

    def processes(self) -> dict[Pid, str]:
        """Live processes that work in the system's folder or were told of it or of the base."""
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            pid, told = processes.identify(int(entry.name)), ""
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                told = os.readlink(entry / "cwd") + line + (entry / "environ").read_text()
            except (OSError, UnicodeDecodeError):
                continue
            if pid is not None and pid.alive and (str(self.folder) in told or self.named in told):
                found[pid] = line
        return found

    @property
    def named(self) -> str:
        return str(self.home)

    def crash(self) -> None:
        """SIGKILL to everything that is Seatrial: the run, pytest, keeper and guardian."""
        lines = self.processes().items()
        ours = [pid.number for pid, line in lines if re.search(r" -m (seatrial|pytest)\b", line)]
        processes.send(ours, signal.SIGSTOP)  # so that none ends what another leaves
        processes.send(ours, signal.SIGKILL)

    def files(self) -> list[str]:
        """In the base folder, but for the cache."""
        inside = [path for path in self.home.rglob("*") if not path.is_dir()]
        cache = self.home / "cache"
        scratch = [*cache.glob("scratch-*"), *cache.glob("*.tmp-*")]
        own = [path for path in inside if not path.is_relative_to(cache)]
        return [str(path) for path in (*scratch, *own)]

    def ports(self) -> list[int]:
        """That something of the system's folder, or without an owner, listens to."""
        sockets = set()
        for pid in self.processes():
            for file in Path(f"/proc/{pid.number}/fd").glob("*"):
                with suppress(OSError):  # it was closed, or the process has ended
                    sockets.add(os.readlink(file))
        tables = [Path("/proc/net", name).read_text().splitlines() for name in ("tcp", "tcp6")]
        lines = [line.split() for table in tables for line in table[1:]]
        return [
            int(local.rpartition(":")[2], 16)
            for _, local, _, state, *_, inode in (line[:10] for line in lines)
            if state == _LISTEN and f"socket:[{inode}]" in sockets
        ]

    def nothing_is_left(self) -> None:
        assert (self.processes(), self.ports(), self.files()) == ({}, [], [])


@pytest.fixture
def wreck(tmp_path: Path) -> Iterator[Wreck]:
    folder = tmp_path / "wreck"
    folder.mkdir()
    with open_folder() as home:
        wreck = Wreck(folder, home)
        wreck.declare()
        wreck.trials(SLOW)
        yield wreck
        for pid in wreck.processes():
            processes.kill(pid)
        eventually(lambda: wreck.processes() == {}, timeout=10, what="nothing runs")
