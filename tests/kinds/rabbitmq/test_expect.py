"""Each healthy variant stays green, beside a broken neighbour that is found."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from seatrial.kinds.base import CheckResult, Target
from seatrial.kinds.process.config import ProcessConfig
from seatrial.kinds.rabbitmq.config import RabbitmqExpect
from seatrial.kinds.rabbitmq.counting import count
from seatrial.kinds.rabbitmq.expect import check
from seatrial.outcome import Cause, Outcome, Priority
from seatrial.waiting import Deadline
from tests.kinds.harness import Running, context_of
from tests.kinds.rabbitmq.admin import Admin
from tests.kinds.rabbitmq.conftest import as_user, consuming, with_config, with_endpoint

PASSWORD = "a-made-up-password"

Results = dict[str, CheckResult]
Hold = Callable[..., Results]


@pytest.fixture
def hold(target: Target, tmp_path: Path) -> Hold:
    """Check expectations; results by id without the component's name."""

    def once(declared: dict[str, Any] | None = None, at: Target | None = None) -> Results:
        expect = RabbitmqExpect.model_validate(declared) if declared else None
        where = at or target
        found = asyncio.run(
            check(where, expect, context_of(tmp_path, tmp_path, where), Deadline.after(20))
        )
        assert all(one.component == "rabbitmq" for one in found)
        return {one.id.removeprefix("rabbitmq."): one for one in found}

    return once


def failed(results: Results) -> dict[str, Cause | None]:
    for one in results.values():
        if one.outcome is Outcome.FAILED:
            assert one.expected
            assert one.found
            assert one.fix, one.id
    return {id: one.cause for id, one in results.items() if one.outcome is Outcome.FAILED}


def outcomes(results: Results) -> set[Outcome]:
    return {one.outcome for one in results.values()}


QUANTUM = {
    "queues": {
        "quantum_tasks": {
            "durable": True,
            "auto_delete": False,
            "consumers": ">=1",
            "consumer": "worker",
            "dead_letter": True,
        }
    }
}


def make_quantum(admin: Admin, **arguments: object) -> None:
    """The queue of the quantum system: its own dead-letter exchange, queue and binding."""
    admin.exchange("quantum_tasks.dlx", "fanout")
    admin.queue("quantum_tasks.dead")
    admin.bind("quantum_tasks.dlx", "quantum_tasks.dead")
    admin.queue(
        "quantum_tasks",
        arguments={"x-dead-letter-exchange": "quantum_tasks.dlx", **arguments},
    )


def test_a_healthy_system(target: Target, admin: Admin, hold: Hold) -> None:
    make_quantum(admin)
    with consuming(target, "quantum_tasks"):
        results = hold(QUANTUM)
    assert outcomes(results) == {Outcome.PASSED}
    assert results.keys() == {
        "queue.quantum_tasks.exists",
        "queue.quantum_tasks.consumers",
        "queue.quantum_tasks.durable",
        "queue.quantum_tasks.auto_delete",
        "queue.quantum_tasks.dead_letter",
        "queue.quantum_tasks.lossless",
        "dead_letters",
    }


def test_what_is_more_than_declared(target: Target, admin: Admin, hold: Hold) -> None:
    """Extra queues, harmless policies, more consumers, another type of queue."""
    make_quantum(admin, **{"x-queue-type": "quorum"})
    admin.queue("extra", durable=False, auto_delete=True, arguments={"x-message-ttl": 5})
    admin.exchange("extra", "topic", durable=False)
    admin.policy("harmless", "^quantum", {"max-length": 5, "overflow": "reject-publish"})
    admin.policy("elsewhere", "^extra$", {"max-length": 1}, priority=9)
    with consuming(target, "quantum_tasks", "quantum_tasks", "extra"):
        results = hold(QUANTUM)
    assert outcomes(results) == {Outcome.PASSED}


