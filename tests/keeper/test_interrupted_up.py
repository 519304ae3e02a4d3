"""Ctrl-C during `up` says that what it started goes by itself, and so it does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from seatrial.waiting import eventually

DECLARED = """
system: shop
components:
  web: {kind: http, run: [python3, -c, "import time; time.sleep(300)"], start_timeout: 200}
"""


def test_what_was_started_goes_by_itself(tmp_path: Path, seatrial_home: Path) -> None:
    (tmp_path / "seatrial.yaml").write_text(DECLARED)
    said = tmp_path / "said"

    def left() -> set[Path]:
        return set(seatrial_home.glob("d/*/state.json")) - of_others

    of_others = set(seatrial_home.glob("d/*/state.json"))
    with said.open("wb") as output:
        up = subprocess.Popen(
            [sys.executable, "-P", "-m", "seatrial", "up"],
            cwd=tmp_path,
            env={**os.environ, "SEATRIAL_HOME": str(seatrial_home)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        eventually(said.read_text, lambda text: "starting" in text, timeout=30)
        up.send_signal(signal.SIGINT)
        assert up.wait(20) == 130
    finally:
        up.kill()
        up.wait()
    assert "is being ended" in said.read_text()
    eventually(left, lambda found: not found, timeout=30)
