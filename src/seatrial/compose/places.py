"""Where the paths of a compose file lead, and what its variables are: both are settled before it
is merged with another one, which may lie elsewhere and have other variables.

https://docs.docker.com/reference/compose-file/include/
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from seatrial.compose.merging import Tree, by_name, items
from seatrial.declaration.source import Plain

_REMOTE = re.compile(r"[a-z0-9+]+://|git@|github\.com/|oci:")  # what Compose fetches


def is_remote(path: str) -> bool:
    return _REMOTE.match(path) is not None


def whole(folder: Path, path: str) -> str:
    """`~` is the user's home, as for Compose; `~other` is nobody's."""
    if path.startswith("~"):
        path = f"{Path.home()}/{path[1:]}"
    return os.path.normpath(folder / path)


def placed(tree: Tree, folder: Path, variables: Mapping[str, str]) -> Tree:
    """A file's tree with every path as a whole one; `folder` is what they are relative to."""
    made = dict(tree)
    if isinstance(services := tree.get("services"), dict):
        made["services"] = {
            name: _service(one, folder, variables) if isinstance(one, dict) else {}
            for name, one in services.items()
        }
    for section in ("secrets", "configs"):
        if isinstance(declared := tree.get(section), dict):
            made[section] = {
                name: _content(one, folder, variables) if isinstance(one, dict) else one
                for name, one in declared.items()
            }
    return made


def _service(service: Tree, folder: Path, variables: Mapping[str, str]) -> Tree:
    made = dict(service)
    if "env_file" in service:
        made["env_file"] = _env_files(service["env_file"], folder)
    if "build" in service:
        made["build"] = _built(service["build"], folder, variables)
    if "environment" in service:
        made["environment"] = _set(service["environment"], variables)
    if "volumes" in service:
        made["volumes"] = [_mount(one, folder) for one in items(service["volumes"])]
    how = service.get("extends")
    if isinstance(how, dict) and isinstance(file := how.get("file"), str):
        made["extends"] = {**how, "file": whole(folder, file)}
    return made


def _env_files(value: Plain, folder: Path) -> Plain:
    """Those that must be there are told by their absence later."""
    paths = [one.get("path") if isinstance(one, dict) else one for one in items(value)]
    return [whole(folder, one) for one in paths if isinstance(one, str)]


def _built(value: Plain, folder: Path, variables: Mapping[str, str]) -> Plain:
    """How it is built, in its long form."""
    how: Plain = {"context": value} if isinstance(value, str) else value
    if not isinstance(how, dict):
        return how
    made = dict(how)
    if isinstance(context := how.get("context"), str) and not is_remote(context):
        made["context"] = whole(folder, context)
    if "args" in how:
        made["args"] = _set(how["args"], variables)
    return made


def _set(pairs: Plain, variables: Mapping[str, str]) -> Plain:
    """What is named without a value has that of the variable."""
    named = by_name(pairs, "=").items()
    return {name: variables.get(name) if value is None else value for name, value in named}


def _mount(one: Plain, folder: Path) -> Plain:
    """In its long form; a volume without a name stays as it is."""
    if isinstance(one, dict):
        source = one.get("source")
        if one.get("type") == "bind" and isinstance(source, str):
            return {**one, "source": whole(folder, source)}
        return one
    parts = one.split(":") if isinstance(one, str) else []
    if len(parts) < 2:
        return one
    bind = parts[0].startswith((".", "/", "~"))
    return {
        "type": "bind" if bind else "volume",
        "source": whole(folder, parts[0]) if bind else parts[0],
        "target": parts[1],
        "read_only": "ro" in ",".join(parts[2:]).split(","),
    }


def _content(one: Tree, folder: Path, variables: Mapping[str, str]) -> Tree:
    """Of a secret: its file, or what its variable holds."""
    made = dict(one)
    if isinstance(file := one.get("file"), str):
        made["file"] = whole(folder, file)
    if isinstance(name := one.get("environment"), str):
        made["content"] = variables.get(name, "")
    return made
