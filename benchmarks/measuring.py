"""Measuring by turns, so that a noisy machine is as unkind to the one as to the other."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).parents[1]
QUEUE = ROOT / "systems" / "quantum_queue"
SEATRIAL = ROOT / ".venv" / "bin" / "seatrial"
PYTHON = ROOT / ".venv" / "bin" / "python"

#: Compiled modules are among the caches that are warm; where they may not be written, they are not.
ENVIRON = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


@dataclass(frozen=True)
class Row:
    """One line of the table; seconds."""

    what: str
    beside: str
    measured: tuple[float, ...]
    floor: tuple[float, ...]
    goal: str
    kept: bool
    figure: str  # what is held against the goal

    def __str__(self) -> str:
        mark = "kept" if self.kept else "MISSED"
        floor = f"{_median(self.floor)} {self.beside}" if self.floor else self.beside
        return (
            f"{self.what}: {_median(self.measured)} (n={len(self.measured)}); "
            f"beside: {floor}; {self.figure}; goal {self.goal}: {mark}"
        )


def _median(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    return f"{statistics.median(values):.3f} s [{low:.3f}..{high:.3f}]"


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def ratio_by_turns(measured: Sequence[float], beside: Sequence[float]) -> float:
    """The median of what each turn's two are to each other. Where both go by steps of a second,
    those of health checks, the ratio of their medians tells on which step each of them fell."""
    return median([one / other for one, other in zip(measured, beside, strict=True)])


def by_turns(repeats: int, *ways: Callable[[], float]) -> list[tuple[float, ...]]:
    """Call each way in turn, `repeats` times; each returns the seconds that it took."""
    seen: list[list[float]] = [[] for _ in ways]
    for _ in range(repeats):
        for way, values in zip(ways, seen, strict=True):
            values.append(way())
    return [tuple(values) for values in seen]


def timed(*command: str | Path, expect: int = 0, **env: str) -> float:
    """Seconds that a command takes; it must end with the exit code `expect`."""
    began = perf_counter()
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        env={**ENVIRON, **env},
        cwd=ROOT,
        check=False,
    )
    took = perf_counter() - began
    if done.returncode != expect:
        raise SystemExit(f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return took


def machine() -> str:
    """What this is measured on, and how busy it is besides."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} cores, {model}, Python {platform.python_version()}, load {load:.1f}"