def test_a_queue_that_is_not_there(admin: Admin, hold: Hold) -> None:
    admin.queue("quantum-tasks")
    results = hold(QUANTUM)
    assert failed(results) == {"queue.quantum_tasks.exists": Cause.QUEUE_MISSING}
    assert "quantum-tasks" in results["queue.quantum_tasks.exists"].found
    assert results["queue.quantum_tasks.exists"].subject == "quantum_tasks"
    rest = [one.outcome for id, one in results.items() if id.startswith("queue.quantum_tasks.")]
    assert rest.count(Outcome.SKIPPED) == 5  # the root cause alone is a finding


def test_what_a_consumer_hears_of_a_queue_that_is_not_there(target: Target) -> None:
    """By which a check tells that it ended for this reason: see `checks.follows`."""
    heard = r"404 NOT_FOUND - no queue 'not there' in vhost"
    with pytest.raises(AssertionError, match=heard), consuming(target, "not there"):
        pass


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"durable": False}, {"durable": Cause.QUEUE_DRIFT}),
        ({"auto_delete": True}, {"auto_delete": Cause.QUEUE_DRIFT}),
    ],
)
def test_drift(
    admin: Admin, hold: Hold, settings: dict[str, Any], expected: dict[str, Cause]
) -> None:
    admin.queue("tasks", **settings)
    results = hold({"queues": {"tasks": {"durable": True, "auto_delete": False}}})
    assert failed(results) == {f"queue.tasks.{key}": cause for key, cause in expected.items()}
    for key in expected:
        assert (
            f"rabbitmqctl delete_queue -p {admin.vhost} tasks" in results[f"queue.tasks.{key}"].fix
        )
        assert "expect.rabbitmq.queues.tasks" in results[f"queue.tasks.{key}"].fix


def test_the_type(admin: Admin, hold: Hold) -> None:
    admin.queue("tasks", arguments={"x-queue-type": "quorum"})
    assert failed(hold({"queues": {"tasks": {"type": "quorum"}}})) == {}
    assert failed(hold({"queues": {"tasks": {"type": "classic"}}})) == {
        "queue.tasks.type": Cause.QUEUE_DRIFT
    }


def test_an_exclusive_queue(target: Target, admin: Admin, hold: Hold) -> None:
    """Only its own connection may declare it passively: the management API tells of it."""
    with consuming(target, "mine", exclusive=True):
        results = hold({"queues": {"mine": {"exclusive": False, "lossless": False}}})
        assert failed(results) == {"queue.mine.exclusive": Cause.QUEUE_DRIFT}
        only = replace(target, endpoints={"amqp": target.endpoints["amqp"]})
        unseen = hold({"queues": {"mine": {}}}, only)["queue.mine.exists"]
        assert (unseen.outcome, unseen.cause) == (Outcome.NOT_MEASURED, Cause.NOT_MEASURED)
        assert "exclusive to another connection" in unseen.found
        assert "endpoints.rabbitmq.management" in unseen.fix
        declared = {"exclusive": True, "durable": False, "consumers": "1"}
        results = hold({"queues": {"mine": declared}})
        assert failed(results) == {}
        assert "sampled" in results["queue.mine.consumers"].found


@pytest.mark.parametrize(
    ("wanted", "there", "met"),
    [(">=1", 0, False), (">=1", 2, True), ("1", 1, True), (1, 2, False), ("<3", 2, True)],
)
def test_consumers(
    target: Target, admin: Admin, hold: Hold, wanted: object, there: int, met: bool
) -> None:
    admin.queue("tasks")
    with consuming(target, *["tasks"] * there):
        results = hold({"queues": {"tasks": {"consumers": wanted, "consumer": "worker"}}})
        assert asyncio.run(count(target, "tasks", Deadline.after(5))) == there
    assert failed(results) == ({} if met else {"queue.tasks.consumers": Cause.NO_CONSUMER})
    assert results["queue.tasks.consumers"].subject == "tasks"
    if there == 0:
        assert "worker" in results["queue.tasks.consumers"].fix


