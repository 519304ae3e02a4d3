"""Whatever is in the file, loading it gives a system or a DeclarationError."""

from __future__ import annotations

import tempfile
from pathlib import Path

import yaml
from hypothesis import given
from hypothesis import strategies as st

from seatrial.declaration.load import load
from seatrial.declaration.models import System
from seatrial.errors import DeclarationError
from tests.unit.declaration.fake_kinds import KINDS
from tests.unit.declaration.test_load import QUEUE


def _load(data: bytes, environment: str | None = None) -> System | DeclarationError:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "seatrial.yaml")
        file.write_bytes(data)
        try:
            return load(file, KINDS, environment=environment, variables={"API_2": "x", "A": "b"})
        except DeclarationError as raised:
            error = raised
    assert error.problems
    for problem in error.problems:
        assert 1 <= problem.line <= len(data) + 1
        assert problem.key
        assert problem.message
    return error


any_text = st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))


@given(st.binary(max_size=200) | any_text)
def test_any_bytes(data: bytes) -> None:
    assert isinstance(_load(data), DeclarationError)


pieces = [*"{}[]:,-&*!|>'\"#%@` \n\tab01.$~<?", "kind: ", "system: ", "${", "<<", "\n  "]
yaml_like = st.lists(st.sampled_from(pieces), max_size=60).map("".join)


@given(yaml_like)
def test_any_text_that_looks_like_yaml(text: str) -> None:
    assert isinstance(_load(text.encode()), DeclarationError)


words = st.sampled_from(
    [
        *("system", "components", "environments", "expect", "clean_up", "python", "kind", "needs"),
        *("db", "broker", "web", "job", "api", "store", "local", "far", "provider", "remote"),
        *("endpoints", "tables", "queues", "columns", "env", "run", "port", "replicas", "<<"),
        *("{store.url}", "{api.x.y}", "${A}", "${NOPE}", "${A:-", "file", "url", "password", ""),
        *("true", "1", "1.5", "null", "spec", "compose", "protected", "../x", "a" * 70),
    ]
)
leaves = words | st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
trees = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4),
    max_leaves=25,
)


@given(
    st.fixed_dictionaries(
        {"system": leaves},
        optional={
            "components": st.dictionaries(
                words, st.dictionaries(words, trees, max_size=4) | trees, max_size=3
            ),
            "environments": trees,
            "expect": trees,
            "clean_up": trees,
            "python": trees,
            "spec": trees,
            "compose": trees,
        },
    ),
    words | st.none(),
)
def test_any_tree(tree: dict[str, object], environment: str | None) -> None:
    _load(yaml.safe_dump(tree, allow_unicode=True).encode("utf-8", "replace"), environment)


@given(st.data())
def test_a_good_declaration_with_one_thing_changed(data: st.DataObject) -> None:
    tree = yaml.safe_load(QUEUE)
    node = tree
    while True:
        key = data.draw(st.sampled_from(list(node) if isinstance(node, dict) else range(len(node))))
        below = node[key]
        if not below or not isinstance(below, dict | list) or data.draw(st.booleans()):
            break
        node = below
    if data.draw(st.booleans()):
        node[key] = data.draw(trees)
    else:
        del node[key]
    _load(yaml.safe_dump(tree, allow_unicode=True).encode(), data.draw(words | st.none()))
