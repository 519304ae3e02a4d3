"""The dependency graph of a system: who, whom and why; cycles; the order in which to start.

A reference needs only that an address is allocated, so components may refer to each other and to
themselves. Only `needs` waits for readiness, and so only a circle of `needs` is a mistake.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from seatrial.declaration.models import Component

NEEDS = "needs"


@dataclass(frozen=True)
class Edge:
    """`who` cannot work without `whom`."""

    who: str
    whom: str
    why: str  # "needs", or the reference: "env.DATABASE_URL -> postgres.sql"


def edges(components: Mapping[str, Component]) -> tuple[Edge, ...]:
    """All edges but those of a component to itself, in the order of the declaration."""
    found: list[Edge] = []
    for component in components.values():
        found += [Edge(component.name, whom, NEEDS) for whom in component.config.needs]
        found += [
            Edge(component.name, ref.owner, f"{ref.where} -> {ref.owner}.{ref.endpoint}")
            for ref in component.references
            if ref.owner != component.name
        ]
    return tuple(dict.fromkeys(found))


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


def start_order(components: Mapping[str, Component]) -> tuple[str, ...]:
    """Every component after all that it needs, else as declared. Expects no circle of `needs`."""
    waiting = {name: set(c.config.needs) & components.keys() for name, c in components.items()}
    order: list[str] = []
    while waiting:
        ready = next((name for name, needs in waiting.items() if not needs), None)
        if ready is None:
            raise ValueError(f"a circle of needs among {', '.join(waiting)}")
        order.append(ready)
        del waiting[ready]
        for needs in waiting.values():
            needs.discard(ready)
    return tuple(order)


def dependents_of(names: str | Iterable[str], found: Iterable[Edge]) -> tuple[str, ...]:
    """All that cannot work without one of these, near ones first, they themselves left out."""
    roots = [names] if isinstance(names, str) else list(names)
    by_whom: dict[str, list[str]] = {}
    for edge in found:
        by_whom.setdefault(edge.whom, []).append(edge.who)
    reached = dict.fromkeys(roots)
    queue = list(roots)
    for name in queue:  # grows while it is walked
        for who in by_whom.get(name, ()):
            if who not in reached:
                reached[who] = None
                queue.append(who)
    return tuple(name for name in reached if name not in roots)