@pytest.mark.parametrize(
    ("broker", "declared", "named"),
    [
        ("rabbitmq", None, "start worker,"),
        ("rabbitmq", "api", "start api,"),
        ("other", None, "what"),
    ],
)
def test_who_should_consume_follows_from_who_says_that_he_does(
    admin: Admin, target: Target, tmp_path: Path, broker: str, declared: str | None, named: str
) -> None:
    admin.queue("tasks")
    config = ProcessConfig.model_validate(
        {"kind": "process", "run": ["worker"], "consumes": {broker: "tasks"}}
    )
    context = context_of(tmp_path, tmp_path, target, Target("worker", "process", config, {}))
    wanted = {"queues": {"tasks": {"consumers": ">=1", "consumer": declared}}}
    expect = RabbitmqExpect.model_validate(wanted)
    results = asyncio.run(check(target, expect, context, Deadline.after(20)))
    (found,) = (one for one in results if one.cause is Cause.NO_CONSUMER)
    assert named in found.fix


def test_consumers_of_a_queue_that_is_not_there(target: Target) -> None:
    with pytest.raises(LookupError) as caught:
        asyncio.run(count(target, "nothing", Deadline.after(5)))
    assert type(caught.value) is LookupError


def test_arguments_by_whoever_set_them(admin: Admin, hold: Hold) -> None:
    admin.queue("own", arguments={"x-max-priority": 5})
    admin.queue("by_policy")
    admin.policy("limit", "^by_policy$", {"max-length": 50, "overflow": "reject-publish"})
    admin.policy("lower", "^by_policy$", {"max-length": 7}, priority=-1)
    admin.policy("cap", ".*", {"max-length": 20}, operator=True)
    wanted = {
        "own": {"arguments": {"x-max-priority": 5}, "lossless": False},
        "by_policy": {"arguments": {"x-max-length": 20, "x-overflow": "reject-publish"}},
    }
    assert failed(hold({"queues": wanted})) == {}
    wanted["own"]["arguments"] = {"x-max-priority": 6, "x-queue-mode": "lazy"}
    wanted["by_policy"]["arguments"] = {"x-max-length": 50}
    results = hold({"queues": wanted})
    assert failed(results) == {
        "queue.own.arguments.x-max-priority": Cause.QUEUE_DRIFT,
        "queue.own.arguments.x-queue-mode": Cause.QUEUE_DRIFT,
        "queue.by_policy.arguments.x-max-length": Cause.QUEUE_DRIFT,
    }
    of_policy = results["queue.by_policy.arguments.x-max-length"]
    assert "operator policy cap" in of_policy.found
    assert of_policy.fix == "correct operator policy cap, or expect.rabbitmq.queues.by_policy"


# -- dead letters --------------------------------------------------------------------------------

DEAD_LETTER = {"queues": {"tasks": {"dead_letter": True}}}


def _dlx(admin: Admin, kind: str, *, key: str | None = None, dlx: str = "dlx") -> None:
    arguments: dict[str, object] = {"x-dead-letter-exchange": dlx}
    if key is not None:
        arguments["x-dead-letter-routing-key"] = key
    admin.queue("tasks", arguments=arguments)
    admin.queue("dead")
    if dlx:
        admin.exchange(dlx, kind)


def _direct_by_queue_name(admin: Admin) -> None:
    _dlx(admin, "direct")
    admin.bind("dlx", "dead", "tasks")


def _direct_by_key(admin: Admin) -> None:
    _dlx(admin, "direct", key="rejected")
    admin.bind("dlx", "dead", "rejected")


def _direct_by_the_key_it_came_with(admin: Admin) -> None:
    _dlx(admin, "direct")
    admin.exchange("work")
    admin.bind("work", "tasks", "task.new")
    admin.bind("dlx", "dead", "task.new")


def _topic(admin: Admin) -> None:
    _dlx(admin, "topic", key="tasks.rejected")
    admin.bind("dlx", "dead", "#.rejected")


def _topic_of_patterns(admin: Admin) -> None:
    _dlx(admin, "topic")
    admin.exchange("work", "topic")
    admin.bind("work", "tasks", "task.#")
    admin.bind("dlx", "dead", "task.*")


