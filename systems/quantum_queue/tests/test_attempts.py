from __future__ import annotations

import uuid
from typing import Any

import pytest

from quantum_queue.worker.attempts import NoClaim, _nothing_to_do, _storable


def judged(status: str, *, redelivered: bool, held: bool = False, dead: bool = False) -> Any:
    row: Any = {
        "current_status": status,
        "is_held": held,
        "dead_lettered": dead,
        "claim_token": uuid.uuid4(),
    }
    return _nothing_to_do(row, redelivered)


@pytest.mark.parametrize("redelivered", [True, False])
@pytest.mark.parametrize("status", ["completed", "failed"])
def test_a_finished_task_is_left_alone(status: str, redelivered: bool) -> None:
    assert judged(status, redelivered=redelivered) is NoClaim.FINISHED


def test_a_dead_letter_that_was_not_rejected_in_time_still_becomes_one() -> None:
    assert judged("failed", dead=True, redelivered=True) is NoClaim.DEAD


def test_a_duplicate_of_a_dead_letter_does_not() -> None:
    assert judged("failed", dead=True, redelivered=False) is NoClaim.FINISHED


def test_a_duplicate_does_not_disturb_a_running_attempt() -> None:
    assert judged("processing", held=True, redelivered=False) is NoClaim.HELD


def test_the_message_of_a_dead_worker_takes_the_task_over() -> None:
    assert judged("processing", held=True, redelivered=True) is None


def test_so_does_any_message_once_the_attempt_must_be_over() -> None:
    assert judged("processing", held=False, redelivered=False) is None


def test_a_task_that_waits_again_is_looked_at_again() -> None:
    assert judged("pending", redelivered=False) is None


def test_messages_are_made_storable() -> None:
    assert _storable("a\x00b\ud800") == "ab?"
    assert len(_storable("x" * 10_000)) == 4000
