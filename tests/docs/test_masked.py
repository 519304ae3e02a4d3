"""What the documents say is masked by its shape is what is."""

from __future__ import annotations

from seatrial.evidence.shapes import SHAPES
from tests.docs.documents import ROOT, names, sections

(ROWS,) = sections(ROOT / "docs" / "reports.md")["What is masked"].tables


def test_every_shape_has_its_row_with_its_signs() -> None:
    (first, _), *others = ROWS
    assert first == "private key"
    assert [what for what, _ in others] == [shape.what for shape in SHAPES]
    for (_, looks), shape in zip(others, SHAPES, strict=True):
        shown = " ".join(names(looks))
        signs = [sign for sign in shape.signs if sign not in ("earer", "EARER")]
        assert all(sign in shown for sign in signs), shape.what