def _headers(admin: Admin) -> None:
    _dlx(admin, "headers")
    admin.bind("dlx", "dead", arguments={"x-match": "any", "why": "rejected"})


def _default_exchange(admin: Admin) -> None:
    _dlx(admin, "", key="dead", dlx="")


def _through_another_exchange(admin: Admin) -> None:
    _dlx(admin, "fanout")
    admin.exchange("graveyard")
    admin.bind("dlx", "graveyard", to="e")
    admin.bind("graveyard", "dead", "tasks")


def _alternate_exchange(admin: Admin) -> None:
    _dlx(admin, "direct")
    admin.delete(f"exchanges/{admin.vhost}/dlx")
    admin.exchange("rest", "fanout")
    admin.exchange("dlx", "direct", arguments={"alternate-exchange": "rest"})
    admin.bind("rest", "dead")


def _by_policy(admin: Admin) -> None:
    admin.queue("tasks")
    admin.queue("dead")
    admin.exchange("dlx", "fanout")
    admin.bind("dlx", "dead")
    admin.policy("dead_letters", "^tasks$", {"dead-letter-exchange": "dlx"})


@pytest.mark.parametrize(
    "make",
    [
        _direct_by_queue_name,
        _direct_by_key,
        _direct_by_the_key_it_came_with,
        _topic,
        _topic_of_patterns,
        _headers,
        _default_exchange,
        _through_another_exchange,
        _alternate_exchange,
        _by_policy,
    ],
)
def test_a_dead_letter_path_and_the_same_one_cut(
    admin: Admin, hold: Hold, make: Callable[[Admin], None]
) -> None:
    make(admin)
    assert outcomes(hold(DEAD_LETTER)) == {Outcome.PASSED}
    assert outcomes(hold()) == {Outcome.PASSED}
    admin.delete(f"queues/{admin.vhost}/dead")
    results = hold(DEAD_LETTER)
    assert failed(results) == {"queue.tasks.dead_letter": Cause.UNROUTABLE}
    assert results["queue.tasks.dead_letter"].priority is Priority.P1
    assert "will be lost" in results["queue.tasks.dead_letter"].found
    assert failed(hold()) == {"queue.tasks.dead_letter": Cause.UNROUTABLE}  # also undeclared


def test_a_dead_letter_exchange_that_is_not_there(admin: Admin, hold: Hold) -> None:
    admin.queue("orders", arguments={"x-dead-letter-exchange": "orders.dlx"})
    results = hold()
    assert failed(results) == {"queue.orders.dead_letter": Cause.UNROUTABLE}
    finding = results["queue.orders.dead_letter"]
    assert finding.priority is Priority.P2
    assert "'orders.dlx' does not exist" in finding.found
    admin.exchange("orders.dlx", "fanout")
    assert "has no bound queue" in hold()["queue.orders.dead_letter"].found


def test_dead_letters_bound_with_another_key(admin: Admin, hold: Hold) -> None:
    _dlx(admin, "direct", key="rejected")
    admin.bind("dlx", "dead", "rejectd")
    assert failed(hold(DEAD_LETTER)) == {"queue.tasks.dead_letter": Cause.UNROUTABLE}
    assert "'rejected'" in hold()["queue.tasks.dead_letter"].found


def test_dead_letters_of_which_only_some_arrive(admin: Admin, hold: Hold) -> None:
    """Found where a dead-letter path is asked for; no alarm where nobody asked."""
    _dlx(admin, "direct")
    admin.exchange("work")
    for key in ("new", "again"):
        admin.bind("work", "tasks", key)
    admin.bind("dlx", "dead", "new")
    results = hold(DEAD_LETTER)
    assert failed(results) == {"queue.tasks.dead_letter": Cause.UNROUTABLE}
    assert "'again'" in results["queue.tasks.dead_letter"].found
    assert failed(hold()) == {}


