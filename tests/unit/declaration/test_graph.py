"""Edges, what they lead to, and circles."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.declaration import graph
from seatrial.declaration.graph import Edge, Graph
from seatrial.declaration.models import Component
from tests.unit.declaration.fake_kinds import load_text

TEXT = """\
system: s
components:
  api:    {kind: web, needs: [migrate], env: {DB: "{db.url}", ME: "{api.url}", Q: "{q.url}"}}
  migrate: {kind: job, needs: [db], env: {DB: "{db.url}"}}
  db:     {kind: db}
  q:      {kind: broker}
  worker: {kind: job, needs: [migrate], env: {API: "{api.url}"}, consumes: {q: jobs}}
"""


@pytest.fixture
def components(tmp_path: Path) -> dict[str, Component]:
    return dict(load_text(tmp_path, TEXT).components)


def test_edges(components: dict[str, Component]) -> None:
    assert Graph(components).edges == (
        Edge("api", "migrate", "needs"),
        Edge("api", "db", "env.DB -> db.sql"),
        Edge("api", "q", "env.Q -> q.amqp"),
        Edge("migrate", "db", "needs"),
        Edge("migrate", "db", "env.DB -> db.sql"),
        Edge("worker", "migrate", "needs"),
        Edge("worker", "q", "consumes"),
        Edge("worker", "api", "env.API -> api.http"),
    )


def test_near_ones_come_first(components: dict[str, Component]) -> None:
    found = Graph(components)
    assert found.direct("api") == ("migrate", "db", "q")
    assert found.below("worker") == ("migrate", "q", "api", "db")
    assert found.below("worker", "api") == ("migrate", "q", "db")
    assert found.above("db") == ("api", "migrate", "worker")
    assert found.above("q") == ("api", "worker")
    assert found.above("q", "api") == ("worker",)
    assert found.above("worker") == ()


def test_a_circle_of_references_ends(tmp_path: Path) -> None:
    text = """\
system: s
components:
  a: {kind: web, env: {B: "{b.url}"}}
  b: {kind: web, env: {A: "{a.url}"}}
"""
    found = Graph(load_text(tmp_path, text).components)
    assert (found.above("a"), found.below("a")) == (("b",), ("b",))


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
