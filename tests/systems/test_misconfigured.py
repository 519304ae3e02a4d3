"""A wrong configuration of the queue is named at once: component, expected, found, what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Change, Queue

Declared = Callable[[Change], Queue]


def without(component: str, variable: str) -> Change:
    def change(declaration: dict[str, Any]) -> None:
        del declaration["components"][component]["env"][variable]

    return change


def misspelt(component: str, variable: str, wrong: str) -> Change:
    def change(declaration: dict[str, Any]) -> None:
        env = declaration["components"][component]["env"]
        env[wrong] = env.pop(variable)

    return change


def given(component: str, variable: str, value: str) -> Change:
    def change(declaration: dict[str, Any]) -> None:
        declaration["components"][component]["env"][variable] = value

    return change


@pytest.mark.criterion("AC-90")
@pytest.mark.parametrize(
    ("change", "component", "says"),
    [
        (without("api", "DATABASE_URL"), "api", "DATABASE_URL"),
        (without("worker", "RABBITMQ_URL"), "worker", "RABBITMQ_URL"),
        (misspelt("worker", "DATABASE_URL", "DATABSE_URL"), "worker", "DATABSE_URL"),
        (given("api", "RABBITMQ_URL", "not a url"), "api", "RABBITMQ_URL"),
        (given("api", "PORT", "http"), "api", "PORT"),
        (given("migrate", "DATABASE_URL", "postgresql://"), "migrate", "DATABASE_URL"),
    ],
    ids=["missing", "missing-worker", "misspelt", "malformed", "malformed-port", "migrate"],
)
def test_a_wrong_variable_fails_the_start_and_is_named(
    declared: Declared, change: Change, component: str, says: str
) -> None:
    queue = declared(change)
    called = queue.seatrial("up", "--json")
    assert called.code == 3
    failure = called.document["failure"]
    assert failure["component"] == component
    assert [(f["component"], f["cause"]) for f in called.document["findings"]] == [
        (component, "exited")
    ]
    assert failure["cause"] == "exited"
    assert any(says in line for line in failure["log"])
    assert failure["expected"]
    assert failure["fix"]
    assert "Traceback" not in called.err
    left = queue.seatrial("logs", component)
    assert left.code == 0, "what the fix says can be done although it is not up"
    assert says in left.out


def test_a_password_in_a_programs_last_words_is_not_printed(declared: Declared) -> None:
    def change(declaration: dict[str, Any]) -> None:
        worker = declaration["components"]["worker"]
        worker["run"] = ["sh", "-c", "echo cannot use $DATABASE_URL; exit 1"]

    called = declared(change).seatrial("up", "--json")
    (line,) = called.document["failure"]["log"]
    assert line.startswith("cannot use postgresql://quantum_user:***@")
    assert "quantum_user:***@" in called.err


def test_an_error_is_json_too_where_that_is_asked_for(declared: Declared) -> None:
    called = declared(lambda declaration: None).seatrial("check", "--json")
    assert called.code == 3
    assert "not up" in called.document["error"]
    assert "seatrial up" in called.document["hint"]


def test_a_variable_that_points_to_the_wrong_place_is_found_by_check(declared: Declared) -> None:
    """The services start without their database, and say so; Seatrial says which variable."""

    def change(declaration: dict[str, Any]) -> None:
        components = declaration["components"]
        components["api"]["env"]["RABBITMQ_URL"] = "amqp://nobody:nothing@{rabbitmq.host}:1/"
        components["api"]["start_timeout"] = 3

    called = declared(change).seatrial("up", "--json")
    assert called.code == 3
    failure = called.document["failure"]
    assert failure["component"] == "api"
    assert "queue_status" in failure["found"]
    assert "nothing" not in called.out + called.err