def test_dead_letters_into_a_transient_queue(admin: Admin, hold: Hold) -> None:
    _dlx(admin, "fanout")
    admin.delete(f"queues/{admin.vhost}/dead")
    admin.queue("dead", durable=False)
    admin.bind("dlx", "dead")
    results = hold(DEAD_LETTER)
    assert failed(results) == {"queue.tasks.dead_letter": Cause.UNROUTABLE}
    assert "durable" in results["queue.tasks.dead_letter"].fix
    admin.queue("kept")
    admin.bind("dlx", "kept")
    assert failed(hold(DEAD_LETTER)) == {}


def test_no_dead_letter_exchange(admin: Admin, hold: Hold) -> None:
    admin.queue("tasks")
    assert failed(hold(DEAD_LETTER)) == {"queue.tasks.dead_letter": Cause.UNROUTABLE}
    assert failed(hold()) == {}  # nobody asked for one


# -- losses --------------------------------------------------------------------------------------

TASKS = {"queues": {"tasks": {"durable": True}}}


@pytest.mark.parametrize(
    ("broken", "healthy"),
    [
        ({"x-max-length": 9}, {"x-max-length": 9, "x-overflow": "reject-publish"}),
        (
            {"x-max-length-bytes": 9, "x-overflow": "drop-head"},
            {"x-max-length-bytes": 9, "x-overflow": "reject-publish"},
        ),
        ({"x-max-length": 9}, {"x-max-length": 9, "x-dead-letter-exchange": "dlx"}),
        ({"x-message-ttl": 9000}, {"x-message-ttl": 9000, "x-dead-letter-exchange": "dlx"}),
        (
            {"x-message-ttl": 9000, "x-dead-letter-exchange": "nowhere"},
            {"x-message-ttl": 9000, "x-dead-letter-exchange": "dlx"},
        ),
        ({"x-expires": 90000}, {"x-max-priority": 3}),
        (
            {"x-queue-type": "quorum", "x-delivery-limit": 3},
            {
                "x-queue-type": "quorum",
                "x-delivery-limit": 3,
                "x-dead-letter-exchange": "dlx",
            },
        ),
        ({"x-max-length-bytes": 9}, {"x-queue-type": "stream", "x-max-length-bytes": 10**9}),
    ],
)
def test_losses(
    admin: Admin, hold: Hold, broken: dict[str, object], healthy: dict[str, object]
) -> None:
    admin.exchange("dlx", "fanout")
    admin.queue("dead")
    admin.bind("dlx", "dead")
    admin.queue("tasks", arguments=healthy)
    assert failed(hold(TASKS)) == {}
    admin.delete(f"queues/{admin.vhost}/tasks")
    admin.queue("tasks", arguments=broken)
    assert failed(hold(TASKS)).get("queue.tasks.lossless") is Cause.LOSSY_QUEUE
    allowed = {"queues": {"tasks": {"durable": True, "lossless": False}}}
    assert "queue.tasks.lossless" not in hold(allowed)


@pytest.mark.parametrize("operator", [False, True])
def test_losses_by_policy(admin: Admin, hold: Hold, operator: bool) -> None:
    admin.queue("tasks")
    admin.policy("short", "^other$", {"max-length": 5}, operator=operator)
    assert failed(hold(TASKS)) == {}
    admin.policy("short", "^tas", {"max-length": 5}, operator=operator)
    results = hold(TASKS)
    assert failed(results) == {"queue.tasks.lossless": Cause.LOSSY_QUEUE}
    assert "policy short" in results["queue.tasks.lossless"].found
    assert "policy short" in results["queue.tasks.lossless"].fix
    admin.queue("own", arguments={"x-overflow": "reject-publish"})
    admin.policy("short", "^own$", {"max-length": 5}, operator=operator)
    assert failed(hold({"queues": {"own": {"durable": True}}})) == {}


def test_a_policy_for_other_types_of_queues(admin: Admin, hold: Hold) -> None:
    admin.queue("tasks")
    admin.policy("exchanges", ".*", {"alternate-exchange": "x"}, apply_to="exchanges", priority=9)
    admin.policy("short", ".*", {"message-ttl": 1000}, apply_to="queues")
    assert failed(hold(TASKS)) == {"queue.tasks.lossless": Cause.LOSSY_QUEUE}


