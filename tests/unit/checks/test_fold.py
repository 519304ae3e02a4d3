"""Root causes: what becomes a finding, and what follows from it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from check_fakes import component, result, seen, unwell, warned
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.checks.fold import fold
from seatrial.checks.look import Seen
from seatrial.kinds.base import CheckResult, ProbeResult
from seatrial.outcome import Cause, Health, Outcome, Priority

POSTGRES = component("postgres")
RABBITMQ = component("rabbitmq")
MIGRATE = component("migrate", "postgres", kind="task", refers={"DATABASE_URL": "postgres"})
API = component(
    "api",
    "migrate",
    kind="http",
    refers={"DATABASE_URL": "postgres", "RABBITMQ_URL": "rabbitmq"},
)
WORKER = component(
    "worker",
    "migrate",
    kind="process",
    refers={"DATABASE_URL": "postgres", "RABBITMQ_URL": "rabbitmq"},
    consumes={"rabbitmq": "jobs"},
)
NOTHING = ProbeResult(Health.HEALTHY, unwell().connection, 1.0)


def queue(
    postgres: ProbeResult = NOTHING,
    rabbitmq: ProbeResult = NOTHING,
    migrate: ProbeResult = NOTHING,
    api: ProbeResult = NOTHING,
    worker: ProbeResult = NOTHING,
    results: tuple[CheckResult, ...] = (),
) -> list[Seen]:
    """The queue system, with results given to their components."""
    pairs = [
        (POSTGRES, postgres),
        (RABBITMQ, rabbitmq),
        (MIGRATE, migrate),
        (API, api),
        (WORKER, worker),
    ]
    return [seen(c, p, *(r for r in results if r.component == c.name)) for c, p in pairs]


def unconsumed(name: str) -> CheckResult:
    return result(f"rabbitmq.queue.{name}.consumers", cause=Cause.NO_CONSUMER, subject=name)


def summary(everything: list[Seen]) -> dict[str, tuple[str, ...]]:
    return {finding.id: finding.blocks for finding in fold(everything).findings}


def test_all_is_well():
    assert summary(queue()) == {}


def test_everything_that_follows_from_one_fault_is_one_finding():
    everything = queue(
        postgres=unwell(Cause.REFUSED),
        migrate=unwell(Cause.EXITED),
        api=unwell(Cause.UNHEALTHY, complaints=("database_status",)),
        worker=unwell(Cause.EXITED),
        results=(result("postgres.tables", Outcome.NOT_MEASURED),),
    )
    assert summary(everything) == {
        "postgres.refused": ("migrate", "api", "worker", "postgres.tables")
    }


def test_only_what_is_not_well_is_blocked():
    assert summary(queue(postgres=unwell(Cause.REFUSED))) == {"postgres.refused": ()}


def test_who_is_told_a_wrong_address_is_down_because_of_that():
    mistaken = replace(result("api.DATABASE_URL", cause=Cause.AUTH, priority=Priority.P2), own=True)
    down = queue(api=unwell(Cause.UNHEALTHY), worker=unwell(Cause.EXITED), results=(mistaken,))
    (own, workers) = fold(down).findings
    assert (own.id, own.cause, own.priority) == ("api.DATABASE_URL", Cause.AUTH, Priority.P1)
    assert own.blocks == ("api",)
    assert workers.id == "worker.exited"  # it is told another address
    well = fold(queue(results=(mistaken,))).findings
    assert [(one.id, one.priority) for one in well] == [("api.DATABASE_URL", Priority.P2)]


@pytest.mark.parametrize(("priority", "blocked"), [(Priority.P2, ()), (Priority.P1, ("api",))])
def test_a_warning_explains_what_nothing_else_does(priority, blocked):
    mistaken = replace(result("api.gate.conf:1", cause=Cause.REFUSED, priority=priority), own=True)
    everything = queue(
        rabbitmq=unwell(Cause.STOPPED), api=unwell(Cause.UNHEALTHY), results=(mistaken,)
    )
    assert summary(everything) == {"rabbitmq.stopped": ("api",), "api.gate.conf:1": blocked}
    (lifted,) = [one for one in fold(everything).findings if one.id == "api.gate.conf:1"]
    assert lifted.priority is priority


def test_what_is_unknown_takes_no_explanation_away():
    mistaken = replace(result("api.gate.conf:1", priority=Priority.P2), own=True)
    everything = queue(
        rabbitmq=unwell(Cause.NOT_MEASURED), api=unwell(Cause.UNHEALTHY), results=(mistaken,)
    )
    assert summary(everything)["api.gate.conf:1"] == ("api",)


def test_a_warning_does_not_explain_what_still_answers():
    mistaken = replace(result("api.gate.conf:1", priority=Priority.P2), own=True)
    everything = queue(api=warned(Cause.UNHEALTHY), results=(mistaken,))
    assert summary(everything) == {"api.unhealthy": (), "api.gate.conf:1": ()}


def test_what_was_killed_follows_from_nothing_and_what_ended_by_itself_does():
    killed = unwell(Cause.EXITED, own=True)
    down = queue(rabbitmq=unwell(Cause.STOPPED), api=unwell(Cause.EXITED), worker=killed)
    assert summary(down) == {"rabbitmq.stopped": ("api",), "worker.exited": ()}
    assert summary(queue(postgres=killed, worker=unwell(Cause.EXITED))) == {
        "postgres.exited": ("worker",)
    }


def test_two_independent_faults():
    everything = queue(
        postgres=unwell(Cause.TIMEOUT), rabbitmq=unwell(Cause.AUTH), worker=unwell(Cause.EXITED)
    )
    assert summary(everything) == {
        "postgres.timeout": ("worker",),
        "rabbitmq.auth": ("worker",),
    }


@pytest.mark.parametrize(
    "cause", [Cause.DNS, Cause.TLS, Cause.AUTH, Cause.WRONG_PROGRAM, Cause.STOPPED]
)
def test_some_faults_are_a_components_own(cause):
    everything = queue(postgres=unwell(Cause.REFUSED), api=unwell(cause))
    assert summary(everything) == {"postgres.refused": (), f"api.{cause}": ()}


def test_nothing_at_an_address_follows_from_what_is_gone_but_not_from_a_wrong_password():
    api = unwell(Cause.REFUSED)
    assert summary(queue(postgres=unwell(Cause.EXITED), api=api)) == {"postgres.exited": ("api",)}
    assert summary(queue(postgres=unwell(Cause.AUTH), api=api)) == {
        "postgres.auth": (),
        "api.refused": (),
    }


def test_the_api_blames_a_database_that_is_well():
    api = unwell(
        Cause.UNHEALTHY,
        found="503: database_status: disconnected",
        complaints=("database_status",),
        fix="ask it",
    )
    (finding,) = fold(queue(api=api)).findings
    assert (finding.id, finding.cause) == ("api.unhealthy", Cause.UNHEALTHY)
    assert "postgres is healthy as Seatrial sees it" in finding.found
    assert "DATABASE_URL of api" in finding.fix
    assert "RABBITMQ_URL" not in finding.fix
    assert finding.fix.endswith("ask it")


def test_it_blames_the_one_that_is_well_while_another_is_down():
    """Its fault is not the broker's: it names the database."""
    api = unwell(Cause.UNHEALTHY, complaints=("database_status",))
    everything = queue(api=api, rabbitmq=unwell(Cause.REFUSED))
    assert summary(everything) == {"rabbitmq.refused": (), "api.unhealthy": ()}


