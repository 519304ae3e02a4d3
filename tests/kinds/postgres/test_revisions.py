from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.kinds.postgres.declared import same_type
from seatrial.kinds.postgres.revisions import Revisions, read_folder


def write(folder: Path, name: str, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


def test_reads_every_way_to_write_a_revision(tmp_path: Path) -> None:
    versions = tmp_path / "versions"
    write(versions, "a.py", 'revision = "aaa"\ndown_revision = None\n')
    write(versions, "b.py", 'revision: str = "bbb"\ndown_revision: str | None = "aaa"\n')
    write(versions, "c.py", "revision = 'ccc'\ndown_revision = 'aa'\n")
    write(versions / "more", "d.py", "revision='ddd'\ndown_revision=('bbb', 'ccc')\n")
    write(versions, "e.py", "revision='eee'\ndown_revision='ddd'\ndepends_on=['fff']\n")
    write(versions, "f.py", "revision='fff'\ndown_revision=None\n")
    write(versions, "none.py", "import os\nrevision = os.environ['X']\n")
    write(versions, "torn.py", "revision = 'xxx'\ndef (\n")
    write(tmp_path, "env.py", "raise SystemExit('must not be run')\n")
    found = read_folder(tmp_path)
    assert found.before == {
        "aaa": (),
        "bbb": ("aaa",),
        "ccc": ("aaa",),
        "ddd": ("bbb", "ccc"),
        "eee": ("ddd", "fff"),
        "fff": (),
    }
    assert found.heads == ("eee",)
    assert found.unknown(["aaa", "zzz"]) == ["zzz"]
    assert found.missing(["bbb"], ["eee"]) == ["ccc", "fff", "ddd", "eee"]
    assert found.missing(["eee"], ["eee"]) == []
    assert found.missing([], ["ddd"]) == ["aaa", "bbb", "ccc", "ddd"]


def test_several_heads_and_a_circle() -> None:
    branches = Revisions({"a": (), "b": ("a",), "c": ("a",)})
    assert branches.heads == ("b", "c")
    circle = Revisions({"a": ("b",), "b": ("a",)})
    assert circle.missing([], ["a"]) == ["a", "b"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("int", "integer"),
        ("INT8", "bigint"),
        ("timestamptz", "timestamp with time zone"),
        ("timestamptz(3)", "timestamp(3) with time zone"),
        ("timestamp with time zone", "timestamp(3) with time zone"),
        ("varchar", "character varying(50)"),
        ("varchar(50)", "character varying(50)"),
        ("numeric(10, 2)", "numeric(10,2)"),
        ("text[]", "text[]"),
        ("int[]", "integer[]"),
        ("public.taskstatus", "taskstatus"),
        ("text", 'text COLLATE "C"'),
        ('"Odd Type"', '"Odd Type"'),
        ("double precision", "double precision"),
    ],
)
def test_same_type(wanted: str, found: str) -> None:
    assert same_type(wanted, found)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("int", "bigint"),
        ("varchar(50)", "character varying(40)"),
        ("varchar(50)", "character varying"),
        ("varchar", "text"),
        ("timestamptz", "timestamp without time zone"),
        ("timestamptz(3)", "timestamp(6) with time zone"),
        ("text", "text[]"),
        ("taskstatus", "other.taskstatus"),
        ('"Odd Type"', "odd type"),
    ],
)
def test_other_type(wanted: str, found: str) -> None:
    assert not same_type(wanted, found)