@pytest.mark.parametrize(
    ("settings", "declared"),
    [({"durable": False}, {"durable": False}), ({"auto_delete": True}, {"auto_delete": True})],
)
def test_a_queue_that_does_not_last(
    admin: Admin, hold: Hold, settings: dict[str, Any], declared: dict[str, Any]
) -> None:
    admin.queue("tasks", **settings)
    assert failed(hold({"queues": {"tasks": {"consumers": "0"}}})) == {
        "queue.tasks.lossless": Cause.LOSSY_QUEUE
    }
    assert failed(hold({"queues": {"tasks": declared}})) == {}  # it is meant so


# -- exchanges and bindings ----------------------------------------------------------------------


def test_routes(admin: Admin, hold: Hold) -> None:
    admin.exchange("events", "topic")
    admin.queue("tasks")
    admin.bind("events", "tasks", "task.*")
    wanted: dict[str, Any] = {"type": "topic", "durable": True, "routes": ["task.new"]}
    assert failed(hold({"exchanges": {"events": wanted}})) == {}
    wanted = {"type": "direct", "durable": False, "routes": ["task.new", "task.new.urgent"]}
    assert failed(hold({"exchanges": {"events": wanted}})) == {
        "exchange.events.type": Cause.QUEUE_DRIFT,
        "exchange.events.durable": Cause.QUEUE_DRIFT,
        "exchange.events.routes.task.new.urgent": Cause.UNROUTABLE,
    }


def test_an_exchange_that_is_not_there(hold: Hold) -> None:
    results = hold({"exchanges": {"events": {"routes": ["task.new"]}}})
    assert failed(results)["exchange.events.exists"] is Cause.UNROUTABLE
    assert results["exchange.events.routes.task.new"].outcome is Outcome.SKIPPED


def test_bindings(admin: Admin, hold: Hold) -> None:
    admin.exchange("events", "topic")
    admin.queue("tasks")
    admin.bind("events", "tasks", "task.*")
    right = {"exchange": "events", "routing_key": "task.*"}
    wrong = {"exchange": "events", "routing_key": "task"}
    assert failed(hold({"queues": {"tasks": {"bound_to": [right]}}})) == {}
    results = hold({"queues": {"tasks": {"bound_to": [right, wrong]}}})
    assert failed(results) == {"queue.tasks.bound_to.events.task": Cause.UNROUTABLE}
    assert "events[task.*]" in results["queue.tasks.bound_to.events.task"].found


def test_priorities(admin: Admin, hold: Hold) -> None:
    results = hold({"queues": {"a": {"durable": True, "priority": "p2"}, "b": {"durable": True}}})
    assert results["queue.a.exists"].priority is Priority.P2
    assert results["queue.b.exists"].priority is Priority.P1


# -- what can be looked at -----------------------------------------------------------------------


def test_a_user_who_only_observes(target: Target, admin: Admin, hold: Hold) -> None:
    """The tag monitoring and empty permissions are enough for everything."""
    make_quantum(admin)
    admin.policy("short", "^quantum_tasks.dead", {"max-length": 5})
    admin.user("watcher", "monitoring")
    admin.permit("watcher", "^$")
    watched = as_user(target, "watcher", PASSWORD)
    with consuming(target, "quantum_tasks"):
        results = hold(QUANTUM, watched)
    assert outcomes(results) == {Outcome.PASSED}
    wanted = {"queues": {"quantum_tasks.dead": {"durable": True}}}
    assert failed(hold(wanted, watched)) == {"queue.quantum_tasks.dead.lossless": Cause.LOSSY_QUEUE}


