"""What the documents say is masked by its shape, or is known by value, is what is."""

from __future__ import annotations

import re

import pytest

from seatrial.evidence.shapes import SHAPES
from seatrial.secrecy import programs, told
from tests.docs.documents import ROOT, names, sections

SECTIONS = sections(ROOT / "docs" / "reports.md")
(ROWS,) = SECTIONS["What is masked"].tables
(TOLD,) = SECTIONS["What is known by value"].tables
EXAMPLES = [
    one for _, cell in TOLD for one in re.findall(r"`([^`]+)`", cell) if not one.startswith("$")
]


def test_every_shape_has_its_row_with_its_signs() -> None:
    (first, _), *others = ROWS
    assert first == "private key"
    assert [what for what, _ in others] == [shape.what for shape in SHAPES]
    for (_, looks), shape in zip(others, SHAPES, strict=True):
        shown = " ".join(names(looks))
        signs = [sign for sign in shape.signs if sign not in ("earer", "EARER")]
        assert all(sign in shown for sign in signs), shape.what


@pytest.mark.parametrize("example", EXAMPLES)
def test_what_is_said_to_be_known_by_value_is(example: str) -> None:
    name, _, value = example.removeprefix("...").partition("=")
    found = {*told.in_setting(name, value), *told.in_setting("IT", example)}
    assert "X" in example
    assert {"X", "Y"} & set(example) <= found


def test_of_all_options_and_verbs_of_programs_there_is_an_example() -> None:
    shown = [one.split() for one in EXAMPLES]
    for options in (programs.PASSWORDS, programs.LOGINS):
        for pattern in set(options.values()):
            assert [one for one in shown if options.get(one[0]) == pattern], pattern
    said = {(program, verb) for program, verbs in programs.VERBS.items() for verb in verbs}
    assert said <= {(one[0], word) for one in shown for word in one}
