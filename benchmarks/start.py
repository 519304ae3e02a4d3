"""The start of `seatrial --help`, beside python itself."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.measuring import PYTHON, SEATRIAL, Row, by_turns, median, timed


def measure() -> Iterator[Row]:
    ours, bare = by_turns(
        15, lambda: timed(SEATRIAL, "--help"), lambda: timed(PYTHON, "-c", "pass")
    )
    more = median(ours) - median(bare)
    yield Row(
        "seatrial --help",
        "python -c pass",
        ours,
        bare,
        "< 150 ms more",
        more < 0.150,
        f"{more * 1000:.0f} ms more, {median(ours) / median(bare):.1f}x",
    )
