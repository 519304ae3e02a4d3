"""What a Dockerfile builds upon, where what it makes still runs that image's own program."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from seatrial.kinds.containers import content_of

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


def base_of(file: Path, target: str = "") -> str:
    """As `base_in` has it, of a file; "" where that cannot be read."""
    return base_in(content_of(file, _LONGEST) or "", target)


def base_in(text: str, target: str = "") -> str:
    """The image that the last stage, or the one that is the `target`, is made of, through stages of
    its own; "" where another program is started in it, or nobody knows."""
    stages = _stages(text[:_LONGEST])
    return stages.get(target.lower() or next(reversed(stages), ""), "")


def _stages(text: str) -> dict[str, str]:
    """Stage -> the image that it is made of, "" as above. A name is that of a stage further up,
    else of an image: `FROM redis AS redis`."""
    found: dict[str, str] = {}
    name = ""
    for word, rest in _instructions(text):
        if word == "from" and (told := _FROM.fullmatch(rest)):
            name, image = (told["name"] or str(len(found))).lower(), told["image"]
            found[name] = found.get(image.lower(), "" if "$" in image else image)
        elif name and (word == "entrypoint" or (word == "cmd" and not _SERVES.search(rest))):
            found[name] = ""
    return found


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
