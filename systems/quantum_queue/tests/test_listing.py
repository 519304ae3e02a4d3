"""Cursors, and the pages they lead to."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from starlette.datastructures import QueryParams

from quantum_queue.api.listing import START, Position, Query, parse
from quantum_queue.contracts.words import CURSOR_PATTERN, TaskStatus

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


@pytest.mark.parametrize("at", [NOW, datetime(1970, 1, 1, tzinfo=UTC), NOW.replace(year=4000)])
def test_a_cursor_leads_back_to_its_place(at: datetime) -> None:
    place = Position(at, uuid.uuid4())
    assert re.fullmatch(CURSOR_PATTERN, place.cursor())
    assert parse(QueryParams({"cursor": place.cursor()})).after == place


@pytest.mark.parametrize("cursor", ["0" * 46, "f" * 46])
def test_whatever_looks_like_a_cursor_is_a_place(cursor: str) -> None:
    assert parse(QueryParams({"cursor": cursor})).after.cursor() == cursor


def test_a_list_begins_before_everything() -> None:
    assert parse(QueryParams()) == Query(None, 20, START)
    assert NOW + timedelta(days=365 * 2000) < START.submitted_at


def test_everything_can_be_asked_for() -> None:
    asked = parse(QueryParams({"status": "failed", "limit": "100"}))
    assert (asked.status, asked.limit) == (TaskStatus.FAILED, 100)
