"""Permissions of users, held against a real broker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from seatrial.kinds.base import CheckResult, Target
from seatrial.kinds.rabbitmq.config import RabbitmqExpect
from seatrial.kinds.rabbitmq.expect import check
from seatrial.outcome import Cause, Outcome, Priority
from seatrial.waiting import Deadline
from tests.kinds.harness import context_of
from tests.kinds.rabbitmq.admin import Admin
from tests.kinds.rabbitmq.conftest import as_user

PASSWORD = "a-made-up-password"

Hold = Callable[..., Mapping[str, CheckResult]]


@pytest.fixture
def hold(target: Target, tmp_path: Path) -> Hold:
    """Check declared permissions; results by id without their common beginning."""

    def once(permissions: dict[str, Any], at: Target | None = None) -> Mapping[str, CheckResult]:
        expect = RabbitmqExpect.model_validate({"permissions": permissions})
        where = at or target
        found = asyncio.run(
            check(where, expect, context_of(tmp_path, tmp_path, where), Deadline.after(20))
        )
        begin = "rabbitmq.permission."
        return {r.id.removeprefix(begin): r for r in found if r.id.startswith(begin)}

    return once


def test_granted_and_taken_away(admin: Admin, hold: Hold) -> None:
    admin.user("clerk")
    rights = {"configure": "^orders", "write": "^(amq\\.default|shop)$", "read": ""}
    admin.put(f"permissions/{admin.vhost}/clerk", rights)
    wanted = {"configure": ["orders"], "write": ["amq.default", "other"], "read": ["orders"]}
    results = hold({"clerk": wanted})
    assert {id: one.outcome for id, one in results.items()} == {
        "clerk.configure.orders": Outcome.PASSED,
        "clerk.write.amq.default": Outcome.PASSED,
        "clerk.write.other": Outcome.FAILED,
        "clerk.read.orders": Outcome.FAILED,
    }
    lacking = results["clerk.write.other"]
    assert lacking.cause is Cause.NOT_AUTHORISED
    assert lacking.priority is Priority.P1
    assert "amq" in lacking.found
    assert "set_permissions" in lacking.fix


def test_a_user_without_any(admin: Admin, hold: Hold) -> None:
    admin.user("stranger")
    (result,) = hold({"stranger": {"read": ["orders"]}}).values()
    assert result.outcome is Outcome.FAILED
    assert result.found == f"it has no permissions on virtual host {admin.vhost!r}"


def test_only_an_administrator_may_ask(target: Target, admin: Admin, hold: Hold) -> None:
    admin.user("watcher", tags="monitoring")
    admin.permit("watcher", "^$")
    (result,) = hold(
        {"quantum_user": {"read": ["orders"]}}, at=as_user(target, "watcher", PASSWORD)
    ).values()
    assert (result.outcome, result.priority) == (Outcome.NOT_MEASURED, Priority.P2)
    assert "administrator" in result.fix


def test_without_a_management_endpoint(target: Target, hold: Hold) -> None:
    bare = replace(target, endpoints={"amqp": target.endpoints["amqp"]})
    (result,) = hold({"quantum_user": {"read": ["orders"]}}, at=bare).values()
    assert (result.outcome, result.priority) == (Outcome.NOT_MEASURED, Priority.P2)
    assert "endpoints.rabbitmq.management" in result.fix


def test_a_pattern_of_the_brokers_own(admin: Admin, hold: Hold) -> None:
    admin.permit("quantum_user", "(?|orders)")  # a branch reset: not known to Python
    (result,) = hold({"quantum_user": {"read": ["orders"]}}).values()
    assert (result.outcome, result.priority) == (Outcome.NOT_MEASURED, Priority.P2)


@pytest.mark.parametrize("wrong", [{"a": {}}, {"a": {"delete": ["x"]}}, {}])
def test_wrong_declarations(wrong: object) -> None:
    with pytest.raises(ValidationError):
        RabbitmqExpect.model_validate({"permissions": wrong})
