"""Binds each component, and what is expected of it, against the models of its kind.

Kinds live in a room above this one, so they come in as a mapping from name to `KindModels`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from pydantic import ValidationError

from seatrial.declaration import references, shapes, wording
from seatrial.declaration.models import CleanUp, ComponentConfig, Model, Reference
from seatrial.declaration.problems import Path_, Problems, dotted, nearest
from seatrial.declaration.source import (
    Entry,
    ListNode,
    MapNode,
    Node,
    Scalar,
    locate,
    plain,
    scalars,
    step,
)

NOTHING_CHECKED = "is empty: it would check nothing"

M = TypeVar("M", bound=Model)


class KindModels(Protocol):
    """What a declaration has to know of a kind; `kinds.base.Kind` is one."""

    @property
    def name(self) -> str: ...
    @property
    def config(self) -> type[ComponentConfig]: ...
    @property
    def expect(self) -> type[Model] | None: ...
    @property
    def clean_up(self) -> type[CleanUp] | None: ...
    @property
    def endpoints(self) -> tuple[str, ...]: ...
    @property
    def has_queues(self) -> bool: ...

    def read(self, url: str) -> object:
        """Raises ValueError, which quotes nothing of it, where it is no URL of such a component."""
        ...


Kinds = Mapping[str, KindModels]


@dataclass(frozen=True)
class Declared:
    """One entry of `components` before it is whole; `kind` and `config` are None if mistaken."""

    name: str
    entry: Entry
    kind: KindModels | None
    config: ComponentConfig | None

    @property
    def path(self) -> Path_:
        return ("components", self.name)

    def needs(self) -> Iterator[str]:
        """The names under `needs`, whatever else is mistaken."""
        node = step(self.entry.node, "needs")
        for item in node.items if isinstance(node, ListNode) else ():
            if isinstance(item, Scalar) and isinstance(item.value, str):
                yield item.text

    def ports(self) -> Iterator[tuple[str, str]]:
        """(key, number) of the fixed ports, whatever else is mistaken."""
        for field in self.kind.config.model_fields if self.kind else ():
            node = step(self.entry.node, field)
            if (field == "port" or field.endswith("_port")) and isinstance(node, Scalar):
                number = node.text.lstrip("+0")
                if number.isascii() and number.isdecimal():
                    yield field, number


def bind_model(model: type[M], entry: Entry, path: Path_, problems: Problems) -> M | None:
    """The entry as an instance of the model; None where it is mistaken."""
    if not isinstance(entry.node, MapNode):
        message, hint = wording.wrong_type(["a mapping"], entry.node, path)
        problems.add(entry.at, path, message, hint)
        return None
    _refuse_flags(model, entry, path, problems)
    try:
        return model.model_validate(plain(entry.node))
    except ValidationError as error:
        wording.report(error, model, entry, path, problems)
        return None


def _refuse_flags(model: type[Model], entry: Entry, path: Path_, problems: Problems) -> None:
    """Refuse true and false for numbers: a model would take them for 1 and 0."""
    for where, scalar in scalars(entry.node):
        if isinstance(scalar.value, bool) and shapes.is_number_only(model, where):
            message, hint = wording.wrong_type(["a number"], scalar, (*path, *where))
            problems.add(locate(entry, where), (*path, *where), message, hint)


def bind_component(name: str, entry: Entry, kinds: Kinds, problems: Problems) -> Declared:
    """One entry of `components`."""
    path: Path_ = ("components", name)
    kind = config = None
    if isinstance(entry.node, MapNode):
        kind = _kind_of(entry, path, kinds, problems)
        config = bind_model(kind.config, entry, path, problems) if kind else None
    else:
        message, hint = wording.wrong_type(["a mapping"], entry.node, path)
        problems.add(entry.at, path, message, hint)
    return Declared(name, entry, kind, config)


def _kind_of(entry: Entry, path: Path_, kinds: Kinds, problems: Problems) -> KindModels | None:
    where = (*path, "kind")
    named = step(entry.node, "kind")
    if named is None:
        problems.add(entry.at, where, "this key is missing", f"one of: {', '.join(sorted(kinds))}")
        return None
    if not isinstance(named, Scalar) or not isinstance(named.value, str):
        problems.add(named.at, where, *wording.wrong_type(["text"], named, where))
        return None
    if named.value not in kinds:
        shown = wording.found(named, where)
        problems.add(named.at, where, f"unknown kind {shown}", nearest(named.value, sorted(kinds)))
        return None
    return kinds[named.value]


def check_names(
    model: type[Model],
    entry: Entry,
    path: Path_,
    names: Collection[str],
    problems: Problems,
) -> None:
    """Refuse names of components that are none, in a kind's own keys (`models.ComponentName`)."""

    def refuse(where: Path_, name: str) -> None:
        if name not in names:
            message = f"unknown component {name}"
            problems.add(locate(entry, where), (*path, *where), message, nearest(name, names))

    def visit(node: Node, where: Path_) -> None:
        if isinstance(node, MapNode):
            keys_are_names = shapes.keys_name_components(model, where)
            for key, below in node.entries.items():
                if keys_are_names:
                    refuse((*where, key), key)
                visit(below.node, (*where, key))
        elif isinstance(node, ListNode):
            for index, item in enumerate(node.items):
                visit(item, (*where, index))
        elif isinstance(node.value, str) and shapes.names_component(model, where):
            refuse(where, node.value)

    visit(entry.node, ())


