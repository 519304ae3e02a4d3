"""Copies of the user's files, for a project of Seatrial's own that may write into them."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

#: A file of the user -> where its copy is; raises OSError.
Copy = Callable[[str], str]

LONGEST = 10 * 1024 * 1024  # bytes


def copies_in(folder: Path) -> Copy:
    """One copy of each file, with its rights and, where that is allowed, its owner."""
    made: dict[str, str] = {}

    def copy(source: str) -> str:
        if source not in made:
            folder.mkdir(mode=0o700, exist_ok=True)  # in that of a deployment that is still there
            target = folder / f"{len(made)}-{os.path.basename(source)}"
            shutil.copy2(source, target)
            there = os.stat(source)
            with contextlib.suppress(PermissionError):
                os.chown(target, there.st_uid, there.st_gid)
            made[source] = str(target)
        return made[source]

    return copy
