"""Compose files to one tree: found, read, variables filled in, extended and merged.

Only what Seatrial looks at is merged with care: the services' own keys. Compose itself stays the
judge of the rest when it starts the project.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values

from seatrial.compose.variables import Filler, Unfillable
from seatrial.declaration.problems import Problems, mask
from seatrial.declaration.source import Plain, plain, read_file
from seatrial.errors import UsageError

NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
_MAX_ENV_FILE = 1_000_000  # bytes
_DEEPEST = 8  # files that include or extend each other

Tree = dict[str, Plain]

#: Keys that may be a list ("A=1") or a mapping, and are merged by name.
_NAMED = {"environment": "=", "labels": "=", "depends_on": "", "secrets": "", "networks": ""}
_APPENDED = ("ports", "expose", "volumes", "env_file", "profiles")


class ComposeFileError(UsageError):
    """A compose file cannot be read."""


def find(folder: Path) -> Path | None:
    """The compose file that `docker compose` would take in this folder."""
    return next((folder / name for name in NAMES if (folder / name).is_file()), None)


@dataclass
class Reader:
    """Reads the files of one project; `variables` are those of the shell and of `.env`."""

    variables: Mapping[str, str]
    filler: Filler = field(init=False)
    files: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.filler = Filler(self.variables)

    def read(self, file: Path) -> Tree:
        """The file with its override file and everything that it includes. Raises
        ComposeFileError."""
        tree = self._one(file, 0)
        if file.name in NAMES:
            stem = file.name.rpartition(".")[0]
            for suffix in ("yml", "yaml"):
                override = file.with_name(f"{stem}.override.{suffix}")
                if override.is_file():
                    return merged(tree, self._one(override, 0))
        return tree

    def _one(self, file: Path, depth: int) -> Tree:
        if depth > _DEEPEST:
            raise ComposeFileError(f"{file}: files include or extend each other without end")
        self.files.append(file)
        problems = Problems(file)
        node = read_file(file, problems, tags=("!reset", "!override"))
        if problems or node is None:
            raise ComposeFileError(str(problems.error()))
        whole = plain(node)
        if not isinstance(whole, dict) or not isinstance(whole.get("services", {}), dict):
            raise ComposeFileError(f"{file}: it has no mapping `services`")
        tree = self._filled(whole, file)
        assert isinstance(tree, dict)
        for inner in self._included(tree, file.parent):
            tree = merged(self._one(inner, depth + 1), tree)
        services = tree.get("services")
        assert services is None or isinstance(services, dict)
        tree["services"] = {
            name: self._extended(one, tree, file, depth) if isinstance(one, dict) else {}
            for name, one in (services or {}).items()
        }
        return tree

    def _filled(self, value: Plain, file: Path) -> Plain:
        if isinstance(value, dict):
            return {key: self._filled(inner, file) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._filled(inner, file) for inner in value]
        if isinstance(value, str) and "$" in value:
            try:
                return self.filler.fill(value)
            except Unfillable as error:
                raise ComposeFileError(
                    f"{file}: {mask(str(error))}", hint="set it in the shell or in .env"
                ) from error
        return value

    def _included(self, tree: Tree, folder: Path) -> Iterator[Path]:
        for one in _items(tree.get("include")):
            paths = one.get("path") if isinstance(one, dict) else one
            for path in _items(paths):
                if isinstance(path, str) and (folder / path).is_file():
                    yield folder / path

    def _extended(self, service: Tree, tree: Tree, file: Path, depth: int) -> Tree:
        """The service on top of the one that it extends; env files and the folder that it is built
        from become absolute."""
        service = {**service, "env_file": _absolute(service.get("env_file"), file.parent)}
        if "build" in service:
            service["build"] = _built(service["build"], file.parent)
        how = service.pop("extends", None)
        if how is None:
            return service
        name = how.get("service") if isinstance(how, dict) else how
        other = how.get("file") if isinstance(how, dict) else None
        if depth > _DEEPEST:
            raise ComposeFileError(f"{file}: services extend each other without end")
        if isinstance(other, str):
            services = self._one(file.parent / other, depth + 1).get("services")
            base = services.get(str(name)) if isinstance(services, dict) else None
        else:
            services = tree.get("services")
            base = services.get(str(name)) if isinstance(services, dict) else None
            if isinstance(base, dict):
                base = self._extended(base, tree, file, depth + 1)
        return _merged_service(base, service) if isinstance(base, dict) else service


def _items(value: Plain) -> list[Plain]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _absolute(value: Plain, folder: Path) -> Plain:
    """The paths of env files; those that must be there are told by their absence later."""
    paths = [one.get("path") if isinstance(one, dict) else one for one in _items(value)]
    return [os.path.join(folder, one) for one in paths if isinstance(one, str)]


def _built(value: Plain, folder: Path) -> Plain:
    """How it is built, in its long form."""
    how: Plain = {"context": value} if isinstance(value, str) else value
    if isinstance(how, dict) and isinstance(context := how.get("context"), str):
        return {**how, "context": os.path.join(folder, context)}
    return how


def by_name(value: Plain, separator: str) -> dict[str, Plain]:
    """A list of names (or of NAME=VALUE) as the mapping that it stands for."""
    if isinstance(value, dict):
        return value
    found: dict[str, Plain] = {}
    for one in _items(value):
        if isinstance(one, dict):
            found[str(one.get("source"))] = one
        elif isinstance(one, str) and separator:
            name, given, rest = one.partition(separator)
            found[name] = rest if given else None
        elif one is not None:
            found[str(one)] = None
    return found


def merged(base: Tree, over: Tree) -> Tree:
    """One file on top of another."""
    result = {**base, **over}
    for section in ("services", "volumes", "networks", "secrets", "configs"):
        below, above = base.get(section), over.get(section)
        if not isinstance(below, dict) or not isinstance(above, dict):
            result[section] = above or below
            continue
        both = {**below, **above}
        for name in below.keys() & above.keys():
            one, other = below[name], above[name]
            if section == "services" and isinstance(one, dict) and isinstance(other, dict):
                both[name] = _merged_service(one, other)
        result[section] = both
    return result


def _merged_service(base: Tree, over: Tree) -> Tree:
    result = {**base, **over}
    for key in base.keys() & over.keys():
        below, above = base[key], over[key]
        if key in _NAMED:
            result[key] = {**by_name(below, _NAMED[key]), **by_name(above, _NAMED[key])}
        elif key in _APPENDED:
            result[key] = [*_items(below), *_items(above)]
        elif isinstance(below, dict) and isinstance(above, dict):
            result[key] = {**below, **above}
    return result


def env_file(file: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """The variables of an env file; {} where it is not there. Raises ComposeFileError."""
    try:
        with file.open(encoding="utf-8", errors="replace") as stream:
            text = stream.read(_MAX_ENV_FILE + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ComposeFileError(f"{file} cannot be read: {error.strerror}") from error
    if len(text) > _MAX_ENV_FILE:
        raise ComposeFileError(f"{file} is larger than {_MAX_ENV_FILE} bytes")
    found = dotenv_values(stream=StringIO(text), interpolate=True)
    return {name: variables.get(name) or "" if value is None else value
            for name, value in found.items()}  # fmt: skip