def test_without_management(target: Target, admin: Admin, hold: Hold) -> None:
    """Existence and consumers are still exact; the rest is not measured, and says why."""
    make_quantum(admin)
    only = replace(target, endpoints={"amqp": target.endpoints["amqp"]})
    with consuming(target, "quantum_tasks"):
        results = hold(QUANTUM, only)
    passed = {id for id, one in results.items() if one.outcome is Outcome.PASSED}
    assert passed == {"queue.quantum_tasks.exists", "queue.quantum_tasks.consumers"}
    rest = [one for id, one in results.items() if id not in passed]
    assert len(rest) == 4
    for one in rest:
        assert (one.outcome, one.cause) == (Outcome.NOT_MEASURED, Cause.NOT_MEASURED)
        assert "management" in one.found
        assert one.fix
    missing = hold({"queues": {"nothing": {"durable": True}}}, only)
    assert failed(missing) == {"queue.nothing.exists": Cause.QUEUE_MISSING}


def test_a_management_user_who_may_not_look(target: Target, admin: Admin, hold: Hold) -> None:
    make_quantum(admin)
    admin.user("stranger", "monitoring")
    where = with_endpoint(target, "management", user="stranger", password=PASSWORD)
    results = hold(QUANTUM, where)
    assert results["queue.quantum_tasks.exists"].outcome is Outcome.PASSED  # by AMQP
    unseen = results["queue.quantum_tasks.durable"]
    assert unseen.outcome is Outcome.NOT_MEASURED
    assert "if it has no permissions" in unseen.fix, "else the command would take them away"
    assert results["dead_letters"].outcome is Outcome.NOT_MEASURED


def test_what_nobody_asked_for_and_may_not_be_seen(
    target: Target, admin: Admin, hold: Hold
) -> None:
    """That it may not look is a word of its health."""
    admin.user("stranger", "monitoring")
    where = with_endpoint(target, "management", user="stranger", password=PASSWORD)
    assert "dead_letters" in hold(QUANTUM, where)
    assert hold(None, where) == {}


def test_without_amqp(target: Target, admin: Admin, hold: Hold) -> None:
    """Consumers are counted by the management API, waiting for a sample that is not old."""
    make_quantum(admin)
    vhost = {"management": target.endpoints["management"]}
    only = replace(with_config(target, vhost=admin.vhost), endpoints=vhost)
    with consuming(target, "quantum_tasks"):
        results = hold(QUANTUM, only)
        assert outcomes(results) == {Outcome.PASSED}
        assert "sampled" in results["queue.quantum_tasks.consumers"].found


def test_a_broker_that_hangs(target: Target, server: Running, admin: Admin, hold: Hold) -> None:
    """Nothing is left out, and nothing is waited for any longer than for a probe."""
    make_quantum(admin)
    seen = hold(QUANTUM).keys()
    impatient = with_config(target, time_limit=0.4)
    with server.paused():
        before = asyncio.run(_now())
        results = hold(QUANTUM, impatient)
        took = asyncio.run(_now()) - before
    assert results.keys() == seen
    assert outcomes(results) == {Outcome.NOT_MEASURED}
    assert took < 3


async def _now() -> float:
    return asyncio.get_running_loop().time()


def test_the_checks_change_nothing(target: Target, admin: Admin, hold: Hold) -> None:
    make_quantum(admin)
    admin.publish("quantum_tasks", "a message")
    before = _state(admin)
    hold(QUANTUM)
    hold({"queues": {"not_there": {"durable": True}}, "exchanges": {"nor_this": {}}})
    assert _state(admin) == before


def _state(admin: Admin) -> Sequence[object]:
    live = "disable_stats=true&enable_queue_totals=true"
    return [
        admin.call("GET", f"queues/{admin.vhost}?{live}"),
        admin.call("GET", f"exchanges/{admin.vhost}?disable_stats=true"),
        admin.call("GET", f"bindings/{admin.vhost}"),
    ]


@pytest.mark.parametrize(
    "declared",
    [
        {},
        {"queues": {}},
        {"queues": {"q": {"durabel": True}}},
        {"queues": {"q": {"consumers": "many"}}},
        {"queues": {"": {"durable": True}}},
    ],
)
def test_declarations_that_are_refused(declared: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RabbitmqExpect.model_validate(declared)
