"""What the engine's classic builder leaves of a build that failed or was cut off, and of a build's
earlier stages: containers and images that have neither name nor label.

Compose 1 builds by it. A label reaches the last image alone, so whose the others are is told by
nothing but the ids that it says:

    Step 2/3 : RUN make
     ---> Running in 31322e7e81f3
    Removing intermediate container 31322e7e81f3
     ---> f25b33002b01

It looks only between two steps whether anybody listens. So one image may come when it was cut off,
of which no id is said: it is known by what it was built upon, and by its time.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

#: Without what it was built on: that may be the user's.
REMOVE_IMAGES = ("image", "rm", "--no-prune")

_SECONDS = 3.0  # that the builder has to see that nobody listens any more
_RUNS_ON = 15.0  # s that the container of a step may run on until it does
_LATE = 10.0  # s after its last word in which an image may still be its
_PAUSE = 0.1  # s between two looks
_FAILED = re.compile(r".* returned a non-zero code: \d+|ERROR: .*")
_FROM = re.compile(r"Step \d+/\d+ : FROM\b", re.IGNORECASE)
_RUNNING = re.compile(r" ---> Running in ([0-9a-f]{12,64})")
_IMAGE = re.compile(r" ---> ([0-9a-f]{12,64})")
_CACHED = " ---> Using cache"

Docker = Callable[..., str]  # given its words, what it printed; it may fail


@dataclass(frozen=True)
class Made:
    containers: tuple[str, ...] = ()
    images: tuple[str, ...] = ()  # as they were built, each on one before
    #: The image that it was building upon when it said its last: the next has no known id.
    tip: str | None = None
    silent: bool = False  # and would have said nothing before that one is there


def made(said: Iterable[str]) -> Made:
    """From the lines that the builder said. What it found in its cache was there before."""
    containers, images = list[str](), list[str]()
    last: str | None = None  # the image that is built upon
    unfinished = new = silent = False
    for line in map(str.rstrip, said):
        if line.startswith("Step "):
            new = silent = unfinished = _FROM.match(line) is None
            last = last if new and not line.startswith("Step 1/") else None
            continue
        if silent and line:  # a step that says nothing before its end has failed
            unfinished = _RUNNING.fullmatch(line) is not None
            silent = False
        if _FAILED.fullmatch(line):
            unfinished = False
        elif line == _CACHED:
            new = False
        elif running := _RUNNING.fullmatch(line):
            containers.append(running[1])
        elif image := _IMAGE.fullmatch(line):
            last, unfinished = image[1], False
            images += [last] if new else []
    return Made(tuple(containers), tuple(images), last if unfinished else None, silent)


def remove_made(output: Path, docker: Docker) -> None:
    """Remove what the builder made that wrote to `output`, as far as nothing else uses it by now:
    what has a name, runs, or was built upon stays."""
    try:
        ended = output.stat().st_mtime
        with output.open(errors="replace", newline="\n") as lines:
            found = made(lines)
    except OSError:
        return
    began = time.monotonic()
    limit = began + _SECONDS
    awaited = found.silent and found.tip is not None
    while True:
        containers = _there(found.containers, docker)
        if containers:
            docker("rm", "-v", *containers)
        late = _upon(found.tip, ended, docker)
        awaited = awaited and not late and time.monotonic() < limit
        images = [] if awaited else [*late, *reversed(_nameless(found.images, docker))]
        if images:
            docker(*REMOVE_IMAGES, *images)
        over = found.tip is None or not (containers or images or awaited)
        if over or time.monotonic() > (began + _RUNS_ON if containers else limit):
            return
        time.sleep(_PAUSE)


def _there(containers: Iterable[str], docker: Docker) -> list[str]:
    filters = [f"--filter=id={one}" for one in containers]
    return docker("ps", "-aq", *filters).split() if filters else []


def _nameless(images: Iterable[str], docker: Docker) -> list[str]:
    form = "{{if not (or .RepoTags .RepoDigests)}}{{.Id}}{{end}}"
    some = tuple(images)
    return docker("image", "inspect", "-f", form, *some).split() if some else []


def _upon(tip: str | None, ended: float, docker: Docker) -> list[str]:
    """The image that it made of `tip` when nobody listened any more."""
    if tip is None:
        return []
    listing = ("image", "ls", "-q", "--no-trunc", "--filter=dangling=true")
    some = docker(*listing, f"--filter=since={tip}").split()
    form = "{{.Id}} {{.Parent}} {{.Created}}"
    rows = docker("image", "inspect", "-f", form, *some).splitlines() if some else []
    since, until = (
        time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) for at in (ended, ended + _LATE)
    )
    return [
        name
        for name, parent, created in (row.split(" ") for row in rows)  # some have no parent
        if parent.removeprefix("sha256:").startswith(tip) and since <= created <= until
    ]
