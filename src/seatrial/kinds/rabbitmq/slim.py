"""A home folder for the broker that holds only what it needs, so that it boots in half the time
or less (`python -m benchmarks broker` measures it).

Most of a boot goes into looking modules up over some 70 plugin folders, and into loading every
module of every application just to read its attributes. The slim home has symbolic links to the
needed plugins only, and copies of their `.app` files that list only those modules whose attributes
mean something to RabbitMQ. The programs themselves are the installed ones, untouched.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

from seatrial.kinds.rabbitmq.installed import Server

_LAYOUT = 1  # raised when what a slim home holds changes
#: Versions that were seen to work so; every other one starts from its own home.
TRIED: tuple[str, ...] = ("3.10.",)
#: In Erlang's boot file already: their `.app` files are not read again.
_BOOTED = ("kernel", "stdlib", "sasl")

_APPLICATIONS = re.compile(r"\{applications,\s*\[(.*?)\]\s*\}", re.DOTALL)
_MODULES = re.compile(r"\{modules,\s*\[.*?\]\s*\}", re.DOTALL)


class UnknownLayout(Exception):
    """The installation is not laid out as expected; the stock start will do."""


def slim_home(server: Server, plugins: Iterable[str], cache: Path) -> Path | None:
    """The slim home for these plugins, made if need be; None where the stock start is to be used.

    Blocking: some 0.1 s when it has to be made.
    """
    if not server.version.startswith(TRIED):
        return None
    wanted = ("rabbit", *plugins)
    final = cache / f"rabbitmq-home-{_digest(server, wanted)}"
    if final.is_dir():
        return final
    cache.mkdir(parents=True, exist_ok=True)
    making = cache / f"{final.name}.tmp-{secrets.token_hex(4)}"
    try:
        _make(making, server, wanted)
        making.rename(final)
    except UnknownLayout:
        return None
    except OSError:
        if not final.is_dir():  # not made by another keeper meanwhile either
            raise
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return final


def _digest(server: Server, wanted: Iterable[str]) -> str:
    stamps = (folder.stat().st_mtime_ns for folder in (server.home / "plugins", _libraries(server)))
    parts = (str(_LAYOUT), str(server.home), server.version, str(server.erlang), *wanted)
    return hashlib.sha256("\0".join((*parts, *map(str, stamps))).encode()).hexdigest()[:16]


def _libraries(server: Server) -> Path:
    return server.erlang / "lib"


def _make(home: Path, server: Server, wanted: Iterable[str]) -> None:
    plugins = home / "plugins"
    plugins.mkdir(parents=True)
    (home / "sbin").symlink_to(server.home / "sbin")  # it finds its home by where its scripts are
    for folder in _needed(server, wanted):
        _slim_application(folder, plugins / folder.name)
    for folder in (home, *(one for one in plugins.rglob("*") if one.is_dir())):
        if not folder.is_symlink():
            folder.chmod(0o755)  # whatever the umask: the broker may run as another user


def _needed(server: Server, wanted: Iterable[str]) -> list[Path]:
    """The folders of these applications and of all that they depend on."""
    known = dict(_applications(_libraries(server))) | dict(_applications(server.home / "plugins"))
    found: dict[str, Path] = {}
    queue = list(wanted)
    while queue:
        name = queue.pop()
        if name in found or name in _BOOTED:
            continue
        if name not in known:
            raise UnknownLayout(name)
        found[name] = known[name]
        text = (known[name] / "ebin" / f"{name}.app").read_text()
        listed = _APPLICATIONS.search(text)
        if listed is None:
            raise UnknownLayout(name)
        queue += re.findall(r"\w+", listed[1])
    return list(found.values())


def _applications(folder: Path) -> Iterator[tuple[str, Path]]:
    for one in folder.glob("*-*"):
        name = one.name.partition("-")[0]
        if (one / "ebin" / f"{name}.app").is_file():
            yield name, one


def _slim_application(source: Path, target: Path) -> None:
    (target / "ebin").mkdir(parents=True)
    for one in source.iterdir():
        if one.name != "ebin":
            (target / one.name).symlink_to(one)
    telling = []
    for one in (source / "ebin").iterdir():
        if one.suffix == ".beam":
            if b"rabbit" in _attributes(one.read_bytes()):
                telling.append(one.stem)
            (target / "ebin" / one.name).symlink_to(one)
    name = source.name.partition("-")[0]
    text = (source / "ebin" / f"{name}.app").read_text()
    listed = ",".join(f"'{module}'" for module in sorted(telling))
    text, count = _MODULES.subn(f"{{modules,[{listed}]}}", text, count=1)
    if count != 1:
        raise UnknownLayout(name)
    file = target / "ebin" / f"{name}.app"
    file.write_text(text)
    os.chmod(file, 0o644)


def _attributes(beam: bytes) -> bytes:
    """The attribute chunk of a compiled module, as it stands in the file."""
    if beam[:4] != b"FOR1":
        raise UnknownLayout("a compiled module of unknown form")
    at = 12
    while at + 8 <= len(beam):
        (length,) = struct.unpack(">I", beam[at + 4 : at + 8])
        if beam[at : at + 4] == b"Attr":
            return beam[at + 8 : at + 8 + length]
        at += 8 + (length + 3) // 4 * 4
    return b""
