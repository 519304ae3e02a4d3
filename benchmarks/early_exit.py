"""How long after a component's exit during start-up its failure is reported to the client."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measuring import PYTHON, Row, median
from seatrial.declaration.load import load
from seatrial.keeper import client
from seatrial.keeper.places import Place
from seatrial.kinds.registry import KINDS

_PROGRAM = "import time; print(time.time_ns(), flush=True); raise SystemExit(3)"


def measure() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "seatrial.yaml").write_text(
            f"system: bench\npython: {PYTHON}\ncomponents:\n"
            "  slow: {kind: process, run: [sleep, '3600'], ready: notify}\n"
            f"  bad: {{kind: process, run: [python, -c, '{_PROGRAM}'], ready: notify}}\n"
        )
        system = load(folder, KINDS, environment=None, variables=os.environ)
        delays = tuple(_delay(client.start(system, Place.private())) for _ in range(15))
    yield Row(
        "an exit during start-up is reported",
        "its exit",
        delays,
        (),
        "within 250 ms",
        median(delays) < 0.250,
        f"{median(delays) * 1000:.0f} ms after the program's last line",
    )


def _delay(started: client.KeeperClient) -> float:
    status = started.wait_until_ready(lambda event: None)
    seen = time.time_ns()
    started.close()
    assert status.failure is not None
    return (seen - int(status.failure.log[-1])) / 1e9
