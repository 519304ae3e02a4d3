"""Binds each component, and what is expected of it, against the models of its kind.

Kinds live in a room above this one, so they come in as a mapping from name to `KindModels`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from pydantic import ValidationError

from seatrial.declaration import references, wording
from seatrial.declaration.models import ComponentConfig, Location, Model, Reference
from seatrial.declaration.problems import Path_, Problems, nearest
from seatrial.declaration.source import ListNode, MapNode, Node, Scalar, locate, plain, scalars

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
    def endpoints(self) -> tuple[str, ...]: ...


Kinds = Mapping[str, KindModels]


@dataclass(frozen=True)
class Declared:
    """One entry of `components` before it is whole; `kind` and `config` are None if mistaken."""

    name: str
    at: Location
    node: MapNode
    kind: KindModels | None
    config: ComponentConfig | None

    @property
    def path(self) -> Path_:
        return ("components", self.name)

    def needs(self) -> Iterator[tuple[Path_, Scalar]]:
        """The names under `needs`, each where it stands."""
        node = self.node.get("needs")
        for index, item in enumerate(node.items if isinstance(node, ListNode) else ()):
            if isinstance(item, Scalar) and isinstance(item.value, str):
                yield (*self.path, "needs", index), item


def bind_model(model: type[M], node: Node, path: Path_, problems: Problems) -> M | None:
    """The node as an instance of the model; None where it is mistaken."""
    if not isinstance(node, MapNode):
        problems.add(node.at, path, f"must be a mapping, found {wording.found(node, path)}")
        return None
    try:
        return model.model_validate(plain(node))
    except ValidationError as error:
        wording.report(error, model, node, path, problems)
        return None


def bind_component(
    name: str, at: Location, node: Node, kinds: Kinds, problems: Problems
) -> Declared | None:
    """One entry of `components`; None where it is no mapping at all."""
    path: Path_ = ("components", name)
    if not isinstance(node, MapNode):
        problems.add(at, path, f"must be a mapping, found {wording.found(node, path)}")
        return None
    kind = _kind_of(node, at, path, kinds, problems)
    config = bind_model(kind.config, node, path, problems) if kind else None
    return Declared(name, at, node, kind, config)


def _kind_of(
    node: MapNode, at: Location, path: Path_, kinds: Kinds, problems: Problems
) -> KindModels | None:
    where = (*path, "kind")
    named = node.get("kind")
    if named is None:
        problems.add(at, where, "this key is missing", f"one of: {', '.join(sorted(kinds))}")
        return None
    if not isinstance(named, Scalar) or not isinstance(named.value, str):
        problems.add(named.at, where, f"must be text, found {wording.found(named, where)}")
        return None
    if named.value not in kinds:
        shown = wording.found(named, where)
        problems.add(named.at, where, f"unknown kind {shown}", nearest(named.value, sorted(kinds)))
        return None
    return kinds[named.value]


def bind_references(
    viewer: Declared, components: Mapping[str, Declared], problems: Problems
) -> tuple[Reference, ...]:
    """All references in the strings of one component, those that are mistaken left out."""
    bound: list[Reference] = []
    for where, scalar in scalars(viewer.node):
        if not isinstance(scalar.value, str):
            continue
        for found in references.find(scalar.value):
            path = (*viewer.path, *where)
            at = locate(viewer.node, where)
            endpoint = _endpoint_of(found, components, at, path, problems)
            if endpoint:
                dots = ".".join(str(part) for part in where)
                bound.append(Reference(viewer.name, found.owner, endpoint, found.field, dots))
    return tuple(dict.fromkeys(bound))


def _endpoint_of(
    found: references.Found,
    components: Mapping[str, Declared],
    at: Location,
    path: Path_,
    problems: Problems,
) -> str | None:
    """The name of the endpoint that a reference means; None where it means none."""
    owner = components.get(found.owner)
    if owner is None:
        message = f"{found.text} refers to an unknown component {found.owner}"
        literal = f"for the literal text write {{{found.text}}}"
        near = nearest(found.owner, components, whole_list=False)
        problems.add(at, path, message, f"{near} ({literal})" if near else literal)
        return None
    if owner.kind is None:  # already a mistake of its own
        return None
    names = owner.kind.endpoints
    if not names:
        message = f"{found.text}: {found.owner} has no endpoint ({owner.kind.name})"
        problems.add(at, path, message, "refer to a component that listens on a port")
        return None
    if found.endpoint is not None and found.endpoint not in names:
        message = f"{found.text}: {found.owner} has no endpoint {found.endpoint}"
        problems.add(at, path, message, nearest(found.endpoint, names))
        return None
    if found.field not in references.FIELDS:
        message = f"{found.text}: an endpoint has no field {found.field}"
        hint = nearest(found.field, references.FIELDS)
        if found.field in names:
            hint = f"write {{{found.owner}.{found.field}.url}}"
        problems.add(at, path, message, hint)
        return None
    return found.endpoint or names[0]


def bind_expectation(
    declared: Declared, at: Location, node: Node, problems: Problems
) -> Model | None:
    """What `expect` says of one component; an empty expectation would pass, so it is a mistake."""
    path: Path_ = ("expect", declared.name)
    if declared.kind is None:
        return None
    if declared.kind.expect is None:
        message = f"nothing can be expected of a component of kind {declared.kind.name}"
        problems.add(at, path, message, "remove it")
        return None
    if _empty(node):
        problems.add(at, path, "is empty: it would check nothing", "declare something or remove it")
        return None
    refuse_empty(declared.kind.expect, node, path, problems)
    return bind_model(declared.kind.expect, node, path, problems)


def _empty(node: Node) -> bool:
    if isinstance(node, Scalar):
        return node.value is None
    return not (node.items if isinstance(node, ListNode) else node.entries)


def refuse_empty(model: type[Model], root: Node, path: Path_, problems: Problems) -> None:
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
        if where and _empty(node) and wording.is_known(model, where):
            named = not wording.is_collection(model, where) and wording.is_collection(
                model, where[:-1]
            )
            if isinstance(node, Scalar) or not named:
                hint = "write {} to expect only that it exists" if named else "remove it"
                message = "is empty: it would check nothing"
                problems.add(locate(root, where), (*path, *where), message, hint)

    visit(root, ())