def test_it_blames_the_one_that_is_down_among_others():
    api = unwell(Cause.UNHEALTHY, complaints=("components.db",))
    everything = queue(api=api, rabbitmq=unwell(Cause.AUTH), postgres=unwell(Cause.REFUSED))
    assert summary(everything) == {"postgres.refused": ("api",), "rabbitmq.auth": ()}


def test_what_it_blames_hangs_on_another():
    """It blames the database: so the migration, or what the database stands on, may be why."""
    api = unwell(Cause.UNHEALTHY, complaints=("database_status",))
    assert summary(queue(api=api, migrate=unwell(Cause.EXITED))) == {"migrate.exited": ("api",)}
    disk = component("disk")
    database = component("postgres", "disk")
    service = component("api", "postgres", kind="http")
    everything = [seen(disk, unwell()), seen(database), seen(service, api)]
    assert summary(everything) == {"disk.refused": ("api",)}


def test_a_wrong_version_explains_no_expectation():
    drift = result("postgres.tables")
    everything = queue(postgres=unwell(Cause.WRONG_VERSION), results=(drift,))
    assert summary(everything) == {"postgres.wrong_version": (), drift.id: ()}


def test_a_warning_follows_too():
    api = warned(Cause.UNHEALTHY, complaints=("queue_status",))
    assert summary(queue(api=api, rabbitmq=unwell())) == {"rabbitmq.refused": ("api",)}
    (alone,) = fold(queue(api=api)).findings
    assert (alone.id, alone.priority) == ("api.unhealthy", Priority.P2)
    assert "RABBITMQ_URL" in alone.fix


