"""Variables in text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.declaration import interpolate
from seatrial.declaration.models import Location
from seatrial.declaration.problems import Problems
from seatrial.declaration.source import Scalar

AT = Location(Path("x"), 1, 1)
SET = {"A": "a", "EMPTY": "", "ODD": "${A} $${ {x.y}"}


def _fill(text: str, variables: dict[str, str] = SET) -> tuple[object, Problems]:
    problems = Problems(Path("x"))
    node = interpolate.fill(Scalar(AT, text, text), variables, problems, ("k",))
    assert isinstance(node, Scalar)
    return node.value, problems


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("${A}", "a"),
        ("x${A}y${A}z", "xayaz"),
        ("${A:-b}", "a"),
        ("${B:-b}", "b"),
        ("${B:-}", ""),
        ("${EMPTY}", ""),
        ("${EMPTY:-b}", "b"),
        ("${B:-{db.url}}", "{db.url}"),
        ('${B:-{"a": {}}}', '{"a": {}}'),
        ("${B:-${A}}", "a"),
        ("${B:-${C:-${A}}}x", "ax"),
        ("$${A}", "${A}"),
        ("$${A} ${A}", "${A} a"),
        ("${A}$${A}", "a${A}"),
        ("$$${A}", "$${A}"),
        ("${B:-$${A}}", "${A}"),
        ("$A $ $$ {A} }", "$A $ $$ {A} }"),
        ("${ODD}", "${A} $${ {x.y}"),
        ("${B:-a:-b}", "a:-b"),
    ],
)
def test_fill(text: str, filled: str) -> None:
    value, problems = _fill(text)
    assert not problems
    assert value == filled


def test_defaults_that_are_not_used_need_no_variables() -> None:
    assert _fill("${A:-${NOT_SET}}") == ("a", _fill("${A}")[1]) or not _fill("${A:-${NOT}}")[1]
    assert _fill("${B:-${NOT_SET}}")[1]


def test_text_cannot_grow_without_bound() -> None:
    value, problems = _fill("${X}" * 20, {"X": "x" * 100_000})
    assert value == "${X}" * 20
    assert "too long" in str(problems.error())


def test_nesting_of_defaults_is_bounded() -> None:
    _, problems = _fill("${B:-" * 5000 + "}" * 5000)
    assert "nested too deeply" in str(problems.error())


@given(st.text(alphabet="${}:-AB_ ", max_size=40))
def test_any_text_is_filled_or_refused(text: str) -> None:
    value, problems = _fill(text)
    assert isinstance(value, str)
    if "${" not in text:
        assert value == text
        assert not problems


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("${A}", "A"),
        ("${A:-b}", "A"),
        ("${A:-${B}}", "A"),
        ("${A:-{x}}", "A"),
        ("x${A}", None),
        ("${A}x", None),
        ("${A}${B}", None),
        ("$${A}", None),
        ("${A", None),
        ("A", None),
    ],
)
def test_whole_variable(text: str, name: str | None) -> None:
    assert interpolate.whole_variable(Scalar(AT, text, text)) == name


def test_numbers_hold_no_variable() -> None:
    assert interpolate.whole_variable(Scalar(AT, 1, "1")) is None
    assert interpolate.whole_variable(None) is None
