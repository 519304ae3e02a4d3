"""What of Seatrial's own files would be part of what services are built from.

Every run writes evidence and reports beside seatrial.yaml. Where an image is built from that
folder, or from one above it, they change its build context each time, unless a .dockerignore
leaves them out:
https://docs.docker.com/build/concepts/context/#dockerignore-files
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from seatrial.compose.project import Project
from seatrial.kinds.containers import Service

_NAME = ".dockerignore"
_MOST = 1_000_000  # characters of such a file


@dataclass(frozen=True)
class Unignored:
    """What belongs into a .dockerignore, and is not there."""

    file: Path
    missing: tuple[str, ...]  # as they are written there: "shop/.seatrial"
    services: tuple[str, ...]  # that are built from its folder


def unignored(project: Project, written: Sequence[str]) -> list[Unignored]:
    """Of what is `written` in the project's folder, all that a build of a service would take up."""
    found: dict[tuple[Path, tuple[str, ...]], list[str]] = {}
    for service in project.services.values():
        if service.context is None:
            continue
        context, folder = service.context.resolve(), project.folder.resolve()
        if not folder.is_relative_to(context):
            continue
        file = _file_of(service, context)
        patterns, below = _lines(file), folder.relative_to(context)
        places = ((below / name).as_posix() for name in written)
        if missing := tuple(place for place in places if not leaves_out(patterns, place)):
            found.setdefault((file, missing), []).append(service.name)
    return [Unignored(*where, tuple(services)) for where, services in found.items()]


def leaves_out(patterns: Iterable[str], place: str) -> bool:
    """Whether the lines of a .dockerignore leave out what is in this folder of the context: of
    those that match that, or a folder that it is in, the last one decides."""
    parts, out = [*place.split("/"), "any"], False
    places = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    for line in patterns:
        text = line.strip()
        if text and not text.startswith("#"):
            back = text.startswith("!")
            pattern = posixpath.normpath(f"/{text.removeprefix('!').strip()}").strip("/")
            if any(_regular(pattern).fullmatch(one) for one in places):
                out = not back
    return out


_PARTS = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
_PART = re.compile(r"\*\*/|\*\*|\*|\?|\[\^?[^\]]+\]|\\.|.", re.DOTALL)


def _regular(pattern: str) -> re.Pattern[str]:
    made = []
    for part in _PART.findall(pattern):
        if part[0] == "[" and len(part) > 1:
            made.append(part)
        else:
            made.append(_PARTS.get(part) or re.escape(part.removeprefix("\\") or part))
    try:
        return re.compile("".join(made), re.DOTALL)
    except re.error:  # the engine will say so
        return re.compile(re.escape(pattern))


def _file_of(service: Service, context: Path) -> Path:
    """One that is there for its Dockerfile alone wins."""
    dockerfile = context / service.dockerfile
    own = dockerfile.with_name(dockerfile.name + _NAME)
    return own if own.is_file() else context / _NAME


def _lines(file: Path) -> list[str]:
    if not file.is_file():  # a pipe would be waited for
        return []
    try:
        with file.open(encoding="utf-8-sig", errors="replace") as stream:
            return stream.read(_MOST).splitlines()
    except OSError:
        return []