def test_slow_stands_alone_at_p2():
    everything = queue(api=warned(Cause.SLOW), postgres=unwell(Cause.REFUSED))
    findings = fold(everything).findings
    assert [(f.id, f.priority, f.blocks) for f in findings] == [
        ("postgres.refused", Priority.P1, ()),
        ("api.slow", Priority.P2, ()),
    ]


def test_a_stopped_worker_is_why_its_queue_has_no_consumer():
    lost = unconsumed("jobs")
    other = unconsumed("mails")
    everything = queue(worker=unwell(Cause.STOPPED), results=(lost, other))
    assert summary(everything) == {"worker.stopped": (lost.id,), other.id: ()}


@pytest.mark.parametrize("other", ["jobs.dead", "dead.jobs", "queue", "consumers"])
def test_a_stopped_worker_is_not_why_a_queue_of_a_like_name_has_no_consumer(other: str):
    lost, dead = unconsumed("jobs"), unconsumed(other)
    everything = queue(worker=unwell(Cause.STOPPED), results=(lost, dead))
    assert summary(everything) == {"worker.stopped": (lost.id,), dead.id: ()}


def test_a_worker_depends_on_what_it_consumes_from():
    worker = component("worker", kind="process", consumes={"rabbitmq": "jobs"})
    everything = [seen(RABBITMQ, unwell(Cause.TIMEOUT)), seen(worker, unwell(Cause.NOT_MEASURED))]
    assert summary(everything) == {"rabbitmq.timeout": ("worker",)}


def test_a_worker_that_does_not_consume_names_its_settings():
    lost = unconsumed("jobs")
    (finding,) = fold(queue(worker=unwell(Cause.NO_CONSUMER), results=(lost,))).findings
    assert (finding.id, finding.blocks) == ("worker.no_consumer", (lost.id,))
    assert "RABBITMQ_URL of worker" in finding.fix


def test_too_few_consumers_of_a_running_worker_is_the_queues_own():
    lost = unconsumed("jobs")
    assert summary(queue(results=(lost,))) == {lost.id: ()}


def test_a_schema_that_is_behind_takes_the_api_down():
    behind = result("postgres.migrations", cause=Cause.SCHEMA_BEHIND, priority=Priority.P2)
    drift = result("postgres.tables", cause=Cause.SCHEMA_DRIFT, priority=Priority.P2)
    everything = queue(api=unwell(Cause.UNHEALTHY), results=(drift, behind))
    (finding,) = fold(everything).findings
    assert finding.id == behind.id
    assert finding.blocks == ("api", drift.id)
    assert finding.priority is Priority.P1  # the api is down because of it


def test_a_failed_migration_is_why_the_schema_is_behind():
    behind = result("postgres.migrations", cause=Cause.SCHEMA_BEHIND)
    everything = queue(
        migrate=unwell(Cause.EXITED),
        api=unwell(Cause.NOT_MEASURED, found="it waits"),
        results=(behind,),
    )
    assert summary(everything) == {"migrate.exited": ("api", behind.id)}


def test_a_worker_that_ended_did_not_leave_the_schema_behind():
    behind = result("postgres.migrations", cause=Cause.SCHEMA_BEHIND)
    everything = queue(worker=unwell(Cause.EXITED), results=(behind,))
    assert summary(everything) == {behind.id: ("worker",)}


