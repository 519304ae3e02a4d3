"""Edges, circles, and the order in which to start."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.declaration import graph
from seatrial.declaration.graph import Edge
from seatrial.declaration.models import Component
from tests.unit.declaration.fake_kinds import load_text

TEXT = """\
system: s
components:
  api:    {kind: web, needs: [migrate], env: {DB: "{db.url}", ME: "{api.url}", Q: "{q.url}"}}
  migrate: {kind: job, needs: [db], env: {DB: "{db.url}"}}
  db:     {kind: db}
  q:      {kind: broker}
  worker: {kind: job, needs: [migrate], env: {API: "{api.url}"}}
"""


@pytest.fixture
def components(tmp_path: Path) -> dict[str, Component]:
    return dict(load_text(tmp_path, TEXT).components)


def test_edges(components: dict[str, Component]) -> None:
    assert graph.edges(components) == (
        Edge("api", "migrate", "needs"),
        Edge("api", "db", "env.DB -> db.sql"),
        Edge("api", "q", "env.Q -> q.amqp"),
        Edge("migrate", "db", "needs"),
        Edge("migrate", "db", "env.DB -> db.sql"),
        Edge("worker", "migrate", "needs"),
        Edge("worker", "api", "env.API -> api.http"),
    )


def test_start_order(components: dict[str, Component]) -> None:
    assert graph.start_order(components) == ("db", "migrate", "api", "q", "worker")


def test_dependents_near_ones_first(components: dict[str, Component]) -> None:
    edges = graph.edges(components)
    assert graph.dependents_of("db", edges) == ("api", "migrate", "worker")
    assert graph.dependents_of("q", edges) == ("api", "worker")
    assert graph.dependents_of(["q", "api"], edges) == ("worker",)
    assert graph.dependents_of("worker", edges) == ()


def test_dependents_in_a_circle_end() -> None:
    edges = (Edge("a", "b", "x"), Edge("b", "a", "x"))
    assert graph.dependents_of("a", edges) == ("b",)


names = st.sampled_from("abcdef")


@given(st.dictionaries(names, st.lists(names, unique=True, max_size=4)))
def test_circles_are_found_exactly_where_nothing_can_start(needs: dict[str, list[str]]) -> None:
    waiting = {name: {n for n in whom if n in needs} for name, whom in needs.items()}
    while ready := [name for name, whom in waiting.items() if not whom]:
        for name in ready:
            del waiting[name]
        for whom in waiting.values():
            whom.difference_update(ready)
    found = list(graph.cycles(needs))
    assert bool(found) == bool(waiting)
    for circle in found:
        assert circle[0] == circle[-1]
        assert len(set(circle)) == len(circle) - 1
        assert all(b in needs[a] for a, b in pairwise(circle))


def test_a_long_chain_does_not_recurse() -> None:
    needs = {str(n): [str(n + 1)] for n in range(5000)}
    assert list(graph.cycles(needs)) == []
    assert len(list(graph.cycles({**needs, "5000": ["0"]}))) == 1
