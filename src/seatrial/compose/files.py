"""Compose files to one tree: found, read, variables filled in, extended and merged."""

from __future__ import annotations

import os
import re
from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from seatrial.compose.merging import SECTIONS, Tree, by_name, items, merged, merged_service
from seatrial.compose.places import is_remote, placed, whole
from seatrial.compose.variables import Filler, Unfillable, names_in
from seatrial.declaration.problems import Path_, Problems, dotted, mask
from seatrial.declaration.source import Plain, plain, read_file
from seatrial.errors import UsageError
from seatrial.kinds.containers import Written

NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
#: In a file of variables: what stands for "=", the quote before a value, and, behind a double one,
#: a dollar sign that is meant.
_COLON = re.compile(r"^([ \t]*(?:export[ \t]+)?[A-Za-z_][\w.-]*)[ \t]*:(?=[ \t])", re.MULTILINE)
_QUOTE = re.compile(r"[^=]*=[ \t]*(['\"])")
_DOLLAR = re.compile(r"(?<!\\)((?:\\\\)*)\\\$")
_MAX_ENV_FILE = 1_000_000  # bytes
_MOST_TOLD = 10_000_000  # characters of its values, some of which may be made of others
_DEEPEST = 8  # files that include each other, and services that extend each other
_MOST_FILES = 200
_MOST_SERVICES = 500


class ComposeFileError(UsageError):
    """A compose file cannot be read."""


