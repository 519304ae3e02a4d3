"""kill -9 of everything at random moments, with work in flight; a broker that is away for long.

`TEST_CRASH_ROUNDS`, `TEST_CRASH_TASKS`, `TEST_CRASH_SEED` and `TEST_OUTAGE_SECONDS` say how much of
it; README.md has their defaults.
"""

from __future__ import annotations

import os
import random
import secrets
import threading
from collections import Counter
from time import perf_counter

import pytest
from checker import FINAL, read, wrong
from crashes import PARTS, callers, plan
from traffic import traffic

pytestmark = [
    pytest.mark.long,
    pytest.mark.needs("api", "postgres", "rabbitmq", "worker"),
    pytest.mark.requires("kill"),
]

ROUNDS = int(os.environ.get("TEST_CRASH_ROUNDS") or 50)
TASKS = int(os.environ.get("TEST_CRASH_TASKS") or 200)
SEED = int(os.environ.get("TEST_CRASH_SEED") or secrets.randbelow(1_000_000))
OUTAGE = float(os.environ.get("TEST_OUTAGE_SECONDS") or 30)

#: For all tasks of a round to end: before those could be found that have been silent for a minute,
#: which would hide that a message was lost. And for the last duplicate message to be dropped: one
#: that met a running attempt is put off until that must be over.
_DONE, _QUIET = 50.0, 60.0

STATES = "SELECT current_status AS status, count(*) FROM tasks WHERE correlation_id = %s GROUP BY 1"


@pytest.fixture
def urls(deployment):
    return [endpoint.url for endpoint in deployment.statuses()["api"].endpoints["http"]]


@pytest.fixture
def all_is_well(component, db_client, eventually):
    """`all_is_well(key, accepted)`: waits for the tasks to end, then until nothing is wrong."""
    place = component("rabbitmq").aio.place

    def check(key, accepted, what):
        eventually(
            lambda: states(db_client.sql, key),
            lambda found: found.keys() <= set(FINAL) and found.total() >= len(accepted),
            timeout=_DONE,
            what=f"{len(accepted)} tasks are done {what}",
        )
        eventually(
            lambda: wrong(accepted, read(db_client.sql.query, place, key)),
            lambda found: found == [],
            timeout=_QUIET,
            what=f"nothing is wrong {what}",
        )

    return check


def states(sql, key):
    return Counter({row["status"]: row["count"] for row in sql.query(STATES, [key])})


@pytest.mark.criterion("AC-22", "AC-23", "AC-24", "AC-29", "AC-31")
def test_whatever_is_killed_no_task_is_lost_stuck_or_run_to_two_results(
    deployment, urls, fault, ledger, db_client, eventually, all_is_well, record_property
):
    record_property("seed", SEED)
    slowest, repeated = 0.0, 0
    for number in range(1, ROUNDS + 1):
        chance = random.Random(f"{SEED}.{number}")
        blows, key = plan(chance), ledger.key(f"round{number}")
        what = f"in round {number} of {ROUNDS} (seed {SEED}; {', '.join(map(str, blows))})"
        with callers(urls, key, TASKS, chance) as seen:
            for blow in blows:
                work_in_flight(seen, db_client.sql, key, blow, what, eventually)
                strike(blow, deployment, fault, chance)
        began = perf_counter()
        assert seen.refused == [], what
        assert len(seen.accepted) == TASKS, what
        all_is_well(key, seen.accepted, what)
        slowest, repeated = max(slowest, perf_counter() - began), repeated + seen.repeated
        assert states(db_client.sql, key) == Counter(seen.expected.values()), what
    record_property("rounds", ROUNDS)
    record_property("tasks", ROUNDS * TASKS)
    record_property("requests that were repeated", repeated)
    record_property("longest until all was well (s)", round(slowest, 1))


def work_in_flight(seen, sql, key, blow, what, eventually):
    """That much of the work is done: each task is accepted, and then finished."""
    eventually(
        lambda: (len(seen.accepted) + finished(sql, key)) / (2 * TASKS),
        lambda done: done >= blow.after,
        timeout=_DONE,
        what=f"{blow} can fall {what}",
    )


def finished(sql, key):
    found = states(sql, key)
    return sum(found[status] for status in FINAL)


def strike(blow, deployment, fault, chance):
    """Kill, wait, start again."""
    fallen = {}
    for part in blow.parts:
        replica = chance.randrange(len(deployment.statuses()[part].replicas))
        fallen[part] = fault.killed(part, replica=replica)
        fallen[part].begin()
    threading.Event().wait(blow.down)
    for part in PARTS:
        if part in fallen:
            fallen[part].end()


@pytest.mark.criterion("AC-22")
def test_with_the_broker_away_for_long_tasks_are_accepted_and_done_later(
    urls, fault, ledger, http, eventually, all_is_well, record_property
):
    key = ledger.key("outage")
    with fault.killed("rabbitmq"), traffic(urls, key) as seen:
        began = perf_counter()
        eventually(
            lambda: perf_counter() - began,
            lambda seconds: seconds >= OUTAGE,
            timeout=OUTAGE + 10,
            what="the outage is over",
        )
        assert http.health().json()["status"] == "degraded"
    assert seen.failures == []
    assert len(seen.accepted) > OUTAGE
    record_property("accepted meanwhile", len(seen.accepted))
    all_is_well(key, dict.fromkeys(seen.accepted, 100), "after the outage")
