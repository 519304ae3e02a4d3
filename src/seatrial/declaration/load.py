"""seatrial.yaml -> a bound `System`, or one error with every mistake in it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import Field

from seatrial.declaration import environments, graph, interpolate, references, wording
from seatrial.declaration.bind import (
    Declared,
    Kinds,
    bind_clean_up,
    bind_component,
    bind_expectation,
    bind_model,
    bind_references,
    check_consumed,
    check_names,
)
from seatrial.declaration.models import (
    CleanUp,
    Component,
    ComponentConfig,
    EnvironmentConfig,
    Location,
    Model,
    System,
)
from seatrial.declaration.problems import Path_, Problems, dotted, nearest
from seatrial.declaration.secrets import secrets_in
from seatrial.declaration.source import MAX_BYTES, Entry, MapNode, Node, locate, read_file, step

FILE_NAME = "seatrial.yaml"

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
SECTIONS = ("components", "environments", "expect", "clean_up")


class Header(Model):
    """The top-level keys that are plain values."""

    system: str = Field(
        pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,62}$", description="the name of the system"
    )
    python: str | None = Field(None, description="the interpreter of its trials and commands")
    compose: str | None = Field(None, description="its compose file")
    spec: str | None = Field(None, description="the specification document, in Markdown")
    trials: str = Field("trials", description="the folder of its trials")


def load(
    folder_or_file: Path,
    kinds: Kinds,
    *,
    environment: str | None = None,
    variables: Mapping[str, str],
) -> System:
    """Read, fill in and bind a declaration.

    `environment` is the one to use (default: `local` if declared, else the only one); only its
    `${VAR}` must be set, by `variables`. Raises DeclarationError with all mistakes, in file order,
    and nothing else.
    """
    given = Path(folder_or_file)
    file = given / FILE_NAME if given.is_dir() else given
    problems = Problems(file)
    root = read_file(file, problems)
    if not isinstance(root, MapNode) and not problems:
        at = root.at if root else Location(file, 1, 1)
        message = "the file must be a mapping" if root else "the file is empty"
        problems.add(at, (), message, "begin with system: NAME")
    if not isinstance(root, MapNode):
        raise problems.error()
    system = _Loader(file, root, kinds, environment, variables, problems).system()
    if system is None or problems:
        raise problems.error()
    return system


class _Loader:
    """Binds one document; every step goes on after a mistake, so that all of them are found."""

    def __init__(
        self,
        file: Path,
        root: MapNode,
        kinds: Kinds,
        wanted: str | None,
        variables: Mapping[str, str],
        problems: Problems,
    ) -> None:
        self.file = file
        self.folder = file.resolve().parent
        self.kinds = kinds
        self.problems = problems
        self.written = Entry(Location(file, 1, 1), root)
        self.chosen = environments.choose(self.written, wanted, problems)
        self.filled = self._filled(root, variables)
        self.root = Entry(self.written.at, self.filled)
        problems.settle()
        self.components = self._section("components")
        self.declared: dict[str, Declared] = {}

    def _filled(self, root: MapNode, variables: Mapping[str, str]) -> MapNode:
        """The document with the variables filled in, but for environments that are not in use."""
        entries: dict[str, Entry] = {}
        for key, entry in root.entries.items():
            node = entry.node
            if key == "environments" and isinstance(node, MapNode):
                inner = {
                    name: Entry(one.at, self._fill(one.node, variables, (key, name)))
                    if name == self.chosen
                    else one
                    for name, one in node.entries.items()
                }
                node = MapNode(node.at, inner)
            else:
                node = self._fill(node, variables, (key,))
            entries[key] = Entry(entry.at, node)
        return MapNode(root.at, entries)

    def _fill(self, node: Node, variables: Mapping[str, str], path: Path_) -> Node:
        protect = references.escape if path == ("components",) else str
        return interpolate.fill(node, variables, self.problems, path, protect=protect)

    def system(self) -> System | None:
        """The bound system; None where anything is mistaken."""
        header = self._header()
        components = self._bound()
        self._circles()
        self._ports()
        clean_up = self._clean_up()
        configs = environments.bind(
            self._top("environments"),
            self.declared,
            header.compose if header else None,
            self.problems,
        )
        for key in ("components", "environments"):
            self._names(key)
        if header:
            self._files(header, configs)
        if self.problems or header is None or self.chosen is None:
            return None
        return System(
            name=header.system,
            folder=self.folder,
            file=self.file.resolve(),
            components=components,
            environment=self.chosen,
            environments=configs,
            python=header.python,
            trials=header.trials,
            spec=header.spec,
            compose=header.compose,
            clean_up=clean_up,
            variables=self._variables(configs),
            digest=_digest(
                components,
                self.chosen,
                configs[self.chosen],
                header.python,
                self._compose_text(configs[self.chosen], header.compose),
            ),
            secrets=secrets_in(self.filled, self.chosen),
        )

    def _top(self, key: str) -> Entry | None:
        root = self.root.node
        return root.entries.get(key) if isinstance(root, MapNode) else None

    def _header(self) -> Header | None:
        known = [*Header.model_fields, *SECTIONS]
        written = self.root.node.entries if isinstance(self.root.node, MapNode) else {}
        entries: dict[str, Entry] = {}
        for key, entry in written.items():
            if key not in known:
                self.problems.add(entry.at, (key,), "unknown key", nearest(key, known))
            elif key not in SECTIONS:
                entries[key] = entry
        return bind_model(
            Header, Entry(self.root.at, MapNode(self.root.at, entries)), (), self.problems
        )

    def _section(self, key: str) -> Mapping[str, Entry]:
        """The entries of a top-level mapping; an empty one is a mistake."""
        section = self._top(key)
        if section is None:
            if key == "components":
                hint = "components: {api: {kind: http, ...}}"
                self.problems.add(self.root.at, (key,), "no components are declared", hint)
            return {}
        if isinstance(section.node, MapNode) and section.node.entries:
            return section.node.entries
        found = wording.found(section.node, (key,))
        message = f"must be a mapping by component that is not empty, found {found}"
        self.problems.add(section.at, (key,), message, "write it out or remove it")
        return {}

    def _names(self, key: str) -> None:
        """Names become parts of paths and of references, so their letters are limited."""
        section = self._top(key)
        names = section.node.entries if section and isinstance(section.node, MapNode) else {}
        for name, entry in names.items():
            if not NAME.fullmatch(name):
                message = "a name is a letter, then up to 62 letters, digits, - and _"
                self.problems.add(entry.at, (key, name), message)

    def _bound(self) -> dict[str, Component]:
        """The components with their expectations and references, mistaken ones left out."""
        for name, entry in self.components.items():
            self.declared[name] = bind_component(name, entry, self.kinds, self.problems)
        for one in self.declared.values():
            model = one.kind.config if one.kind else ComponentConfig
            check_names(model, one.entry, one.path, self.components, self.problems)
            check_consumed(one, self.declared, self.problems)
        self.problems.settle()
        expected: dict[str, Model | None] = {}
        for name, entry in self._by_component("expect"):
            one = self.declared[name]
            expected[name] = bind_expectation(one, entry, self.components, self.problems)
        bound: dict[str, Component] = {}
        for name, one in self.declared.items():
            refs = bind_references(one, self.declared, self.problems)
            if one.config and one.kind:
                bound[name] = Component(
                    name, one.kind.name, one.config, expected.get(name), refs, one.entry.at
                )
        return bound

    def _by_component(self, key: str) -> Iterator[tuple[str, Entry]]:
        """The entries of a section whose keys are components; others are mistakes."""
        for name, entry in self._section(key).items():
            if name in self.components:
                yield name, entry
            else:
                hint = nearest(name, self.components)
                self.problems.add(entry.at, (key, name), f"unknown component {name}", hint)

    def _circles(self) -> None:
        needs = {name: list(one.needs()) for name, one in self.declared.items()}
        for circle in graph.cycles(needs):
            one = self.declared[circle[0]]
            message = f"a circle, so none of them could ever start: {' -> '.join(circle)}"
            hint = "take one of them out of needs; a reference to it does not wait"
            self.problems.add(locate(one.entry, ("needs",)), (*one.path, "needs"), message, hint)

    def _ports(self) -> None:
        """Two components cannot listen on the same fixed port, nor can two replicas."""
        taken: dict[str, str] = {}
        for one in self.declared.values():
            for field, port in one.ports():
                path = (*one.path, field)
                at = locate(one.entry, (field,))
                if port in taken:
                    message = f"port {port} is already that of {taken[port]}"
                    self.problems.add(at, path, message, "leave it out, and a free one is used")
                elif getattr(one.config, "replicas", 1) > 1:
                    message = f"replicas cannot share the fixed port {port}"
                    self.problems.add(at, path, message, "leave it out, and free ones are used")
                taken.setdefault(port, dotted(path))

    def _clean_up(self) -> dict[str, CleanUp]:
        bound: dict[str, CleanUp] = {}
        for name, entry in self._by_component("clean_up"):
            if config := bind_clean_up(self.declared[name], entry, self.problems):
                bound[name] = config
        return bound

    def _files(self, header: Header, configs: Mapping[str, EnvironmentConfig]) -> None:
        """Files that the declaration names must be there."""
        named: list[tuple[Path_, str | None]] = [
            (("spec",), header.spec),
            (("compose",), header.compose),
        ]
        if self.chosen is not None and self.chosen in configs:
            named.append((("environments", self.chosen, "file"), configs[self.chosen].file))
        for path, name in named:
            if name is None or (self.folder / name).is_file():
                continue
            hint = nearest(name, self._files_here(), whole_list=False)
            message = f'there is no file "{name}" beside the declaration'
            self.problems.add(locate(self.root, path), path, message, hint or "correct the name")

    def _compose_text(self, config: EnvironmentConfig, compose: str | None) -> str | None:
        """What the compose file says, and what Compose reads beside it without being told: they
        are part of what a compose deployment is."""
        name = config.file or compose
        if config.provider != "compose" or name is None:
            return None
        file = self.folder / name
        overrides = (file.with_suffix(f".override.{suffix}") for suffix in ("yml", "yaml"))
        read = hashlib.sha256()
        for one in (file, *overrides, file.with_name(".env")):
            if one.is_file():  # a pipe would be waited for
                with contextlib.suppress(OSError), one.open("rb") as stream:
                    read.update(f"{one.name}\0".encode() + stream.read(MAX_BYTES))
        return read.hexdigest()

    def _files_here(self) -> list[str]:
        try:
            return [one.name for one in self.folder.iterdir()]
        except OSError:
            return []

    def _variables(
        self, configs: Mapping[str, EnvironmentConfig]
    ) -> dict[str, environments.Variables]:
        return {
            name: environments.variables(
                step(step(self.written.node, "environments"), name), self.declared
            )
            for name, config in configs.items()
            if config.provider == "remote"
        }


def _digest(
    components: Mapping[str, Component],
    environment: str,
    config: EnvironmentConfig,
    python: str | None,
    compose: str | None,
) -> str:
    """sha256 over all that makes a deployment what it is; expectations do not."""
    resolved = {
        "components": {name: c.config.model_dump(mode="json") for name, c in components.items()},
        "environment": environment,
        "config": config.model_dump(mode="json"),
        "python": python,
        **({"compose": compose} if compose else {}),
    }
    text = json.dumps(resolved, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
