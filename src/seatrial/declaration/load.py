"""seatrial.yaml -> a bound `System`, or one error with every mistake in it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from seatrial.declaration import environments, graph, interpolate, references
from seatrial.declaration.bind import (
    Declared,
    Kinds,
    bind_component,
    bind_expectation,
    bind_model,
    bind_references,
)
from seatrial.declaration.models import CleanUp, Component, EnvironmentConfig, Model, System
from seatrial.declaration.problems import Path_, Problems, nearest
from seatrial.declaration.source import (
    Entry,
    MapNode,
    Node,
    Scalar,
    locate,
    read_file,
)

FILE_NAME = "seatrial.yaml"

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
_SECTIONS = ("components", "environments", "expect", "clean_up")


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
    if root is not None and not isinstance(root, MapNode):
        problems.add(root.at, (), "the file must be a mapping", "begin with system: NAME")
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
        named = root.get("environments")
        self.written = named
        self.chosen = environments.choose(named, wanted, root.at, problems)
        self.root = self._filled(root, variables)
        self.declared: dict[str, Declared] = {}

    def _filled(self, root: MapNode, variables: Mapping[str, str]) -> MapNode:
        """The document with the variables filled in that the environment in use needs."""
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
        header = self._header()
        self._components()
        self._needs()
        self._ports()
        compose = header.compose if header else None
        configs = environments.bind(
            self.root.get("environments"), self.declared, compose, self.problems
        )
        components = self._bound()
        clean_up = self._clean_up()
        self._names("environments")
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
            digest=_digest(components, self.chosen, configs[self.chosen], header.python),
        )

    def _header(self) -> Header | None:
        known = [*Header.model_fields, *_SECTIONS]
        entries: dict[str, Entry] = {}
        for key, entry in self.root.entries.items():
            if key not in known:
                left = [name for name in known if name not in self.root.entries]
                self.problems.add(entry.at, (key,), "unknown key", nearest(key, left))
            elif key not in _SECTIONS:
                entries[key] = entry
        return bind_model(Header, MapNode(self.root.at, entries), (), self.problems)

    def _section(self, key: str) -> Mapping[str, Entry]:
        """The entries of a top-level mapping; an empty one is a mistake."""
        if key not in self.root.entries:
            return {}
        at, node = self.root.entries[key].at, self.root.entries[key].node
        if isinstance(node, MapNode) and node.entries:
            return node.entries
        empty = isinstance(node, MapNode) or (isinstance(node, Scalar) and node.value is None)
        self.problems.add(at, (key,), "is empty" if empty else "must be a mapping")
        return {}

    def _names(self, key: str) -> None:
        """Names become parts of paths and of references, so their letters are limited."""
        for name, entry in self._section(key).items():
            if not _NAME.fullmatch(name):
                message = "a name is a letter, then up to 62 letters, digits, - and _"
                self.problems.add(entry.at, (key, name), message)

    def _components(self) -> None:
        if "components" not in self.root.entries:
            hint = "components: {api: {kind: http, ...}}"
            self.problems.add(self.root.at, ("components",), "no components are declared", hint)
        self._names("components")
        for name, entry in self._section("components").items():
            declared = bind_component(name, entry.at, entry.node, self.kinds, self.problems)
            if declared:
                self.declared[name] = declared

    def _needs(self) -> None:
        names: dict[str, list[str]] = {}
        for declared in self.declared.values():
            names[declared.name] = []
            for path, item in declared.needs():
                if item.text in self._section("components"):
                    names[declared.name].append(item.text)
                else:
                    others = [name for name in self.declared if name != declared.name]
                    hint = nearest(item.text, others)
                    self.problems.add(item.at, path, f"unknown component {item.text}", hint)
        for circle in graph.cycles(names):
            declared = self.declared[circle[0]]
            at = locate(declared.node, ("needs",))
            message = f"a circle, so none of them could ever start: {' -> '.join(circle)}"
            hint = "take one of them out of needs; a reference to it does not wait"
            self.problems.add(at, (*declared.path, "needs"), message, hint)

    def _ports(self) -> None:
        """Two components cannot listen on the same fixed port, nor can two replicas."""
        taken: dict[int, Path_] = {}
        for declared in self.declared.values():
            for field in type(declared.config).model_fields if declared.config else ():
                port = getattr(declared.config, field)
                if not (field == "port" or field.endswith("_port")) or not isinstance(port, int):
                    continue
                path = (*declared.path, field)
                at = locate(declared.node, (field,))
                if port in taken:
                    other = ".".join(map(str, taken[port]))
                    message = f"port {port} is already that of {other}"
                    self.problems.add(at, path, message, "leave it out, and a free one is used")
                elif port and getattr(declared.config, "replicas", 1) > 1:
                    message = f"replicas cannot share the fixed port {port}"
                    self.problems.add(at, path, message, "leave it out, and free ones are used")
                if port:
                    taken.setdefault(port, path)

    def _bound(self) -> dict[str, Component]:
        expected: dict[str, Model | None] = {}
        for name, entry in self._section("expect").items():
            if name in self.declared:
                one = self.declared[name]
                expected[name] = bind_expectation(one, entry.at, entry.node, self.problems)
            elif name not in self._section("components"):
                self._unknown("expect", name, entry)
        bound: dict[str, Component] = {}
        for name, declared in self.declared.items():
            refs = bind_references(declared, self.declared, self.problems)
            if declared.config and declared.kind:
                kind, config = declared.kind.name, declared.config
                expect = expected.get(name)
                bound[name] = Component(name, kind, config, expect, refs, declared.at)
        return bound

    def _clean_up(self) -> dict[str, CleanUp]:
        bound: dict[str, CleanUp] = {}
        for name, entry in self._section("clean_up").items():
            path = ("clean_up", name)
            if name not in self._section("components"):
                self._unknown("clean_up", name, entry)
                continue
            if isinstance(entry.node, MapNode) and entry.node.entries:
                config = bind_model(CleanUp, entry.node, path, self.problems)
                if config:
                    bound[name] = config
            else:
                self.problems.add(entry.at, path, "must be a mapping that says what to remove")
        return bound

    def _unknown(self, section: str, name: str, entry: Entry) -> None:
        hint = nearest(name, self._section("components"))
        self.problems.add(entry.at, (section, name), "unknown component", hint)

    def _files(self, header: Header, configs: Mapping[str, EnvironmentConfig]) -> None:
        """Files that the declaration names must be there."""
        named: list[tuple[Path_, str | None]] = [
            (("spec",), header.spec),
            (("compose",), header.compose),
        ]
        if self.chosen is not None and self.chosen in configs:
            named.append((("environments", self.chosen, "file"), configs[self.chosen].file))
        for path, name in named:
            if name is not None and not self.problems.at(path):
                file = self.folder / name
                if not file.is_file():
                    beside = [one.name for one in file.parent.glob("*") if one.is_file()]
                    hint = nearest(file.name, beside, whole_list=False)
                    at = locate(self.root, path)
                    self.problems.add(at, path, f'there is no file "{name}"', hint)

    def _variables(
        self, configs: Mapping[str, EnvironmentConfig]
    ) -> dict[str, environments.Variables]:
        if not isinstance(self.written, MapNode):
            return {}
        return {
            name: environments.variables(entry.node, self.declared)
            for name, entry in self.written.entries.items()
            if configs[name].provider == "remote"
        }


def _digest(
    components: Mapping[str, Component],
    environment: str,
    config: EnvironmentConfig,
    python: str | None,
) -> str:
    """sha256 over all that makes a deployment what it is; expectations do not."""
    resolved = {
        "components": {name: c.config.model_dump(mode="json") for name, c in components.items()},
        "environment": environment,
        "config": config.model_dump(mode="json"),
        "python": python,
    }
    text = json.dumps(resolved, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