def test_a_missing_queue_is_why_nobody_consumes_unless_the_worker_never_ran():
    missing = result("rabbitmq.queue.jobs", cause=Cause.QUEUE_MISSING)
    assert summary(queue(worker=unwell(Cause.NO_CONSUMER), results=(missing,))) == {
        missing.id: ("worker",)
    }
    assert summary(queue(worker=unwell(Cause.EXITED), results=(missing,))) == {
        "worker.exited": (missing.id,)
    }


@pytest.mark.parametrize("cause", [Cause.EXITED, Cause.NOT_MEASURED])
def test_who_looked_in_vain_for_a_queue_is_down_because_it_is_missing(cause):
    """Whether it stays down, or is restarted again and again."""
    missing = result("rabbitmq.queue.jobs", cause=Cause.QUEUE_MISSING, subject="jobs")
    log = "its log: Error: 404 (NOT-FOUND) with message \"NOT_FOUND - no queue '{}' in vhost '/'\""
    worker = unwell(cause, found=log.format("jobs"))
    assert summary(queue(worker=worker, results=(missing,))) == {missing.id: ("worker",)}
    other = unwell(cause, found=log.format("jobs.dead"))
    assert "worker" not in summary(queue(worker=other, results=(missing,))).get(missing.id, ())


def test_who_declares_a_queue_is_why_it_is_missing_for_another():
    missing = result("rabbitmq.queue.jobs", cause=Cause.QUEUE_MISSING, subject="jobs")
    worker = unwell(Cause.EXITED, found="its log: NOT_FOUND - no queue 'jobs' in vhost '/'")
    setup = seen(component("setup", "rabbitmq", kind="task"), unwell(Cause.EXITED))
    down = [*queue(worker=worker, results=(missing,)), setup]
    assert summary(down) == {"setup.exited": ("worker", missing.id)}


def test_what_could_not_be_measured_for_one_reason_is_one_finding():
    unseen = [
        result(f"rabbitmq.queue.{name}", Outcome.NOT_MEASURED, priority=priority, found="no access")
        for name, priority in (("a", Priority.P2), ("b", Priority.P1), ("c", Priority.P2))
    ]
    other = result("rabbitmq.policies", Outcome.NOT_MEASURED, priority=Priority.P3, found="else")
    folded = fold(queue(results=(*unseen, other)))
    assert [(f.id, f.cause, f.priority, f.blocks) for f in folded.findings] == [
        (unseen[1].id, Cause.NOT_MEASURED, Priority.P1, (unseen[0].id, unseen[2].id)),
        (other.id, Cause.NOT_MEASURED, Priority.P3, ()),
    ]


def test_what_is_within_a_missing_table_is_no_finding_of_its_own():
    table = result("postgres.table.x")
    columns = [
        replace(result(f"{table.id}.column.{one}", Outcome.NOT_MEASURED), within=table.id)
        for one in "ab"
    ]
    everything = queue(results=(table, *columns))
    assert summary(everything) == {table.id: tuple(one.id for one in columns)}


def test_what_is_not_as_declared_because_it_drifted_is_no_finding_of_its_own():
    drift = result("postgres.schema.jobs.index.due", priority=Priority.P2)
    declared = replace(result("postgres.table.jobs.index.due"), within=drift.id)
    other = result("postgres.table.jobs.index.who")
    findings = fold(queue(results=(declared, other, drift))).findings
    found = {one.id: (one.priority, one.blocks) for one in findings}
    assert found == {drift.id: (Priority.P1, (declared.id,)), other.id: (Priority.P1, ())}
    assert summary(queue(results=(declared,))) == {declared.id: ()}


def test_the_unknown_explains_nothing_definite():
    everything = queue(worker=unwell(Cause.NOT_MEASURED))
    web = component("web", "worker", kind="http")
    everything.append(seen(web, unwell(Cause.REFUSED)))
    assert set(summary(everything)) == {"worker.not_measured", "web.refused"}


