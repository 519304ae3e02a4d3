"""Finding a run by what a person calls it."""

from __future__ import annotations

from pathlib import Path

from seatrial.errors import UsageError


def find_run(run: str, system: Path) -> Path:
    """The folder of a run: a path, an id below the system's runs, or "last". Raises UsageError."""
    if (Path(run) / "evidence").is_dir():
        return Path(run)
    folder = (system if system.is_dir() else system.parent) / ".seatrial" / "runs"
    known = sorted(p.name for p in folder.glob("*") if (p / "evidence").is_dir())
    if run == "last" and known:
        return folder / known[-1]
    if run in known:
        return folder / run
    raise UsageError(
        f"there is no run {run!r} in {folder}",
        hint=f"name a run's folder, or one of: {', '.join(known[-5:])}"
        if known
        else "seatrial run makes one",
    )
