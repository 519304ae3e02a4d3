"""The table of causes is closed: nothing else is named, and every row of it is provoked."""

from __future__ import annotations

from collections import Counter

import pytest

from seatrial.kinds.registry import KINDS as REGISTERED
from seatrial.outcome import CAUSES, Cause
from tests.architecture.source import KINDS, SEATRIAL, TESTS, causes

EVERY_KIND = {row.cause.value for row in CAUSES if row.kinds == ("*",)}


def covered(kind: str) -> set[str]:
    return {row.cause.value for row in CAUSES if row.covers(kind)}


def test_every_cause_has_one_row() -> None:
    assert Counter(row.cause for row in CAUSES) == Counter(Cause)


def test_rows_are_of_kinds_that_there_are() -> None:
    named = {kind for row in CAUSES for kind in row.kinds} - {"*"}
    assert named <= set(REGISTERED)


@pytest.mark.parametrize("kind", REGISTERED)
def test_a_kind_names_only_causes_of_its_rows(kind: str) -> None:
    named = causes(KINDS / kind)
    assert named
    provided = {
        cause.value for cause in REGISTERED[kind].provides
    }  # whose absence is another's finding
    assert named - covered(kind) - provided == set()


def test_what_serves_every_kind_names_only_causes_of_every_kind() -> None:
    shared = [file for file in KINDS.glob("*.py") if file.name != "base.py"]
    assert causes(SEATRIAL / "keeper", *shared) - EVERY_KIND == set()
    assert {"port_in_use", "exited", "timeout", "stopped"} <= causes(SEATRIAL / "keeper", *shared)


@pytest.mark.parametrize(
    ("cause", "kind"),
    [(row.cause.value, kind) for row in CAUSES for kind in row.kinds if kind != "*"],
)
def test_every_row_is_provoked_by_the_tests_of_its_kind(cause: str, kind: str) -> None:
    assert cause in causes(TESTS / "kinds" / kind)


@pytest.mark.parametrize("cause", sorted(EVERY_KIND))
def test_every_row_of_every_kind_is_provoked(cause: str) -> None:
    assert cause in causes(TESTS / "kinds", TESTS / "keeper")