def test_of_something_definite_and_something_unknown_the_definite_explains():
    web = component("web", "api", "worker", kind="http")
    everything = queue(
        migrate=unwell(Cause.EXITED),
        worker=unwell(Cause.NOT_MEASURED, found="nobody knows"),
        api=unwell(Cause.NOT_MEASURED, found="it waits"),
    )
    lonely = component("lonely", kind="process")
    above = component("above", "web", "lonely", kind="http")
    everything += [
        seen(web, unwell(Cause.NOT_MEASURED)),
        seen(lonely, unwell(Cause.NOT_MEASURED)),
        seen(above, unwell(Cause.UNHEALTHY)),
        seen(component("top", "above", kind="http"), unwell(Cause.UNHEALTHY)),
    ]
    mixed = component("mixed", "migrate", "lonely", kind="http")
    everything.append(seen(mixed, unwell(Cause.NOT_MEASURED)))
    everything.append(seen(component("last", "mixed", kind="http"), unwell(Cause.UNHEALTHY)))
    assert summary(everything) == {
        "migrate.exited": ("api", "worker", "web", "above", "top", "mixed", "last"),
        "lonely.not_measured": ("mixed",),
    }


def test_what_is_no_part_of_health_here_is_no_fault():
    left_out = unwell(None, skipped="not here")
    assert summary(queue(migrate=left_out, api=unwell(Cause.REFUSED))) == {"api.refused": ()}


def test_two_that_refer_to_each_other():
    one = component("one", kind="http", refers={"TWO": "two"})
    two = component("two", kind="http", refers={"ONE": "one"})
    above = component("above", "one", kind="http")
    down = unwell(Cause.UNHEALTHY)
    assert summary([seen(one, down), seen(two, down), seen(above, down)]) == {
        "one.unhealthy": ("above",),
        "two.unhealthy": ("above",),
    }


def test_a_finding_is_as_urgent_as_what_it_blocks():
    cache = component("cache", priority=Priority.P3)
    api = component("api", "cache", kind="http")
    (finding,) = fold([seen(cache, unwell()), seen(api, unwell(Cause.UNHEALTHY))]).findings
    assert (finding.id, finding.priority) == ("cache.refused", Priority.P1)


def test_order_is_by_priority_then_from_the_bottom_up():
    everything = queue(
        api=unwell(Cause.DNS),
        postgres=unwell(Cause.AUTH),
        results=(result("rabbitmq.queue.a", cause=Cause.LOSSY_QUEUE, priority=Priority.P2),),
    )
    assert list(summary(everything)) == ["postgres.auth", "api.dns", "rabbitmq.queue.a"]
    assert list(summary(everything[::-1])) == ["postgres.auth", "api.dns", "rabbitmq.queue.a"]


def test_expectations_cite_the_finding_that_they_belong_to():
    unseen = result("postgres.tables", Outcome.NOT_MEASURED)
    failed = result("rabbitmq.queue.a", cause=Cause.LOSSY_QUEUE)
    passed = result("rabbitmq.queue.b", Outcome.PASSED)
    folded = fold(queue(postgres=unwell(), results=(unseen, failed, passed)))
    assert folded.cited == {unseen.id: "postgres.refused", failed.id: failed.id}


# -- properties ------------------------------------------------------------------------------

# The same examples each time: a suite that fails by chance teaches nobody to look.
PROPERTY = settings(max_examples=120, deadline=None, derandomize=True)
NAMES = ("a", "b", "c", "d", "e")
PROBES = st.sampled_from([None, *(c for c in Cause if c is not Cause.SLOW)])
RESULTS = st.lists(
    st.tuples(
        st.sampled_from([Outcome.FAILED, Outcome.NOT_MEASURED, Outcome.BLOCKED, Outcome.PASSED]),
        st.sampled_from([c for c in Cause if c is not Cause.NOT_MEASURED]),
        st.sampled_from(list(Priority)),
    ),
    max_size=3,
)


