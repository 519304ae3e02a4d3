"""From where this Seatrial was installed: what pip is to be given to install it again."""

from __future__ import annotations

import json
import shlex
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from urllib.parse import unquote, urlsplit


def pip_install(python: str, extra: str = "") -> str:
    """The command that installs this Seatrial where `python` is, with an extra of it."""
    return f"{python} -m pip install {shlex.quote(_source(f'[{extra}]' if extra else ''))}"


def _source(extra: str) -> str:
    """A path, a repository, or only the name, where it came from an index of packages."""
    try:
        written = distribution("seatrial").read_text("direct_url.json")
    except PackageNotFoundError:  # it runs from its source tree
        return f"{Path(__file__).parents[2]}{extra}"
    if written is None:
        return f"seatrial{extra}"
    origin = json.loads(written)
    url = str(origin["url"])
    if "vcs_info" in origin:
        vcs, commit = origin["vcs_info"]["vcs"], origin["vcs_info"]["commit_id"]
        return f"seatrial{extra} @ {vcs}+{url}@{commit}"
    folder = "dir_info" in origin
    return f"{unquote(urlsplit(url).path)}{extra}" if folder else f"seatrial{extra} @ {url}"
