"""Variables as Compose fills them in."""

from __future__ import annotations

import pytest

from seatrial.compose.variables import Filler, Unfillable

SET = {"A": "1", "EMPTY": "", "PASSWORD": "$A ${A}"}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("$A and ${A}", "1 and 1"),
        ("$$A $${A} $", "$A ${A} $"),
        ("a$1 ${A}", "a$1 1"),
        ("${EMPTY:-x} ${EMPTY-x}", "x "),
        ("${NONE:-${A}b}", "1b"),
        ("${NONE:-a:b@c/d}", "a:b@c/d"),
        ("${A:+yes}${EMPTY:+no}${EMPTY+yes}${NONE+no}", "yesyes"),
        ("${A:?needed}", "1"),
        ("${PASSWORD}", "$A ${A}"),  # what a variable holds is not read again
    ],
)
def test_forms(text: str, filled: str) -> None:
    assert Filler(SET).fill(text) == filled


def test_what_is_unset_is_empty_and_told() -> None:
    filler = Filler(SET)
    assert filler.fill("a${NONE}b$OTHER${THIRD:-}") == "ab"
    assert filler.unset == {"NONE", "OTHER"}


@pytest.mark.parametrize("text", ["${NONE:?say why}", "${EMPTY:?}", "${A", "${-x}", "${A/b/c}"])
def test_what_cannot_be_filled_in(text: str) -> None:
    with pytest.raises(Unfillable):
        Filler(SET).fill(text)


def test_nesting_has_an_end() -> None:
    with pytest.raises(Unfillable, match="deep"):
        Filler({}).fill("${A:-" * 50 + "}" * 50)
