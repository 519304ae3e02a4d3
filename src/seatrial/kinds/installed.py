"""Servers that are installed on this machine: which of them will do, and as whom they run."""

from __future__ import annotations

import os
import pwd
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol, TypeVar

from seatrial.errors import ServerMissing
from seatrial.kinds.versions import satisfies
from seatrial.origin import pip_install


class Versioned(Protocol):
    @property
    def version(self) -> str | None: ...


S = TypeVar("S", bound=Versioned)


@dataclass(frozen=True)
class Looked:
    """What to call a server, and where it was looked for."""

    label: str
    packages: tuple[str, ...]  # of Debian, that carry it
    override: str = ""  # the variable that says where it is
    holds: str = ""  # what that is to name
    extra: str = ""  # of Seatrial, that brings one as a wheel

    @property
    def place(self) -> str | None:
        """Where it is to be looked for, and nowhere else."""
        return os.environ.get(self.override) or None

    def newest(self, wanted: str | None, *sources: Sequence[S]) -> S:
        """The newest that satisfies a requirement, from the first of these sources that has such
        a one. Raises ServerMissing."""
        for found in sources:
            for one in sorted(found, key=_order, reverse=True):
                if wanted is None or (one.version is not None and satisfies(one.version, wanted)):
                    return one
        versions = (one.version or "an unknown version" for found in sources for one in found)
        raise self._missing(", ".join(dict.fromkeys(versions)), wanted)

    def _missing(self, have: str, wanted: str | None) -> ServerMissing:
        hint = None
        if self.place is not None:
            hint = f"{self.override}={self.place} holds {have or 'no server'}; unset it, or name "
            hint += self.holds
        elif have:
            hint = (
                f"what is here is {have}: install version {wanted}, or correct `version` in "
                "seatrial.yaml"
            )
        elif self.extra:
            hint = (
                f"seatrial provision   (installs {', '.join(self.packages)}; without the rights "
                f"for that: {pip_install(sys.executable, self.extra)})"
            )
        called = self.label if wanted is None else f"{self.label} of version {wanted}"
        return ServerMissing(called, self.packages, hint=hint)


def _order(one: Versioned) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", one.version or ""))


def in_wheel(package: str, pattern: str) -> list[Path]:
    """What pip brought in a package of programs, for those who may install nothing else."""
    found = find_spec(package)
    places = (found.submodule_search_locations or ()) if found is not None else ()
    return [path for place in places for path in Path(place).glob(pattern)]


@dataclass(frozen=True)
class RunAs:
    """The user that a server runs as."""

    name: str | None  # None: as oneself
    uid: int
    gid: int

    @property
    def owner(self) -> tuple[int, int] | None:
        """Who its files are given to; None where they are its own already."""
        return None if self.name is None else (self.uid, self.gid)

    def give(self, *paths: Path) -> None:
        """Hand over files and folders (not what is in them)."""
        if self.name is not None:
            for path in paths:
                os.chown(path, self.uid, self.gid, follow_symlinks=False)


def run_as(*names: str) -> RunAs:
    """As root: the first of these users that there is. Otherwise, and without any: as oneself."""
    for name in names if os.geteuid() == 0 else ():
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return RunAs(name, entry.pw_uid, entry.pw_gid)
    return RunAs(None, os.geteuid(), os.getegid())
