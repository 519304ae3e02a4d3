"""The queue is broken in every way there is, and Seatrial names each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Change, Queue

Declared = Callable[[Change], Queue]

#: By a kind with SQL, by one with a policy, by the graph with a program, by a trial.
HANDFUL = ("postgres.missing-index", "rabbitmq.expiry", "api.crash", "wrong-results")


def as_it_is(declaration: dict[str, Any]) -> None:
    pass


def test_a_handful_is_named(declared: Declared) -> None:
    called = declared(as_it_is).seatrial("drill", *HANDFUL, "--json")
    assert called.code == 0, called.err
    document = called.document
    assert document["score"] == 1.0
    told = [(one["name"], one["cause"], one["by"]) for one in document["drills"]]
    assert told == [
        ("postgres.missing-index", "postgres.schema_drift", "check"),
        ("rabbitmq.expiry", "rabbitmq.lossy_queue", "check"),
        ("api.crash", "api.exited", "check"),
        ("wrong-results", "test_the_counts_are_right_for_the_circuit[bell]", "trial"),
    ]
    assert all(set(one) == ONE for one in document["drills"])


ONE = {"name", "detected", "named", "cause", "by", "seconds"}


def test_what_is_missed_is_said_to_be_missed(declared: Declared) -> None:
    queue = declared(as_it_is)
    (queue.folder / "drills").unlink()
    (queue.folder / "drills").mkdir()
    (queue.folder / "drills" / "drill_unseen.py").write_text(UNSEEN)
    called = queue.seatrial("drill", "unseen", "--json")
    assert called.code == 1
    (one,) = called.document["drills"]
    assert (one["detected"], one["named"], one["seconds"]) == (False, False, None)
    assert called.document["score"] == 0.0


UNSEEN = """
from seatrial.kinds.drill import Drill
from seatrial.outcome import Cause

DRILLS = [
    Drill(
        "unseen",
        "a worker that logs more, which is no fault",
        {"worker": frozenset({Cause.EXITED})},
        lambda stage: stage.altered("worker", env={"LOG_LEVEL": "DEBUG"}),
        within=1.0,
    )
]
"""


def test_they_are_listed_without_breaking_anything(declared: Declared) -> None:
    listed = declared(as_it_is).seatrial("drill", "--list", "--json")
    assert listed.code == 0
    names = [one["name"] for one in listed.document]
    assert len(names) == len(set(names)) >= 60
    assert {"worker.half-frozen", "queue-deleted", "lying-health"} <= set(names)


@pytest.mark.parametrize(
    ("environment", "code", "says"),
    [("deployed", 3, "otherwise than declared"), ("kept", 2, "protected")],
)
def test_it_is_refused_where_nothing_may_be_broken(
    declared: Declared, environment: str, code: int, says: str
) -> None:
    def change(declaration: dict[str, Any]) -> None:
        declaration["environments"]["kept"] = {"provider": "local", "protected": True}

    called = declared(change).seatrial("drill", "api.crash", "--env", environment)
    assert called.code == code, called.err
    assert says in called.err


@pytest.mark.long
def test_all_of_them_are_named_in_time(declared: Declared) -> None:
    called = declared(as_it_is).seatrial("drill", "--json", timeout=900)
    assert called.code == 0, called.err
    document = called.document
    assert [one for one in document["drills"] if not one["named"]] == []
    assert document["score"] == 1.0
    assert len(document["drills"]) >= 60
