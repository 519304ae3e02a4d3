"""The located tree: places, bounds, and YAML that is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.declaration import source
from seatrial.declaration.problems import Problems
from seatrial.declaration.source import Entry, MapNode, locate, plain, read_text

FILE = Path("seatrial.yaml")


def _read(text: str) -> tuple[source.Node | None, list[tuple[int, str, str]]]:
    problems = Problems(FILE)
    node = read_text(text, FILE, problems)
    found = problems.error().problems if problems else ()
    return node, [(problem.line, problem.key, problem.message) for problem in found]


def test_every_node_knows_its_place() -> None:
    node, _ = _read("a:\n  b:\n  - x\n  - {c: y}\n")
    assert isinstance(node, MapNode)
    root = Entry(node.at, node)
    places = [
        (locate(root, path).line, locate(root, path).column)
        for path in ((), ("a",), ("a", "b"), ("a", "b", 1), ("a", "b", 1, "c"), ("a", "z", "z"))
    ]
    assert places == [(1, 1), (1, 1), (2, 3), (4, 5), (4, 6), (1, 1)]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1", 1),
        ("-12", -12),
        ("0o17", 15),
        ("0x1F", 31),
        ("017", 17),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("", None),
        ('"1"', "1"),
        ("'true'", "true"),
        ("yes", "yes"),
        ("off", "off"),
        ("1_000", "1_000"),
        ("2024-01-01", "2024-01-01"),
        (".inf", ".inf"),
        ("!!str 1", "1"),
        ("! 1", "1"),
        ("|\n  1\n", "1\n"),
    ],
)
def test_plain_scalars_are_typed_by_the_core_schema(written: str, value: object) -> None:
    node, problems = _read(f"a: {written}")
    assert not problems
    assert node is not None
    assert plain(node) == {"a": value}
    assert type(plain(node)["a"]) is type(value)  # type: ignore[index,call-overload]


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ("a: [1, 2\nb: 3", 2, "a.2"),
        ("a: 1\nb: 'x", 2, "b"),
        ("a:\n  b: c: d\n", 2, "a"),
        ("a: 1\n\tb: 2\n", 2, "a"),
        ("a: 1\nb: *nope\n", 2, "b"),
        ("a: 1\nb: &x [*x]\n", 2, "b.0"),
        ("a: 1\nb: \x01\n", 2, "(document)"),
        ('a: 1\nb: "\\0"\n', 2, "b"),
        ('a: 1\nb: "\\ud800"\n', 2, "b"),
        ("a: 1\n---\nb: 2\n", 2, "(document)"),
        ("a: 1\nb: !!python/object:os.system x\n", 2, "b"),
        ("a: 1\nb: !own x\n", 2, "b"),
        ("a: 1\n[b]: 2\n", 2, "(document)"),
        ("a: 1\n: 2\n", 2, "(document)"),
        ("a: 1\nb: {<<: 1}\n", 2, "b.<<"),
    ],
)
def test_what_cannot_be_read_is_a_mistake_with_its_place(text: str, line: int, key: str) -> None:
    _, problems = _read(text)
    assert [(found[0], found[1]) for found in problems] == [(line, key)]
    assert all(found[2] for found in problems)


def test_an_alias_within_its_own_anchor() -> None:
    _, problems = _read("a: &x 1\nb: &x [*x]\n")
    assert problems == [(2, "b.0", "the YAML alias *x refers to itself")]


def test_the_same_key_twice_counts_once_each() -> None:
    _, problems = _read("a: 1\nb: {c: 1, c: 2, c: 3}\na: 2\n")
    assert problems == [
        (2, "b.c", "this key is there twice (first on line 2)"),
        (3, "a", "this key is there twice (first on line 1)"),
    ]


def test_a_merged_key_is_not_there_twice() -> None:
    node, problems = _read("a: &a {x: 1, y: 1}\nb: {x: 2, <<: [*a, {y: 3, z: 4}]}\n")
    assert not problems
    assert node is not None
    assert plain(node)["b"] == {"x": 2, "y": 1, "z": 4}  # type: ignore[index,call-overload]


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_nesting_is_bounded_before_anything_recurses(opening: str) -> None:
    allowed = opening * source.MAX_NESTING
    node, problems = _read(allowed + {"[": "]", "{a: ": "}", "- ": ""}[opening] * 30)
    assert node is not None
    assert not problems
    _, problems = _read(opening * 100_000)
    assert [found[2] for found in problems] == ["this is nested more than 30 levels deep"]


def test_aliases_cannot_explode() -> None:
    rows = ["a0: &a0 [x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    node, problems = _read("\n".join(rows))
    assert node is None
    assert [found[2] for found in problems] == [
        "the document is too large with its YAML aliases written out"
    ]


def test_long_text_cannot_be_multiplied_by_aliases() -> None:
    _, problems = _read(f"a: &a {'x' * 100_000}\nb: [{', '.join(['*a'] * 100)}]\n")
    assert len(problems) == 1


def _file(path: Path) -> list[str]:
    problems = Problems(path)
    source.read_file(path, problems)
    return [problem.message for problem in problems.error().problems] if problems else []


def test_size_is_bounded(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_bytes(b"#" * source.MAX_BYTES)
    assert _file(file) == []
    file.write_bytes(b"#" * (source.MAX_BYTES + 1))
    assert _file(file) == ["the file is larger than 1000000 bytes"]


def test_only_utf_8(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1")
    assert _file(file) == []
    file.write_bytes(b"a: 1\nb: \xff")
    problems = Problems(file)
    source.read_file(file, problems)
    assert [(p.line, p.message) for p in problems.error().problems] == [
        (2, "this is not UTF-8 text")
    ]


def test_devices_and_folders_are_no_files(tmp_path: Path) -> None:
    assert _file(Path("/dev/zero")) == ["there is no such file"]
    assert _file(tmp_path) == ["there is no such file"]
