"""What a Dockerfile builds upon, where what it makes still runs that image's own program."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from seatrial.kinds.containers import content_of

_LONGEST = 65_536  # characters
_COMMENT = re.compile(r"^[ \t]*#.*$", re.MULTILINE)
_CONTINUED = re.compile(r"\\[ \t]*\n")
_FROM = re.compile(r"(?:--\S+\s+)*(?P<image>\S+)(?:\s+as\s+(?P<name>\S+))?\s*", re.IGNORECASE)
#: What images of servers run: whoever says so himself has not made another program of it.
_SERVES = re.compile(
    r"\b(redis-server|valkey-server|postgres|rabbitmq-server|nginx|caddy|httpd|apache2)\b"
)


def base_of(file: Path, target: str = "") -> str:
    """The image that the last stage, or the one that is the `target`, is made of, through stages of
    its own; "" where another program is started in it, or nobody knows."""
    stages = _stages(content_of(file, _LONGEST) or "")
    stage = target.lower() or next(reversed(stages), "")
    for _ in range(len(stages)):
        image, runs_another = stages.get(stage, ("", True))
        if runs_another or "$" in image:
            return ""
        if image.lower() not in stages:
            return image
        stage = image.lower()
    return ""


def _stages(text: str) -> dict[str, tuple[str, bool]]:
    """Stage -> the image or stage that it is made of, and whether it starts another program."""
    found: dict[str, tuple[str, bool]] = {}
    name = ""
    for word, rest in _instructions(text):
        if word == "from" and (told := _FROM.fullmatch(rest)):
            name = (told["name"] or str(len(found))).lower()
            found[name] = (told["image"], False)
        elif name and (word == "entrypoint" or (word == "cmd" and not _SERVES.search(rest))):
            found[name] = (found[name][0], True)
    return found


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    for line in _CONTINUED.sub(" ", _COMMENT.sub("", text)).splitlines():
        word, _, rest = line.strip().partition(" ")
        yield word.lower(), rest.strip()