def variables_in(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Those of the shell, which win, and of `.env`. Raises ComposeFileError."""
    return {**env_file(folder / ".env", environment), **environment}


def find(folder: Path, environment: Mapping[str, str]) -> Path | None:
    """The compose file that `docker compose` would take in this folder: the first one, where
    COMPOSE_FILE names several. Raises ComposeFileError."""
    chosen = _chosen(folder.resolve(), variables_in(folder, environment))
    if not chosen:
        return _default(folder)
    if chosen[0].parent != folder.resolve():
        raise ComposeFileError(
            f"COMPOSE_FILE begins with {chosen[0]}, which is not in {folder}",
            hint="name the compose file that is meant",
        )
    return folder / chosen[0].name


def layers(file: Path, variables: Mapping[str, str]) -> tuple[Path, ...]:
    """What is read one on top of the other: all that COMPOSE_FILE names, where the file is among
    them, else the file and its override. Raises ComposeFileError."""
    chosen = _chosen(file.parent, variables)
    if file not in chosen:
        return _with_override(file)
    hint = "correct COMPOSE_FILE, in the shell or in .env"
    if gone := [str(one) for one in chosen if not _may_be(one)]:
        raise ComposeFileError(f"COMPOSE_FILE names {gone[0]}, which is not there", hint=hint)
    if chosen[0].parent != file.parent:
        raise ComposeFileError(
            f"COMPOSE_FILE begins with {chosen[0]}, which is not in {file.parent}", hint=hint
        )
    return chosen


def is_found(file: Path, variables: Mapping[str, str]) -> bool:
    """Whether Compose takes it by itself, called in its folder."""
    chosen = _chosen(file.parent, variables)
    return file in chosen if chosen else file == _default(file.parent)


def _chosen(folder: Path, variables: Mapping[str, str]) -> tuple[Path, ...]:
    """The files of COMPOSE_FILE: https://docs.docker.com/compose/how-tos/environment-variables/"""
    given = variables.get("COMPOSE_FILE") or ""
    separator = variables.get("COMPOSE_PATH_SEPARATOR") or os.pathsep
    return tuple((folder / one).resolve() for one in given.split(separator) if one)


def _default(folder: Path) -> Path | None:
    return next((folder / name for name in NAMES if _may_be(folder / name)), None)


def _with_override(file: Path) -> tuple[Path, ...]:
    if file.name not in NAMES:
        return (file,)
    stem = file.name.rpartition(".")[0]
    overrides = (file.with_name(f"{stem}.override.{suffix}") for suffix in ("yml", "yaml"))
    return (file, *(one for one in overrides if _may_be(one)))


def _may_be(file: Path) -> bool:
    """Whether it is there; of one in a closed folder, whoever reads it says why that fails."""
    try:
        return file.is_file()
    except OSError:
        return True


@dataclass(frozen=True, eq=False)
class _Scope:
    """What the paths of a file are relative to, and its variables: an included one has its own."""

    folder: Path
    filler: Filler
    extended: dict[Path, _Services] = field(default_factory=dict)  # files, each read once


@dataclass(frozen=True, eq=False)
class _Services:
    """Those of one file, to be extended; `done` are those that are, each once."""

    file: Path
    scope: _Scope
    trees: Tree
    done: Tree = field(default_factory=dict)


@dataclass
class Reader:
    """Reads the files of one project; `variables` are those of the shell and of `.env`."""

    variables: Mapping[str, str] = field(repr=False)
    unset: set[str] = field(default_factory=set)  # neither set nor given a default
    files: list[Path] = field(default_factory=list)
    empty: set[Path] = field(default_factory=set)  # of these, as an override file may be
    #: Service -> variable -> where it is set last.
    written: dict[str, dict[str, Written]] = field(default_factory=dict)

    def read(self, files: Sequence[Path]) -> Tree:
        """The files, each on top of the one before, and all that they include. Paths are relative
        to the folder of the first. Raises ComposeFileError."""
        scope = _Scope(files[0].parent, Filler(self.variables, self.unset))
        tree = self._layers(files, scope, 0)
        _services_in(tree, files[0])
        return tree

    def _layers(self, files: Sequence[Path], scope: _Scope, depth: int, by: str = "") -> Tree:
        tree: Tree = {}
        for file in files:
            tree = merged(tree, self._one(file, scope, depth, by))
        return tree

    def _one(self, file: Path, scope: _Scope, depth: int, by: str) -> Tree:
        if depth > _DEEPEST:
            raise ComposeFileError(
                f"{file}: files include each other without end",
                hint="take it out of the `include` of one of them",
            )
        tree = self._tree(file, scope, by)
        for entry in items(tree.pop("include", None)):
            tree = merged(self._included(entry, file, scope, depth), tree)
        services = _Services(file, scope, _services_in(tree, file))
        tree["services"] = {name: self._extended(services, name, 0) for name in services.trees}
        return tree

    def _tree(self, file: Path, scope: _Scope, by: str) -> Tree:
        """What one file says by itself; `by` is the file that names it."""
        if by and not _may_be(file):
            raise ComposeFileError(
                f"{file}: there is no such file", hint=f"{by} names it: correct the path there"
            )
        if len(self.files) >= _MOST_FILES:
            raise ComposeFileError(f"{file}: the project is made of more than {_MOST_FILES} files")
        self.files.append(file)
        problems = Problems(file)
        node = read_file(file, problems, tags=("!reset", "!override"))
        if problems:
            raise ComposeFileError(str(problems.error()))
        read = None if node is None else plain(node)
        if read is None:
            self.empty.add(file)
            return {}
        if not isinstance(read, dict) or not isinstance(read.get("services") or {}, dict):
            raise ComposeFileError(
                f"{file}: it has no mapping `services`", hint="services: {NAME: {image: ...}}"
            )
        self._note(file, read.get("services"), over=not by)
        tree = {key: _filled(value, file, scope.filler, (key,)) for key, value in read.items()}
        return placed(tree, scope.folder, scope.filler.variables)

    def _note(self, file: Path, services: Plain, *, over: bool) -> None:
        """What is included or extended stands beneath what names it, which was read before."""
        for name, service in services.items() if isinstance(services, dict) else ():
            known = self.written.setdefault(name, {})
            given = service.get("environment") if isinstance(service, dict) else None
            for variable, value in by_name(given, "=").items():
                made_with = (variable,) if value is None else names_in(str(value))
                if over or variable not in known:
                    known[variable] = Written(file, made_with)

    def _included(self, entry: Plain, file: Path, scope: _Scope, depth: int) -> Tree:
        """What an entry of `include` brings: its paths are relative to a folder of its own, and its
        own variables are those that nothing outside it sets."""
        how = entry if isinstance(entry, dict) else {"path": entry}
        paths = [one for one in items(how.get("path")) if isinstance(one, str)]
        if not paths or any(map(is_remote, paths)):
            return {}
        files = [Path(whole(scope.folder, path)) for path in paths]
        given = how.get("project_directory")
        folder = Path(whole(scope.folder, given)) if isinstance(given, str) else files[0].parent
        named = [one for one in items(how.get("env_file")) if isinstance(one, str)]
        own: dict[str, str] = {}
        for one in named or [".env"]:
            own |= env_file(Path(whole(scope.folder if named else folder, one)), own)
        filler = Filler({**own, **scope.filler.variables}, self.unset)
        inner = self._layers(files, _Scope(folder, filler), depth + 1, str(file))
        return {key: value for key, value in inner.items() if key in SECTIONS}

    def _extended(self, services: _Services, name: str, depth: int) -> Plain:
        """The service on top of the one that it extends."""
        if name not in services.done:
            if depth > _DEEPEST:
                raise ComposeFileError(f"{services.file}: services extend each other without end")
            one = services.trees[name]
            service = dict(one) if isinstance(one, dict) else {}
            if how := service.pop("extends", None):
                base = self._base(how, services, name, depth)
                service = merged_service(base, service)
            services.done[name] = service
        return services.done[name]

    def _base(self, how: Plain, services: _Services, by: str, depth: int) -> Tree:
        name = str(how.get("service") if isinstance(how, dict) else how)
        other = how.get("file") if isinstance(how, dict) else None
        if isinstance(other, str):
            if is_remote(other):
                return {}
            file = services.file
            services = self._of_file(Path(other), services.scope, f"{file}: services.{by}.extends")
        if name not in services.trees:
            raise ComposeFileError(
                f"{services.file}: there is no service {name}, which {by} extends",
                hint=f"correct services.{by}.extends",
            )
        base = self._extended(services, name, depth + 1)
        return base if isinstance(base, dict) else {}

    def _of_file(self, file: Path, scope: _Scope, by: str) -> _Services:
        """Those of a file that is extended; what it includes has no part in that."""
        if file not in scope.extended:
            own = _Scope(file.parent, scope.filler, scope.extended)
            services = _services_in(self._tree(file, own, by), file)
            scope.extended[file] = _Services(file, own, services)
        return scope.extended[file]


def _services_in(tree: Tree, file: Path) -> Tree:
    services = tree.get("services") or {}
    assert isinstance(services, dict)
    if len(services) > _MOST_SERVICES:
        raise ComposeFileError(
            f"{file}: {len(services)} services are more than the {_MOST_SERVICES} that are read",
            hint="split it into several projects",
        )
    return services


def _filled(value: Plain, file: Path, filler: Filler, path: Path_) -> Plain:
    if isinstance(value, dict):
        return {key: _filled(one, file, filler, (*path, key)) for key, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, file, filler, (*path, at)) for at, one in enumerate(value)]
    if isinstance(value, str) and "$" in value:
        try:
            return filler.fill(value)
        except Unfillable as error:
            message = f"{file}: {dotted(path)}: {mask(str(error))}"
            raise ComposeFileError(message, hint=error.hint) from error
    return value


