"""What judges the queue's stores after bad days finds every planted error, and none that is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from .conftest import trials_module

checker = trials_module("checker")
SHOTS = 100

_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def task(*path: str, **more: Any) -> Any:
    """A task as it should be, after these states."""
    at = [_BEGAN + timedelta(seconds=n) for n in range(len(path))]
    history = tuple(checker.Entry(status, when) for status, when in zip(path, at, strict=True))
    is_final = path[-1] in checker.FINAL
    values = {
        "status": path[-1],
        "shots": SHOTS,
        "attempts": path.count("processing"),
        "submitted_at": _BEGAN,
        "history": history,
        "completed_at": at[-1] if is_final else None,
        "result": {"00": 40, "11": 60} if path[-1] == "completed" else None,
        "error": "no such gate" if path[-1] == "failed" else None,
    }
    return checker.Task(**{**values, **more})


def retried(*ending: str) -> Any:
    return task("pending", *("processing", "pending") * 2, "processing", *ending)


HEALTHY = {
    "done": task("pending", "processing", "completed"),
    "failed": task("pending", "processing", "failed"),
    "retried": retried("completed"),
    "taken over": task("pending", "processing", "processing", "completed"),
    "handed back": task("pending", "processing", "pending", "processing", "completed", attempts=1),
    "given up": replace(retried("failed"), dead_lettered=True),
    "at one time": task(
        "pending",
        "processing",
        "completed",
        history=tuple(checker.Entry(s, _BEGAN) for s in ("pending", "processing", "completed")),
        completed_at=_BEGAN,
    ),
}
ACCEPTED = dict.fromkeys(HEALTHY, SHOTS)
STORES = checker.Stores(HEALTHY, outbox=(), queued=(), dead=("given up", "given up"))


def with_task(name: str, one: Any) -> Any:
    return replace(STORES, tasks={**HEALTHY, name: one})


def with_done(**changes: Any) -> Any:
    return with_task("done", replace(HEALTHY["done"], **changes))


def path(*states: str) -> Any:
    return task(*states).history


PLANTED = {
    "lost": (
        replace(STORES, tasks={n: t for n, t in HEALTHY.items() if n != "done"}),
        "accepted, and there is no such task",
    ),
    "made up": (with_task("more", HEALTHY["done"]), "nobody was told of it"),
    "never begun": (with_task("done", task("pending")), "stuck: it is pending"),
    "never ended": (with_task("done", task("pending", "processing")), "stuck: it is processing"),
    "two results": (
        with_done(history=path("pending", "processing", "completed", "completed")),
        "it has 2 endings",
    ),
    "two outcomes": (
        with_done(history=path("pending", "processing", "failed", "completed")),
        "completed must not follow failed",
    ),
    "run again": (
        with_done(history=path("pending", "processing", "completed", "processing", "completed")),
        "processing must not follow completed",
    ),
    "no ending": (with_done(history=path("pending", "processing")), "it has 0 endings"),
    "no history": (with_done(history=()), "its history ends with nothing"),
    "no beginning": (
        with_done(history=path("processing", "completed")),
        "processing must not follow nothing",
    ),
    "never run": (
        with_done(history=path("pending", "completed"), attempts=0),
        "completed must not follow pending",
    ),
    "another ending": (
        with_done(history=path("pending", "processing", "failed")),
        "it is completed, and its history ends with failed",
    ),
    "out of order": (
        with_done(
            history=tuple(
                replace(entry, at=_BEGAN + timedelta(seconds=seconds))
                for entry, seconds in zip(HEALTHY["done"].history, (0, 3, 2), strict=True)
            )
        ),
        "the times of its history decrease",
    ),
    "before it was submitted": (
        with_done(submitted_at=_BEGAN + timedelta(seconds=1)),
        "the times of its history decrease",
    ),
    "ended at another time": (with_done(completed_at=_BEGAN), "and its history ends at"),
    "no time of its end": (with_done(completed_at=None), "completed_at is None"),
    "no result": (with_done(result=None), "its result is None"),
    "result of a failure": (
        with_task("failed", replace(HEALTHY["failed"], result={"0": SHOTS})),
        "its result is {'0': 100}",
    ),
    "no reason": (with_task("failed", replace(HEALTHY["failed"], error=None)), "its error is None"),
    "reason of a success": (with_done(error="why"), "its error is 'why'"),
    "too few counts": (with_done(result={"00": 40, "11": 59}), "its counts add up to 99"),
    "other shots": (
        with_done(shots=99, result={"00": 99}),
        "100 shots were accepted, and 99 are stored",
    ),
    "too many attempts": (
        with_task("retried", task("pending", *["processing"] * 4, "completed")),
        "4 attempts",
    ),
    "attempts that left no trace": (with_done(attempts=2), "2 attempts"),
    "in the outbox": (replace(STORES, outbox=["done"]), "done: 1 messages of it are in the outbox"),
    "in the queue": (replace(STORES, queued=["done"]), "done: 1 messages of it are in the queue"),
    "in a hand": (replace(STORES, unacknowledged=2), "2 messages are in the hands of workers"),
    "a dead letter": (
        replace(STORES, dead=["given up", "done"]),
        "done: its message is a dead letter, and nobody gave up on it",
    ),
    "no dead letter": (
        replace(STORES, dead=[]),
        "given up: workers gave up on it, and its message is no dead letter",
    ),
    "given up and done": (
        replace(with_done(dead_lettered=True), dead=["given up", "done"]),
        "its message is said to be a dead letter",
    ),
}


def test_what_is_right_is_not_reported() -> None:
    assert checker.wrong(ACCEPTED, STORES) == []
    assert checker.wrong({}, checker.Stores({}, (), (), ())) == []


@pytest.mark.parametrize(("stores", "said"), PLANTED.values(), ids=PLANTED.keys())
def test_a_planted_error_is_found(stores: Any, said: str) -> None:
    found = checker.wrong(ACCEPTED, stores)
    assert [line for line in found if said in line] != [], found
    assert len({line.partition(":")[0] for line in found}) == 1, "the others are not suspected"
