"""Booted data folders: kept after a first start, and copied for later ones.

A fresh node spends a fifth of its boot on making tables and enabling feature flags. The copy is
taken from the running node when it is ready, which is as good as what a crash leaves; but only if
no file changed meanwhile, and if nothing was declared in it yet: a queue that came out of a
template would hide that nobody declares it.
"""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from seatrial.kinds.launching import Site
from seatrial.kinds.rabbitmq.config import RabbitmqConfig
from seatrial.kinds.rabbitmq.installed import Server
from seatrial.kinds.rabbitmq.management import Management
from seatrial.kinds.trouble import Trouble
from seatrial.waiting import Deadline

DATA = "mnesia"
_LAYOUT = 1  # raised when what a template holds changes
_MARK = "fresh"  # in a folder whose data was made by this very start
_TRIES = 3
_ASKING = 3.0  # s
#: What a broker holds on which nothing was declared yet; other keys are of no account.
_EMPTY = ("queues", "exchanges", "bindings", "policies", "parameters", "topic_permissions")


@dataclass(frozen=True)
class Template:
    """The data folder of a node, named by all that its content depends on."""

    path: Path

    @classmethod
    def of(
        cls, server: Server, config: RabbitmqConfig, plugins: tuple[str, ...], cache: Path
    ) -> Template:
        stamp = (server.home / "plugins").stat().st_mtime_ns
        parts = (str(_LAYOUT), str(server.home), server.version, str(server.erlang), str(stamp))
        whole = "\0".join((*parts, config.user, config.vhost, *plugins))
        digest = hashlib.sha256(whole.encode()).hexdigest()[:16]
        return cls(cache / f"rabbitmq-data-{digest}")

    def lay(self, folder: Path) -> None:
        """Give a folder without data a copy of this; nothing if there is none yet."""
        data, mark = folder / DATA, folder / _MARK
        mark.unlink(missing_ok=True)
        if data.exists():
            return
        if not self.path.is_dir():
            mark.touch()
            return
        staging = folder / f"{DATA}.new"
        shutil.rmtree(staging, ignore_errors=True)
        shutil.copytree(self.path, staging)
        staging.rename(data)

    def keep(self, folder: Path) -> bool:
        """Copy the data of a node that is idle; False if it was not, or is not fresh.

        The copy stays under another name until `confirm`.
        """
        if not (folder / _MARK).exists() or self.path.is_dir():
            return False
        (folder / _MARK).unlink()
        for _ in range(_TRIES):
            shutil.rmtree(self._draft(folder), ignore_errors=True)
            before = _stamps(folder / DATA)
            try:
                shutil.copytree(folder / DATA, self._draft(folder))
            except OSError:  # a file went while it was copied
                continue
            if _stamps(folder / DATA) == before:
                return True
        shutil.rmtree(self._draft(folder), ignore_errors=True)
        return False

    def confirm(self, folder: Path, empty: bool) -> None:
        """Make the copy the template, or throw it away."""
        draft = self._draft(folder)
        if empty:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            making = self.path.with_name(f"{self.path.name}.tmp-{secrets.token_hex(4)}")
            shutil.move(draft, making)
            making.chmod(0o700)
            try:
                making.rename(self.path)
            except OSError:  # another keeper was quicker
                shutil.rmtree(making, ignore_errors=True)
        shutil.rmtree(draft, ignore_errors=True)

    @staticmethod
    def _draft(folder: Path) -> Path:
        return folder / "template"


def _stamps(folder: Path) -> Mapping[Path, tuple[int, int]]:
    found = {}
    for one in folder.rglob("*"):
        try:
            seen = one.stat()
        except OSError:
            found[one] = (-1, -1)
        else:
            found[one] = (seen.st_mtime_ns, seen.st_size)
    return found


async def is_empty(site: Site, deadline: Deadline) -> bool:
    """Whether nothing but our own user and virtual host has been declared."""
    api = Management(site.endpoints["management"], deadline.within(_ASKING))
    try:
        found = await api.one("definitions")
    except Trouble:
        return False
    counts = {key: len(value) for key in found if isinstance(value := found[key], list)}
    declared = sum(counts.get(key, 0) for key in _EMPTY)
    return declared == 0 and (counts.get("users"), counts.get("vhosts")) == (1, 1)
