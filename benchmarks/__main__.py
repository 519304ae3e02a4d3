"""`python -m benchmarks [NAME...]`: measure, print a line each, exit 1 if a goal was missed."""

from __future__ import annotations

import os
import sys
from importlib import import_module

from benchmarks.measuring import machine

NAMES = (
    "start",
    "plugin",
    "early_exit",
    "broker",
    "up",
    "check",
    "suite",
    "proxy",
    "redaction",
    "queue_speed",
)


def main() -> int:
    names = sys.argv[1:] or NAMES
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # of keepers, too
    print(machine(), flush=True)
    kept = True
    for name in names:
        for row in import_module(f"benchmarks.{name}").measure():
            print(row, flush=True)
            kept = kept and row.kept
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
