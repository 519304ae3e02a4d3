"""Writing files into folders that belong to the user whom a server runs as.

Started by root, we write where that user may have put a symbolic link in the file's stead, or in
its folder's: neither is followed, and what is written takes the place of whatever was there.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def put_file(
    path: Path, text: str, mode: int = 0o600, owner: tuple[int, int] | None = None
) -> None:
    """Write a file as a whole, owned by (uid, gid). Raises OSError, also for a linked folder."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    making = f".{path.name}.{secrets.token_hex(4)}"
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with os.fdopen(os.open(making, flags, 0o600, dir_fd=folder), "w") as file:
            try:
                file.write(text)
                file.flush()
                os.fchmod(file.fileno(), mode)
                if owner is not None:
                    os.fchown(file.fileno(), *owner)
                os.rename(making, path.name, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                os.unlink(making, dir_fd=folder)
                raise
    finally:
        os.close(folder)
