"""The table of causes in the documents is the one in the code."""

from __future__ import annotations

import re

from seatrial.outcome import CAUSES, Cause
from tests.docs.documents import KINDS, ROOT, names, sections

DIAGNOSIS = ROOT / "docs" / "diagnosis.md"


def test_the_table_is_the_closed_table_row_by_row() -> None:
    (table,) = sections(DIAGNOSIS)["The causes"].tables
    written = [
        [
            f"`{row.cause}`",
            "all" if row.kinds == ("*",) else ", ".join(row.kinds),
            str(int(row.exit)),
            row.meaning,
        ]
        for row in CAUSES
    ]
    assert table == written


def test_every_cause_is_explained_once_and_in_the_tables_order() -> None:
    text = sections(DIAGNOSIS)["How each is found, and what usually mends it"].text
    heads = re.findall(r"^(\*\*`\w+`\*\*(?:, \*\*`\w+`\*\*)*)", text, re.MULTILINE)
    explained = [name for head in heads for name in names(head)]
    assert explained == [row.cause.value for row in CAUSES]


def test_a_kinds_page_names_the_causes_of_its_kind_and_no_others() -> None:
    words = {cause.value for cause in Cause}
    everywhere = {row.cause.value for row in CAUSES if row.kinds == ("*",)}
    for page in KINDS.glob("*.md"):
        named = {word for word in re.findall(r"`(\w+)`", page.read_text()) if word in words}
        covered = {row.cause.value for row in CAUSES if row.covers(page.stem)}
        assert named <= covered, page.name
        assert covered - everywhere <= named, page.name
