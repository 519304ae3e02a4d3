"""The settings of gateways, and of those that collect metrics, that a container has and reads, as
far as they lie on this machine: mounted, or copied by its Dockerfile."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import lru_cache
from glob import escape, iglob
from itertools import islice
from pathlib import Path

from seatrial.kinds.containers import Mount, Service, content_of

#: Where a container has settings, the file that is read first, and what the images of nginx have
#: that one include.
_SETTINGS = re.compile(
    r"/(?:etc/|usr/local/(?:etc/)?|opt/bitnami/)?"
    r"(?:nginx|openresty|caddy|haproxy|traefik|prometheus|apache2|httpd)[/.].*"
)
_FIRST = re.compile(
    r".*/(?:nginx\.conf|Caddyfile|haproxy\.cfg|httpd\.conf|apache2\.conf"
    r"|prometheus\.ya?ml|traefik\.(?:ya?ml|toml))"
)
_INCLUDED = re.compile(r".*/(?:(?:conf\.d|server_blocks)/[^/]+\.conf|sites-enabled/[^/]+)")
_TEMPLATE = re.compile(r"(.*)/templates/([^/]+)\.template")
_IN_FOLDER = re.compile(r"(?:directory[=:]\s*|-f\s+)[\"']?(/[\w./-]+)")
_INCLUDES = re.compile(r"(?i)\b(?:include(?:optional)?|import|filename)[\s=:]+[\"']?([^\s;\"']+)")
_WORD = re.compile(r"[\s'\";=,]+")  # what ends one of a command
_PROGRAM = re.compile(
    r"(?<![a-z])(?:nginx|openresty|caddy|haproxy|traefik|prometheus|apache2?|httpd)(?![a-z])"
)
_CHANGES = re.compile(r"\bsed\s+-[a-zA-Z]*i|\benvsubst\b")
_LONGEST = 65_536  # characters of one
_MOST = 50  # files of one mount
_NAMES = 200  # of files, in one round


@dataclass(frozen=True)
class Settings:
    file: Path
    target: str  # where the container has it
    text: str
    built_in: bool  # else mounted


def settings_of(service: Service) -> list[Settings]:
    """Sorted by where the container has them. None of what only shares a folder with a gateway, and
    of what changes them before it starts."""
    ran = f"{service.image_name} {service.command}"
    if not _PROGRAM.search(ran) or _CHANGES.search(service.command):
        return []
    built_in = _copied(service)
    files = _mounted(service, built_in)
    texts = {target: _content(file) for target, file in files.items()}
    return [
        Settings(files[one], one, texts[one], built_in.get(one) == files[one])
        for one in sorted(_read(texts, service.command))
    ]


def _copied(service: Service) -> dict[str, Path]:
    """By where the container has them; what is copied later replaces what was there before."""
    found: dict[str, Path] = {}
    for mount in service.built_in:
        found |= _files(mount)
    return found


def _mounted(service: Service, over: Mapping[str, Path]) -> dict[str, Path]:
    """Likewise, and what is mounted, later or deeper, hides what was there."""
    found = dict(over)
    for mount in sorted(service.mounts, key=lambda one: one.target.rstrip("/").count("/")):
        if mount.bind:
            at = mount.target.rstrip("/")
            found = {k: v for k, v in found.items() if k != at and not k.startswith(f"{at}/")}
            found |= _files(mount)
    return found


def _files(mount: Mount) -> dict[str, Path]:
    every = islice(_each(Path(mount.source), mount.target), _MOST)
    return {target: file for file, target in every if _SETTINGS.fullmatch(target)}


def _each(source: Path, target: str) -> Iterator[tuple[Path, str]]:
    """With where the container has them. Of a folder that is closed, nothing."""
    if not _SETTINGS.fullmatch(f"{target}/") or "\0" in str(source):
        return
    if "*" in source.name:  # as COPY takes it
        folder = target.rpartition("/")[0]
        found = iglob(os.path.join(escape(str(source.parent)), source.name))
        yield from ((Path(one), f"{folder}/{os.path.basename(one)}") for one in sorted(found))
    elif not os.path.isdir(source):
        yield source, target
    else:
        for at, folders, names in os.walk(source):
            folders.sort()
            for file in (Path(at, name) for name in sorted(names)):
                yield file, f"{target.rstrip('/')}/{file.relative_to(source)}"


def _read(texts: Mapping[str, str], command: str) -> set[str]:
    """Those of these files that are used: those that the command names, else those that are read
    first, else those that are always included; and what they include."""
    first = {one for one in texts if _FIRST.fullmatch(one)}
    usual = {one for one in texts if _INCLUDED.fullmatch(_made_of(one))}
    todo = _among(texts, _WORD.split(command), command) or first or usual
    found: set[str] = set()
    while todo:
        found |= todo
        told = "\n".join(texts[one] for one in todo)
        todo = _among(texts.keys() - found, _INCLUDES.findall(told), told)
    return found


def _among(targets: Iterable[str], named: Collection[str], text: str) -> set[str]:
    """Of these, what is `named`, by a pattern perhaps, or lies in a folder that the text names."""
    folders = {one.rstrip("/") for one in _IN_FOLDER.findall(text)}
    patterns = [one if one[:1] == "/" else f"*/{one}" for one in dict.fromkeys(named)][:_NAMES]
    return {
        one
        for one in targets
        if one.rpartition("/")[0] in folders
        or any(fnmatch(_made_of(one), pattern) for pattern in patterns)
    }


def _made_of(target: str) -> str:
    """What nginx' image makes of a template, else the file itself."""
    return _TEMPLATE.sub(r"\1/conf.d/\2", target)


def _content(file: Path) -> str:
    """What it says now; read again only where it has changed."""
    with suppress(OSError):
        known = file.stat()
        return _as_of(file, known.st_mtime_ns, known.st_size)
    return ""


@lru_cache(maxsize=256)  # at each look
def _as_of(file: Path, changed: int, size: int) -> str:
    text = content_of(file, _LONGEST) or ""
    return text if len(text) < _LONGEST else text.rpartition("\n")[0]  # not half a line
