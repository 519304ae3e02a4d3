"""YAML text -> a tree in which every node knows its file, line and column.

The tree is built from parser events on a stack of our own, not by PyYAML's recursive composer, so
that nesting is bounded before anything recurses. Plain scalars are typed by the YAML 1.2 core
schema, as editors do: `no` and `on` are text here, not flags.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml

from seatrial.declaration.models import Location
from seatrial.declaration.problems import Path_, Problems

MAX_BYTES = 1_000_000
MAX_NESTING = 30
#: Of the tree with every alias written out: 50 a node and 1 a character.
MAX_WEIGHT = 4_000_000
_NODE_WEIGHT = 50

_NULL = re.compile(r"(~|null|Null|NULL|)\Z")
_TRUE = re.compile(r"(true|True|TRUE)\Z")
_FALSE = re.compile(r"(false|False|FALSE)\Z")
_INT = re.compile(r"([-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_TAG = "tag:yaml.org,2002:"
_MAX_DIGITS = 30  # of a number; Python itself refuses to read far longer ones

_Parser = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # libyaml where PyYAML was built with it

Value = str | int | float | bool | None


@dataclass(frozen=True)
class Scalar:
    at: Location
    value: Value
    text: str  # as written, without quotes
    hidden: bool = False  # it holds a variable's value that may be a secret
    secrets: tuple[str, ...] = ()  # values in it of variables that name secrets
    written: str | None = None  # what it was before its variables were filled in
    weight: int = _NODE_WEIGHT


@dataclass(frozen=True)
class ListNode:
    at: Location
    items: tuple[Node, ...]
    weight: int = _NODE_WEIGHT


@dataclass(frozen=True)
class Entry:
    at: Location  # of the key
    node: Node


@dataclass(frozen=True)
class MapNode:
    at: Location
    entries: Mapping[str, Entry]
    weight: int = _NODE_WEIGHT

    def get(self, key: str) -> Node | None:
        entry = self.entries.get(key)
        return entry.node if entry else None


Node = Scalar | ListNode | MapNode
Plain = Value | list["Plain"] | dict[str, "Plain"]


def read_file(path: Path, problems: Problems, *, tags: tuple[str, ...] = ()) -> Node | None:
    """The tree of a file; None where nothing could be read, with the reason in `problems`.

    `tags` are YAML tags that are passed over; others but those of the core schema are refused.
    """
    start = Location(path, 1, 1)
    try:
        if not path.is_file():
            hint = (
                "name a folder with a seatrial.yaml, or the file itself (`seatrial init` writes "
                "one, where there is a compose file)"
            )
            problems.add(start, (), "there is no such file", hint)
            return None
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        problems.add(start, (), f"it cannot be read: {error.strerror or error}")
        return None
    if len(data) > MAX_BYTES:
        problems.add(start, (), f"the file is larger than {MAX_BYTES} bytes")
        return None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        at = Location(path, data.count(b"\n", 0, error.start) + 1, 1)
        problems.add(at, (), "this is not UTF-8 text", "save the file as UTF-8")
        return None
    return read_text(text, path, problems, tags=tags)


def read_text(
    text: str, file: Path, problems: Problems, *, tags: tuple[str, ...] = ()
) -> Node | None:
    """The tree of YAML text; None where it has no sensible one, with the reason in `problems`."""
    builder = _Builder(file, problems, tags)
    try:
        builder.read(yaml.parse(text, Loader=_Parser))
    except _Stop:
        return None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1 if isinstance(error.position, int) else 1
        problems.add(Location(file, line, 1), builder.path, f"{error.reason}")
        return None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = Location(file, mark.line + 1, mark.column + 1) if mark else Location(file, 1, 1)
        context = f" ({error.context})" if error.context else ""
        if mark and _tab_before(text, mark.line, mark.column):
            problems.add(at, builder.path, "YAML syntax: a tab where only spaces may be", _NO_TABS)
            return None
        problems.add(at, builder.path, f"YAML syntax: {error.problem or 'error'}{context}")
        return None
    except yaml.YAMLError as error:
        problems.add(Location(file, 1, 1), (), f"YAML syntax: {error}")
        return None
    return builder.root


_NO_TABS = "write spaces in its place: YAML takes no tab before a key or an entry"


def _tab_before(text: str, line: int, column: int) -> bool:
    """Whether a tab is among what the line begins with, or is what could not be read."""
    found = text.split("\n")[line] if line <= text.count("\n") else ""
    return "\t" in found[: len(found) - len(found.lstrip())] or found[column : column + 1] == "\t"


def plain(node: Node) -> Plain:
    """The node as plain data, for a model to validate."""
    if isinstance(node, MapNode):
        return {key: plain(entry.node) for key, entry in node.entries.items()}
    if isinstance(node, ListNode):
        return [plain(item) for item in node.items]
    return node.value


def step(node: Node | None, part: str | int) -> Node | None:
    """The child under a key or an index, None where there is none."""
    if isinstance(node, MapNode):
        return node.get(str(part))
    if isinstance(node, ListNode) and isinstance(part, int) and 0 <= part < len(node.items):
        return node.items[part]
    return None


def locate(entry: Entry, path: Path_) -> Location:
    """Where a path begins in the file: its key, or else the deepest part of it that is there."""
    at, node = entry.at, entry.node
    for part in path:
        if isinstance(node, MapNode) and str(part) in node.entries:
            below = node.entries[str(part)]
            at, node = below.at, below.node
            continue
        child = step(node, part)
        if child is None:
            return at
        at, node = child.at, child
    return at


def scalars(node: Node, path: Path_ = ()) -> Iterator[tuple[Path_, Scalar]]:
    """Every scalar beneath a node, with its path from there, in file order."""
    if isinstance(node, Scalar):
        yield path, node
    elif isinstance(node, ListNode):
        for index, item in enumerate(node.items):
            yield from scalars(item, (*path, index))
    else:
        for key, entry in node.entries.items():
            yield from scalars(entry.node, (*path, key))


class _Stop(Exception):
    """A mistake after which the rest cannot be understood."""


@dataclass
class _Frame:
    """A list or a mapping that is being read."""

    at: Location
    anchor: str | None
    is_map: bool
    items: list[Node] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)
    merged: list[MapNode] = field(default_factory=list)
    key: tuple[str, Location] | None = None
    weight: int = _NODE_WEIGHT

    def close(self) -> Node:
        if not self.is_map:
            return ListNode(self.at, tuple(self.items), self.weight)
        for other in self.merged:  # its own keys win, then the merged ones in their order
            for key, entry in other.entries.items():
                self.entries.setdefault(key, entry)
        return MapNode(self.at, self.entries, self.weight)


class _Builder:
    def __init__(self, file: Path, problems: Problems, tags: tuple[str, ...] = ()) -> None:
        self.file = file
        self.problems = problems
        self.passed_over = ("!", *tags)
        self.root: Node | None = None
        self.stack: list[_Frame] = []
        self.anchors: dict[str, Node | None] = {}  # None while the node is being read

    @property
    def path(self) -> Path_:
        """The key that is being read."""
        parts: list[str | int] = []
        for frame in self.stack:
            if not frame.is_map:
                parts.append(len(frame.items))
            elif frame.key:
                parts.append(frame.key[0])
        return tuple(parts)

    def read(self, events: Iterator[yaml.Event]) -> None:
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._stop(self._at(event), "a second YAML document begins here", "remove it")
            elif isinstance(event, yaml.ScalarEvent):
                self._scalar(event)
            elif isinstance(event, yaml.AliasEvent):
                self._alias(event)
            elif isinstance(event, yaml.CollectionStartEvent):
                self._open(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                frame = self.stack.pop()
                self._place(frame.close(), frame.anchor)

    def _at(self, event: yaml.Event) -> Location:
        mark = event.start_mark
        if mark is None:  # parsers always set it
            return Location(self.file, 1, 1)
        return Location(self.file, mark.line + 1, mark.column + 1)

    def _stop(self, at: Location, message: str, hint: str | None = None) -> None:
        self.problems.add(at, self.path, message, hint)
        raise _Stop

    def _tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> str | None:
        """The short name of an explicit tag such as !!str; others are refused."""
        if event.tag is None or event.tag in self.passed_over:
            return None
        short = event.tag.removeprefix(_TAG)
        if short == event.tag or short not in ("str", "int", "float", "bool", "null", "map", "seq"):
            self.problems.add(self._at(event), self.path, f"the YAML tag {event.tag} has no use")
        return short

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        at, text = self._at(event), event.value
        if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
            self._stop(at, "the text holds a character that cannot be used here")
        tag = self._tag(event)
        value: Value = text
        if (event.implicit[0] and event.tag != "!") or tag not in (None, "str"):
            value = self._typed(at, text)
        weight = _NODE_WEIGHT + len(text)
        self._place(Scalar(at, value, text, weight=weight), event.anchor)

    def _typed(self, at: Location, text: str) -> Value:
        if _NULL.match(text):
            return None
        if _TRUE.match(text):
            return True
        if _FALSE.match(text):
            return False
        whole = _INT.match(text)
        if not whole and not _FLOAT.match(text):
            return text
        if len(text) > _MAX_DIGITS:
            self.problems.add(at, self.path, "the number is too long", "write text in quotes")
            return text
        if not whole:
            return float(text)
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)

    def _open(self, event: yaml.CollectionStartEvent) -> None:
        at = self._at(event)
        self._tag(event)
        if len(self.stack) >= MAX_NESTING:
            self._stop(at, f"this is nested more than {MAX_NESTING} levels deep")
        if event.anchor:
            self.anchors[event.anchor] = None
        is_map = isinstance(event, yaml.MappingStartEvent)
        self.stack.append(_Frame(at, event.anchor, is_map))

    def _alias(self, event: yaml.AliasEvent) -> None:
        at, name = self._at(event), event.anchor or ""
        node = self.anchors.get(name)
        if node is None:
            what = "refers to itself" if name in self.anchors else "is not defined above"
            self._stop(at, f"the YAML alias *{name} {what}")
            return
        self._place(node, None)

    def _place(self, node: Node, anchor: str | None) -> None:
        """Put a finished node where it belongs."""
        if anchor:
            self.anchors[anchor] = node
        if not self.stack:
            self.root = node
            return
        frame = self.stack[-1]
        frame.weight += node.weight
        if frame.weight > MAX_WEIGHT:
            self._stop(node.at, "the document is too large with its YAML aliases written out")
        if not frame.is_map:
            frame.items.append(node)
        elif frame.key is None:
            self._key(frame, node)
        else:
            self._value(frame, *frame.key, node)
            frame.key = None

    def _key(self, frame: _Frame, node: Node) -> None:
        if not isinstance(node, Scalar) or not node.text:
            self._stop(node.at, "a key must be text", "put values in braces into quotes")
            return
        frame.key = (node.text, node.at)

    def _value(self, frame: _Frame, key: str, at: Location, node: Node) -> None:
        if key == "<<":
            parts = node.items if isinstance(node, ListNode) else (node,)
            maps = [part for part in parts if isinstance(part, MapNode)]
            if len(maps) < len(parts):
                self.problems.add(at, self.path, "only mappings can be merged with <<")
            frame.merged.extend(maps)
        elif key in frame.entries:
            first = frame.entries[key].at.line
            self.problems.add(
                at, self.path, f"this key is there twice (first on line {first})", "remove one"
            )
        else:
            frame.entries[key] = Entry(at, node)


def with_text(scalar: Scalar, text: str, *, hidden: bool, secrets: tuple[str, ...] = ()) -> Scalar:
    """The scalar with its variables filled in: from then on it is text."""
    return replace(
        scalar, value=text, text=text, hidden=hidden, secrets=secrets, written=scalar.text
    )
