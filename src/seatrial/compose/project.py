"""A compose project as Seatrial sees it: its name, its files, and its services."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from seatrial.compose.command import VERSION_2, compose_command
from seatrial.compose.described import Described, text
from seatrial.compose.files import (
    ComposeFileError,
    Reader,
    env_file,
    is_found,
    layers,
)
from seatrial.compose.merging import Tree, by_name, items
from seatrial.declaration.source import Plain
from seatrial.kinds.containers import Service

_COMPLETED = "service_completed_successfully"


@dataclass(frozen=True)
class Project:
    name: str  # that `docker compose` gives it
    file: Path
    layers: tuple[Path, ...]  # it and what is on top of it: its override, or as COMPOSE_FILE says
    files: tuple[Path, ...]  # with included and extended ones
    services: Mapping[str, Service]
    unset: tuple[str, ...] = ()  # variables that are neither set nor given a default
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret_files: tuple[Path, ...] = ()  # of its `secrets`
    secret_values: tuple[str, ...] = field(default=(), repr=False)  # likewise
    env: frozenset[str] = frozenset()  # the variables that its `.env` says, and not the shell
    is_found: bool = True  # by Compose itself, called in its folder

    @property
    def folder(self) -> Path:
        return self.file.parent

    @cached_property
    def called(self) -> Mapping[str, Sequence[Service]]:
        """By name, in small letters. Several may share an alias, each on a network of its own."""
        found: dict[str, list[Service]] = {}
        for service in self.services.values():
            for name in service.names:
                found.setdefault(name.lower(), []).append(service)
        return found

    @property
    def named(self) -> tuple[str, ...]:
        """What Compose must be told to find its files; nothing where it does so by itself."""
        return () if self.is_found else tuple(w for one in self.layers for w in ("-f", one.name))

    def compose(self, command: str = "") -> str:
        """How a user calls Compose for this project: this one, else the one that is there."""
        words = command or str(compose_command() or VERSION_2)
        return " ".join((words, *map(shlex.quote, self.named)))

    def entry(self, service: Service) -> str:
        """Where it is declared, in words."""
        return f"the service {service.name} of {self.file.name}"

    def told_at(self, variables: str, service: Service) -> str:
        """Where these ("A with B, C") are to be corrected, in words."""
        names = re.split(" with |, ", variables)
        files = {service.env_files.get(one) for one in names}
        file = files.pop() if len(files) == 1 else None
        if file is not None:
            shown = os.path.relpath(file, self.folder)
            return f"{variables} of {shown}, an env_file of the service {service.name}"
        written = [service.written[one] for one in names if one in service.written]
        own = {os.path.relpath(one.file, self.folder) for one in written}
        shown = own.pop() if len(own) == 1 else self.file.name
        made = dict.fromkeys(name for one in written for name in one.made_with if name in self.env)
        more = f" (made with {', '.join(made)} of .env)" if made else ""
        return f"{variables} of the service {service.name} of {shown}{more}"


def read_project(file: Path, environment: Mapping[str, str]) -> Project:
    """Read a compose file, what is on top of it, and its `.env`. Raises ComposeFileError.

    Only files are read; `environment` are the variables of the shell, which win over `.env`.
    """
    file = file.resolve()
    env = env_file(file.parent / ".env", environment)
    variables = {**env, **environment}  # as `variables_in` has it
    reader, its_layers = Reader(variables), layers(file, variables)
    tree = reader.read(its_layers)
    services = tree.get("services")
    if not isinstance(services, dict) or not services:
        raise ComposeFileError(
            f"{file}: {'the file is empty' if file in reader.empty else 'it has no services'}",
            hint="write what runs under `services`, or name the compose file that says it",
        )
    secrets, configs, links = _files(tree, "secrets"), _files(tree, "configs"), _links(services)
    external = _external_networks(tree)
    env_files: dict[str, dict[str, str]] = {}
    awaited = {name for one in services.values() for name in _awaited_to_end(one)}
    made = {
        name: Described(
            name,
            one,
            variables,
            secrets,
            configs,
            env_files,
            links.get(name, ()),
            external,
            reader.written.get(name, {}),
        ).service(name in awaited)
        for name, one in services.items()
        if isinstance(one, dict)
    }
    return Project(
        _name(tree, file.parent, variables),
        file,
        its_layers,
        tuple(dict.fromkeys(reader.files)),
        made,
        tuple(sorted(reader.unset)),
        variables,
        tuple(secrets.values()),
        tuple(_secret_values(tree)),
        frozenset(env.keys() - environment.keys()),
        is_found(file, variables),
    )


def _name(tree: Tree, folder: Path, variables: Mapping[str, str]) -> str:
    """COMPOSE_PROJECT_NAME, else `name` in the file, else the folder's name."""
    given = variables.get("COMPOSE_PROJECT_NAME") or tree.get("name") or folder.name
    return re.sub(r"[^a-z0-9_-]", "", str(given).lower()).lstrip("_-")


def _files(tree: Tree, section: str) -> dict[str, Path]:
    """By name, the files of the secrets, or configs, that are files."""
    declared = tree.get(section)
    found = declared.items() if isinstance(declared, dict) else ()
    return {
        name: Path(file)
        for name, one in found
        if isinstance(one, dict) and isinstance(file := one.get("file"), str)
    }


def _links(services: Tree) -> dict[str, list[str]]:
    """What services are called by the `links` of others: "db:database"."""
    found: dict[str, list[str]] = {}
    for one in services.values():
        for link in items(one.get("links")) if isinstance(one, dict) else ():
            name, _, alias = str(link).partition(":")
            found.setdefault(name, []).append(alias or name)
    return found


def _external_networks(tree: Tree) -> frozenset[str]:
    declared = by_name(tree.get("networks"), "").items()
    return frozenset(n for n, one in declared if isinstance(one, dict) and one.get("external"))


def _secret_values(tree: Tree) -> Iterator[str]:
    """Of the secrets that are variables."""
    declared = tree.get("secrets")
    for one in declared.values() if isinstance(declared, dict) else ():
        if isinstance(one, dict):
            yield text(one.get("content"))


def _awaited_to_end(service: Plain) -> Iterator[str]:
    if isinstance(service, dict):
        for name, how in by_name(service.get("depends_on"), "").items():
            if isinstance(how, dict) and how.get("condition") == _COMPLETED:
                yield name
