"""What a Dockerfile builds upon, where what it makes still runs that image's own program, and which
files of its context it puts where."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from seatrial.kinds.containers import content_of

_CHANGES = re.compile(r"\b(?:sed|envsubst|rm|mv|cp|ln|awk|perl|tee)\b|<<|>")
_LONGEST = 65_536  # characters
_CONTINUES = "\\"
#: Behind it are lines that are no instructions, up to the one that is its word: `RUN cat <<EOF`.
_HERE = re.compile(r"(?<!\S)\d*<<-?(['\"]?)([^\s'\"<]+)\1(?!\S)")
_TAKE_LINES = ("run", "copy", "add")
_FROM = re.compile(r"(?:--\S+\s+)*(?P<image>\S+)(?:\s+as\s+(?P<name>\S+))?\s*", re.IGNORECASE)
#: What images of servers run: whoever says so himself has not made another program of it.
_SERVES = re.compile(
    r"\b(redis-server|valkey-server|postgres|rabbitmq-server|nginx|caddy|httpd|apache2)\b"
)


@dataclass(frozen=True)
class Stage:
    base: str = ""  # the image whose program it still runs, as far as anybody knows
    copied: tuple[tuple[str, str], ...] = ()  # from a path of the context to one of the image
    folder: str = "/"  # that others are relative to


def stage_of(file: Path, target: str = "") -> Stage:
    """As `stage_in` has it, of a file; an empty one where that cannot be read."""
    return stage_in(content_of(file, _LONGEST) or "", target)


def stage_in(text: str, target: str = "") -> Stage:
    """The last one, or the one that is the `target`, with what the stages have that it is made
    of."""
    stages = _stages(text[:_LONGEST])
    return stages.get(target.lower() or next(reversed(stages), ""), Stage())


def _stages(text: str) -> dict[str, Stage]:
    """A name is that of a stage further up, else of an image: `FROM redis AS redis`."""
    found: dict[str, Stage] = {}
    name = ""
    for word, rest in _instructions(text):
        if word == "from" and (told := _FROM.fullmatch(rest)):
            name, image = (told["name"] or str(len(found))).lower(), told["image"]
            found[name] = found.get(image.lower(), Stage("" if "$" in image else image))
        elif name and (word == "entrypoint" or (word == "cmd" and not _SERVES.search(rest))):
            found[name] = replace(found[name], base="")
        elif name and word in ("copy", "add", "run"):
            found[name] = replace(found[name], copied=tuple(_after(found[name], word, rest)))
        elif name and word == "workdir":
            found[name] = replace(found[name], folder=os.path.join(found[name].folder, rest))
    return found


def _after(stage: Stage, word: str, rest: str) -> Iterator[tuple[str, str]]:
    """What is there as it was copied, after one more instruction."""
    if word == "run":
        for one in stage.copied:
            folder, name = os.path.split(one[1])
            changed = "<<" in rest or any(part in rest for part in (name, folder, "*"))
            if not (changed and _CHANGES.search(rest)):
                yield one
        return
    flags = [one for one in rest.split() if one.startswith("--")]
    new = list(_copied(rest, stage.folder))
    targets = {target for _, target in new}
    yield from (one for one in stage.copied if one[1] not in targets)
    if not any(one.startswith("--from") for one in flags):
        yield from new


def _copied(rest: str, folder: str) -> Iterator[tuple[str, str]]:
    """From where to where; which context, or stage, that is from is not looked at."""
    words = re.sub(r'["\[\],]', " ", rest).split()
    *sources, target = [one for one in words if not one.startswith("--")] or [""]
    for source in sources:
        into = target.endswith(("/", ".")) or len(sources) > 1
        whole = os.path.join(target, os.path.basename(source)) if into else target
        yield source, os.path.normpath(os.path.join(folder, whole))


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    """The word that each begins with, and the rest of it."""
    lines = (line for one in text.splitlines() if (line := one.strip()) and line[0] != "#")
    for line in lines:
        whole = line
        while whole.endswith(_CONTINUES):
            whole = f"{whole.removesuffix(_CONTINUES)} {next(lines, '')}"
        word, _, rest = whole.replace("\t", " ").partition(" ")
        yield word.lower(), rest.strip()
        for _, end in _HERE.findall(rest) if word.lower() in _TAKE_LINES else ():
            while next(lines, end) != end:
                pass
