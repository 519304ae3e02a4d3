"""The dependency graph of a system: who cannot work without whom, and why; circles of `needs`.

Edges are every name of a component in another one's configuration (`needs`, `consumes`, whatever
a kind marks as `ComponentName`), and every reference. A reference needs only that an address is
allocated, so components may refer to each other and to themselves. Only `needs` waits for
readiness, and so only a circle of `needs` is a mistake.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from seatrial.declaration import shapes
from seatrial.declaration.models import Component, ComponentConfig
from seatrial.declaration.problems import Path_, dotted


@dataclass(frozen=True)
class Edge:
    """`who` cannot work without `whom`."""

    who: str
    whom: str
    why: str  # the key: "needs", "consumes"; or the reference: "env.DATABASE_URL -> postgres.sql"


class Graph:
    """Who depends on whom. Names that are no components here are left out."""

    def __init__(self, components: Mapping[str, Component]) -> None:
        found = (edge for component in components.values() for edge in _edges_of(component))
        known = (edge for edge in found if edge.whom in components and edge.who != edge.whom)
        #: In the order of the declaration; none of a component to itself.
        self.edges: tuple[Edge, ...] = tuple(dict.fromkeys(known))
        self._direct: dict[str, dict[str, None]] = {name: {} for name in components}
        self._dependents: dict[str, dict[str, None]] = {name: {} for name in components}
        for edge in self.edges:
            self._direct[edge.who][edge.whom] = None
            self._dependents[edge.whom][edge.who] = None

    def direct(self, name: str) -> tuple[str, ...]:
        """What it names or refers to itself."""
        return tuple(self._direct[name])

    def below(self, *names: str) -> tuple[str, ...]:
        """All that these depend on, directly or not: near ones first, they themselves left out."""
        return _reached(names, self._direct)

    def above(self, *names: str) -> tuple[str, ...]:
        """All that cannot work without one of these: near ones first, they themselves left out."""
        return _reached(names, self._dependents)


def _reached(names: Sequence[str], ways: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    reached = dict.fromkeys(names)
    queue = list(names)
    for name in queue:  # grows while it is walked
        fresh = [other for other in ways[name] if other not in reached]
        reached.update(dict.fromkeys(fresh))
        queue += fresh
    return tuple(name for name in reached if name not in names)


def _edges_of(component: Component) -> Iterator[Edge]:
    for where, whom in _named(component.config):
        yield Edge(component.name, whom, where)
    for ref in component.references:
        yield Edge(component.name, ref.owner, f"{ref.where} -> {ref.owner}.{ref.endpoint}")


def _named(config: ComponentConfig) -> Iterator[tuple[str, str]]:
    """(key, name) of every component that a configuration names."""
    model = type(config)

    def visit(value: object, path: Path_, key: Path_) -> Iterator[tuple[str, str]]:
        if isinstance(value, Mapping):
            if shapes.keys_name_components(model, path):
                yield from ((dotted(key), name) for name in value)
            for name, below in value.items():
                yield from visit(below, (*path, name), (*path, name))
        elif isinstance(value, list | tuple):
            for index, item in enumerate(value):
                yield from visit(item, (*path, index), key)
        elif isinstance(value, str) and shapes.names_component(model, path):
            yield dotted(key), value

    return visit(config.model_dump(by_alias=True), (), ())


def cycles(needs: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, ...]]:
    """Circles of `needs`, each as the path a, b, a; every circle's way back is reported once."""
    done: set[str] = set()
    for start in needs:
        trail: dict[str, None] = {}  # in order
        pending: list[Iterator[str]] = [iter((start,))]
        while pending:
            name = next(pending[-1], None)
            if name is None:
                pending.pop()
                if trail:
                    done.add(trail.popitem()[0])
            elif name in trail:
                path = list(trail)
                yield (*path[path.index(name) :], name)
            elif name not in done:
                trail[name] = None
                pending.append(iter(needs.get(name, ())))