def check_consumed(one: Declared, others: Mapping[str, Declared], problems: Problems) -> None:
    """Refuse queues of a component that has none, of which nobody could count the consumers."""
    consumed = one.config.consumed if one.config else ()
    for name in dict.fromkeys(owner for owner, _ in consumed if owner in others):
        kind = others[name].kind
        if kind is not None and not kind.has_queues:
            where = ("consumes", name)
            message = f"{name} has no queues (kind {kind.name})"
            hint = "name a broker; what is taken from anything else cannot be seen: leave it out"
            problems.add(locate(one.entry, where), (*one.path, *where), message, hint)


def bind_references(
    viewer: Declared, components: Mapping[str, Declared], problems: Problems
) -> tuple[Reference, ...]:
    """All references in the strings of one component, those that are mistaken left out."""
    bound: list[Reference] = []
    for where, scalar in scalars(viewer.entry.node):
        for found in references.find(scalar.value) if isinstance(scalar.value, str) else ():
            owner = components.get(found.owner)
            refused = _refused(found, owner, components)
            if refused:
                at = locate(viewer.entry, where)
                problems.add(at, (*viewer.path, *where), *refused, follows=False)
            elif owner and owner.kind:
                endpoint = found.endpoint or owner.kind.endpoints[0]
                text = dotted(where)
                bound.append(Reference(viewer.name, found.owner, endpoint, found.field, text))
    return tuple(dict.fromkeys(bound))


def _refused(
    found: references.Found, owner: Declared | None, components: Collection[str]
) -> tuple[str, str | None] | None:
    """What is wrong with a reference, and a hint; None where nothing is."""
    if owner is None:
        message = f"{found.text} refers to an unknown component {found.owner}"
        literal = f"for the literal text write {{{found.text}}}"
        near = nearest(found.owner, components)
        return message, f"{near} ({literal})" if near else literal
    if owner.kind is None:  # already a mistake of its own
        return None
    names = owner.kind.endpoints
    if not names:
        message = f"{found.text}: {found.owner} has no endpoint (kind {owner.kind.name})"
        return message, "refer to a component that listens on a port"
    if found.endpoint is not None and found.endpoint not in names:
        message = f"{found.text}: {found.owner} has no endpoint {found.endpoint}"
        return message, nearest(found.endpoint, names)
    if found.field not in references.FIELDS:
        hint = nearest(found.field, references.FIELDS)
        if found.endpoint is None and found.field in names:
            hint = f"write {{{found.owner}.{found.field}.url}}"
        return f"{found.text}: an endpoint has no field {found.field}", hint
    return None


def bind_expectation(
    declared: Declared, entry: Entry, names: Collection[str], problems: Problems
) -> Model | None:
    """What `expect` says of one component; an empty expectation would pass, so it is a mistake."""
    path: Path_ = ("expect", declared.name)
    if declared.kind is None:
        return None
    if declared.kind.expect is None:
        message = f"nothing can be expected of a component of kind {declared.kind.name}"
        problems.add(entry.at, path, message, "remove it")
        return None
    if _empty(entry.node):
        problems.add(entry.at, path, NOTHING_CHECKED, "declare something or remove it")
        return None
    _refuse_empty(declared.kind.expect, entry, path, problems)
    problems.settle()
    check_names(declared.kind.expect, entry, path, names, problems)
    return bind_model(declared.kind.expect, entry, path, problems)


def bind_clean_up(declared: Declared, entry: Entry, problems: Problems) -> CleanUp | None:
    """What `clean_up` says of one component, in the terms of its kind."""
    path: Path_ = ("clean_up", declared.name)
    if declared.kind is None:
        return None
    if declared.kind.clean_up is None:
        message = f"nothing can be cleaned up in a component of kind {declared.kind.name}"
        problems.add(entry.at, path, message, "remove it")
        return None
    if not isinstance(entry.node, MapNode) or _empty(entry.node):
        message = f"must say what to remove, found {wording.found(entry.node, path)}"
        problems.add(entry.at, path, message, "write it out or remove it")
        return None
    return bind_model(declared.kind.clean_up, entry, path, problems)


def _empty(node: Node) -> bool:
    if isinstance(node, Scalar):
        return node.value is None
    return not (node.items if isinstance(node, ListNode) else node.entries)


def _refuse_empty(model: type[Model], root: Entry, path: Path_, problems: Problems) -> None:
    """Refuse what is declared and holds nothing, at any depth.

    An empty mapping under a name that the user chose (`queues: {orders: {}}`) is not empty: it
    expects that the thing exists.
    """

    def visit(node: Node, where: Path_) -> None:
        if isinstance(node, MapNode):
            for key, entry in node.entries.items():
                visit(entry.node, (*where, key))
        elif isinstance(node, ListNode):
            for index, item in enumerate(node.items):
                visit(item, (*where, index))
        if where and _empty(node) and shapes.is_typed(model, where):
            named = shapes.is_collection(model, where[:-1]) and shapes.models_at(model, where)
            if isinstance(node, Scalar) or not named:
                hint = "write {} to expect only that it exists" if named else "remove it"
                problems.add(locate(root, where), (*path, *where), NOTHING_CHECKED, hint)

    visit(root.node, ())
