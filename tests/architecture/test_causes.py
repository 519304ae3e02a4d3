"""The table of causes is closed: nothing else is named, and every row of it is provoked."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from seatrial.kinds.registry import KINDS as REGISTERED
from seatrial.outcome import CAUSES, Cause
from tests.architecture.source import (
    KINDS,
    SEATRIAL,
    TESTS,
    causes,
    causes_expected,
    imports,
    python_files,
)

EVERY_KIND = {row.cause.value for row in CAUSES if row.kinds == ("*",)}


def shared_modules(kind: str) -> set[Path]:
    """The modules of several kinds that this one imports."""
    named = {name for file in python_files(KINDS / kind) for name in imports(file)}
    return {file for file in KINDS.glob("*.py") if f"seatrial.kinds.{file.stem}" in named}


def covered(kind: str) -> set[str]:
    return {row.cause.value for row in CAUSES if row.covers(kind)}


def test_every_cause_has_one_row() -> None:
    assert Counter(row.cause for row in CAUSES) == Counter(Cause)


def test_rows_are_of_kinds_that_there_are() -> None:
    named = {kind for row in CAUSES for kind in row.kinds} - {"*"}
    assert named <= set(REGISTERED)


@pytest.mark.parametrize("kind", REGISTERED)
def test_a_kind_names_only_causes_of_its_rows(kind: str) -> None:
    shared = shared_modules(kind)
    assert KINDS / "base.py" in shared  # they are found
    named = causes(KINDS / kind, *(file for file in shared if file.name != "base.py"))
    assert named
    provided = {
        cause.value for cause in REGISTERED[kind].provides
    }  # whose absence is another's finding
    assert named - covered(kind) - provided == set()


def test_what_serves_every_kind_names_only_causes_of_every_kind() -> None:
    named = causes(SEATRIAL / "keeper", KINDS / "programs.py")
    assert named - EVERY_KIND == set()
    assert {"port_in_use", "exited", "timeout", "stopped"} <= named


@pytest.mark.parametrize(
    ("cause", "kind"),
    [(row.cause.value, kind) for row in CAUSES for kind in row.kinds if kind != "*"],
)
def test_every_row_is_provoked_by_the_tests_of_its_kind(cause: str, kind: str) -> None:
    assert cause in causes_expected(TESTS / "kinds" / kind)


@pytest.mark.parametrize("cause", sorted(EVERY_KIND))
def test_every_row_of_every_kind_is_provoked(cause: str) -> None:
    assert cause in causes_expected(TESTS / "kinds", TESTS / "keeper")