@st.composite
def systems(draw: st.DrawFn) -> list[Seen]:
    """Any graph, cycles included, with any faults."""
    everything = []
    for name in NAMES[: draw(st.integers(1, len(NAMES)))]:
        kind = draw(st.sampled_from(["postgres", "rabbitmq", "http", "process", "task"]))
        consumes = draw(st.sampled_from(NAMES))
        extra = {"consumes": {consumes: "0"}} if kind == "process" else {}
        refers = {o.upper(): o for o in draw(st.sets(st.sampled_from(NAMES))) if o != name}
        needs = [o for o in draw(st.lists(st.sampled_from(NAMES), unique=True)) if o != name]
        one = component(
            name,
            *needs,
            kind=kind,
            refers=refers,
            priority=draw(st.sampled_from(list(Priority))),
            **extra,
        )
        cause = draw(PROBES)
        complaints = draw(st.sampled_from([(), ("db",), ("a", "c")]))
        probe = NOTHING if cause is None else unwell(cause, complaints=complaints)
        results = [
            result(f"{name}.queue.{n}", outcome, cause, priority, found="x")
            for n, (outcome, cause, priority) in enumerate(draw(RESULTS))
        ]
        everything.append(seen(one, probe, *results))
    return everything


def _below(everything: list[Seen], name: str) -> set[str]:
    direct = {
        one.component.name: {
            *one.component.config.needs,
            *(ref.owner for ref in one.component.references),
            *getattr(one.component.config, "consumes", ()),
        }
        for one in everything
    }
    found: set[str] = set()
    queue = [name]
    while queue:
        fresh = direct.get(queue.pop(), set()) - found
        found |= fresh
        queue += fresh
    return found & set(direct)


@PROPERTY
@given(systems())
def test_nothing_is_lost_and_nothing_is_made_up(everything):
    folded = fold(everything)
    findings = {finding.id: finding for finding in folded.findings}
    assert len(findings) == len(folded.findings)
    blocked = {label for finding in folded.findings for label in finding.blocks}
    for one in everything:
        name = one.component.name
        own = f"{name}.{one.probe.cause}"
        if one.probe.health is not Health.HEALTHY:
            assert (own in findings) != (name in blocked)  # either of them, never both
        else:
            assert name not in blocked
            assert own not in findings
        for each in one.results:
            bad = each.outcome is not Outcome.PASSED
            assert bad == (each.id in findings or each.id in blocked)
            assert not (each.id in findings and each.id in blocked)
            assert (each.id in folded.cited) == bad


@PROPERTY
@given(systems())
def test_what_is_blocked_hangs_on_the_root(everything):
    """Through the graph; or, for an expectation, through who should have seen to it."""
    names = {one.component.name for one in everything}
    for finding in fold(everything).findings:
        for label in finding.blocks:
            name = label.partition(".")[0]
            related = (
                finding.component == name
                or finding.component in _below(everything, name)
                or (label not in names and _related(everything, name, finding.component))
            )
            assert related, (finding.id, label)


def _related(everything: list[Seen], broker: str, root: str) -> bool:
    """Whether some component is a provider for the broker and is, or hangs on, the root."""
    for one in everything:
        name = one.component.name
        consumes = getattr(one.component.config, "consumes", {})
        provides = broker in consumes or broker in _below(everything, name)
        if provides and (name == root or root in _below(everything, name)):
            return True
    return False


@PROPERTY
@given(systems())
def test_no_fault_is_made_less_urgent(everything):
    folded = fold(everything)
    priorities = {f.id: f.priority for f in folded.findings}
    for one in everything:
        for each in one.results:
            if each.id in folded.cited:
                assert priorities[folded.cited[each.id]] <= each.priority
        if one.probe.health is Health.UNHEALTHY:
            name, urgency = one.component.name, one.component.config.priority
            homes = [
                f
                for f in folded.findings
                if name in f.blocks or f.id == f"{name}.{one.probe.cause}"
            ]
            assert all(f.priority <= urgency for f in homes)
            assert all(f.cause is not Cause.NOT_MEASURED for f in homes) or (
                one.probe.cause is Cause.NOT_MEASURED
            )


@PROPERTY
@given(systems(), st.randoms())
def test_the_order_of_looking_does_not_matter(everything, random):
    shuffled = everything[:]
    random.shuffle(shuffled)
    one, other = fold(everything), fold(shuffled)
    assert {f.id: set(f.blocks) for f in one.findings} == {
        f.id: set(f.blocks) for f in other.findings
    }
    assert [f.id for f in one.findings] == [f.id for f in other.findings]