def env_file(file: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """The variables of an env file; {} where it is not there. Raises ComposeFileError."""
    try:
        if str(file) == os.devnull or not file.exists() or file.is_dir():
            return {}
        if not file.is_file():  # it would be waited for
            raise ComposeFileError(
                f"{file} is no regular file", hint="write its variables into a file and name that"
            )
        with file.open(encoding="utf-8", errors="replace") as stream:
            text = stream.read(_MAX_ENV_FILE + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ComposeFileError(f"{file} cannot be read: {error.strerror}") from error
    if len(text) > _MAX_ENV_FILE:
        raise ComposeFileError(f"{file} is larger than {_MAX_ENV_FILE} bytes")
    found: dict[str, str] = {}
    known, total = ChainMap(dict(variables), found), 0
    for one in parse_stream(StringIO(_COLON.sub(r"\1=", text))):
        if one.key is not None:
            found[one.key] = _value(one, variables, known)
            total += len(found[one.key])
            if total > _MOST_TOLD:
                raise ComposeFileError(
                    f"{file}: with its variables filled in it is far too large",
                    hint="let its values not be made of each other again and again",
                )
    return found


def _value(one: Binding, outside: Mapping[str, str], known: Mapping[str, str]) -> str:
    """`known` are those of outside and of the lines above."""
    if one.value is None:
        return outside.get(one.key or "", "")
    quoted = _QUOTE.match(one.original.string)
    if quoted is None:
        return _filled_by(one.value, known)
    if quoted[1] == "'":
        return one.value
    meant = _DOLLAR.sub(r"\1$$", one.original.string)
    return _filled_by(next(parse_stream(StringIO(meant))).value or "", known)


def _filled_by(value: str, variables: Mapping[str, str]) -> str:
    """As it stands where Compose refuses it: whoever is told it may have it from elsewhere."""
    try:
        return Filler(variables).fill(value)
    except Unfillable:
        return value
