"""How long the pauses are between two looks."""

from __future__ import annotations

from itertools import islice, takewhile

import pytest

from seatrial.waiting import backoff


def test_pauses_grow_to_the_longest() -> None:
    assert list(islice(backoff(0.02, 0.05), 5)) == pytest.approx([0.02, 0.03, 0.045, 0.05, 0.05])
    assert list(islice(backoff(2.0, 0.5), 2)) == [0.5, 0.5]


def test_with_a_share_they_go_on_growing_and_nothing_is_noticed_later_than_that() -> None:
    waited, pauses = 0.0, list(islice(backoff(0.02, 0.1, share=0.05), 200))
    for pause in pauses:
        assert pause <= max(0.1, waited * 0.05)
        waited += pause
    assert pauses == sorted(pauses)
    assert _looks_in_a_minute(0.05) < 120 < 500 < _looks_in_a_minute(0.0)


def _looks_in_a_minute(share: float) -> int:
    waited = 0.0

    def goes_on(pause: float) -> bool:
        nonlocal waited
        waited += pause
        return waited < 60

    return len(list(takewhile(goes_on, backoff(0.02, 0.1, share=share))))
