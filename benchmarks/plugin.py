"""What the plugin adds to a trial, beside the same tests in bare pytest.

Two sizes of suite are run each way, so that what is paid once a session does not count as paid
per trial.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measuring import PYTHON, SEATRIAL, Row, by_turns, median, timed

FEW, MANY = 20, 420


def measure() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "seatrial.yaml").write_text(
            f"system: bench\npython: {PYTHON}\n"
            "components:\n  idle: {kind: process, run: [sleep, '3600'], ready: started}\n"
        )
        (folder / "pytest.ini").write_text("[pytest]\n")
        (folder / "trials").mkdir()  # what lies elsewhere is no trial, and costs nothing
        for count in (FEW, MANY):
            tests = "\n".join(f"def test_{n}():\n    assert True" for n in range(count))
            (folder / "trials" / f"test_{count}.py").write_text(tests)
        timed(SEATRIAL, "up", folder)
        try:
            yield _row(folder)
        finally:
            timed(SEATRIAL, "down", folder)


def _row(folder: Path) -> Row:
    def way(count: int, *options: str) -> float:
        quiet = ("-q", "-p", "no:cacheprovider", *options)
        file = folder / "trials" / f"test_{count}.py"
        return timed(PYTHON, "-m", "pytest", *quiet, f"--rootdir={folder}", file)

    bare = ("-p", "no:seatrial")
    ours_few, ours_many, bare_few, bare_many = by_turns(
        7,
        lambda: way(FEW),
        lambda: way(MANY),
        lambda: way(FEW, *bare),
        lambda: way(MANY, *bare),
    )
    ours = tuple((b - a) / (MANY - FEW) for a, b in zip(ours_few, ours_many, strict=True))
    floor = tuple((b - a) / (MANY - FEW) for a, b in zip(bare_few, bare_many, strict=True))
    more = median(ours) - median(floor)
    return Row(
        "one trial with the plugin",
        "bare pytest",
        ours,
        floor,
        "< 5 ms more",
        more < 0.005,
        f"{more * 1000:.2f} ms more",
    )
