"""What others build on is pinned: a name or a word that goes, or comes, is seen in review.

Adding is a line here. Removing or renaming breaks trials, kinds, pipelines or old evidence: it
wants a reason and a version.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

import pytest

from seatrial.cli import COMMANDS
from seatrial.environment.capability import Capability
from seatrial.environment.deployment import Deployment
from seatrial.evidence import records
from seatrial.faults.registry import in_trials
from seatrial.kinds.registry import KINDS
from seatrial.outcome import (
    Cause,
    Connection,
    ExitCode,
    Health,
    Outcome,
    Priority,
    State,
    Verdict,
)
from seatrial.plugin.marks import MARKERS
from seatrial.report.model import REPORT_VERSION

#: Classes and functions of the modules that trials, kinds and reports import.
MODULES = {
    "seatrial.outcome": """
        Cause CauseRow Connection ExitCode Health Outcome Priority State Verdict exit_code_of
    """,
    "seatrial.errors": """
        CapabilityMissing DeclarationError DeploymentError EvidenceError KeeperError Problem
        Refused SeatrialError ServerMissing UsageError
    """,
    "seatrial.waiting": "Deadline History NotReached backoff eventually eventually_async show",
    "seatrial.steady": """
        Allowance Moment NotMeasured NotSteady Steadiness Watch raise_unless_steady
    """,
    "seatrial.faults.fault": "Fault",
    "seatrial.faults.network": "NetworkFault OneWayFault",
    "seatrial.faults.processes": "ProcessFault",
    "seatrial.keeper.network.impairment": "Direction Effect Impairment Imposed NetworkEdge",
    "seatrial.declaration.models": """
        CleanUp Component ComponentConfig EnvironmentConfig Location Model NamesComponent
        ProgramConfig Reference RemoteEndpoint System
    """,
    "seatrial.kinds.base": """
        Address Astray CheckResult CleanUpFacet Commands Context Expectations FindServer Image
        Installed Kind Listening OwnCheck Probe ProbeResult Target Words load
    """,
    "seatrial.kinds.endpoint": "Endpoint",
    "seatrial.kinds.drill": "Drill Drills Stage",
    "seatrial.kinds.launching": "Launch Plan Process Ready Site",
    "seatrial.kinds.versions": "satisfies",
    "seatrial.report.model": """
        BudgetPart ComponentPart DrillPart EnvironmentPart ExercisedPart ExpectationPart FindingPart
        ImagePart LedgerPart LogPart MomentPart Part ReasonPart Report RequestPart
        SteadyMomentPart SteadyPart TrialPart report_schema
    """,
    "seatrial.plugin.fixtures": "always component deployment eventually fault ledger",
}

#: What a trial can call on the clients of `component(...)`, but for httpx's own methods.
CLIENTS = {
    "http": "aio health on_exchange",
    "postgres": """
        aio close columns connect execute one query table_exists transaction value
    """,
    "rabbitmq": """
        aio bindings close consumer_count get message_count publish queue queue_exists read
    """,
    "redis": "aio",
}

#: What the documents tell trials of the fixture `deployment`; it has more for the rooms above.
DEPLOYMENT = "capabilities logs protected statuses timeline usage"

RECORDS = """
    budget_measured checks_done collected collection_failed component_health crashed
    drill_finished environment_failed environment_up expectation fault_changed finding interrupted
    ledger_closed log_kept process_left request_made run_finished run_started session_finished
    session_skipped session_started state_changed steady_watched trial_finished
"""

#: What trials call on the fixture `fault`.
FAULTS = """
    stopped killed paused restarted disconnected latency cut reset black_hole bandwidth slicing
"""

WORDS = {
    Outcome: "passed failed errored blocked skipped not_measured",
    Priority: "p1 p2 p3",
    Verdict: "go no_go inconclusive invalid",
    Health: "healthy unhealthy unknown",
    Connection: "connected disconnected",
    State: "waiting starting ready done paused stopped exited failed unreachable",
    Capability: "start stop kill pause restart logs network disconnect meters",
    Cause: """
        refused dns timeout auth tls wrong_database wrong_vhost not_authorised migrating exhausted
        read_only schema_behind schema_ahead schema_drift queue_missing queue_drift no_consumer
        unroutable
        lossy_queue blocked_publishers port_in_use exited stopped wrong_program wrong_version
        wrong_answer unhealthy slow not_measured
    """,
}


def public(module: str) -> Iterator[str]:
    for name, one in vars(import_module(module)).items():
        described = hasattr(one, "__qualname__") or hasattr(one, "_fixture_function")
        if described and not name.startswith("_") and one.__module__ == module:
            yield name


@pytest.mark.parametrize("module", MODULES)
def test_the_names_of_a_module(module: str) -> None:
    assert sorted(public(module)) == sorted(MODULES[module].split())


@pytest.mark.parametrize("kind", CLIENTS)
def test_the_methods_of_a_client(kind: str) -> None:
    client = KINDS[kind].client
    assert isinstance(client, type)
    inherited = {name for base in client.__mro__[1:] for name in vars(base)}
    own = {name for name in vars(client) if not name.startswith("_")} - inherited
    assert own | {"aio"} == set(CLIENTS[kind].split())


def test_every_client_is_pinned() -> None:
    assert {kind.name for kind in KINDS.values() if kind.client_at} == set(CLIENTS)


def test_the_deployment() -> None:
    assert set(DEPLOYMENT.split()) <= set(vars(Deployment))


@pytest.mark.parametrize("words", WORDS, ids=lambda words: words.__name__)
def test_words_that_programs_read(words: type) -> None:
    assert [str(one) for one in words] == WORDS[words].split()  # type: ignore[attr-defined]


def test_faults_of_trials() -> None:
    assert list(in_trials()) == FAULTS.split()


def test_exit_codes() -> None:
    assert {code.name: int(code) for code in ExitCode} == {
        "GO": 0,
        "FAILED": 1,
        "USAGE": 2,
        "DOWN": 3,
        "CRASHED": 4,
        "INCONCLUSIVE": 5,
        "INTERRUPTED": 130,
    }


def test_markers_and_commands() -> None:
    markers = {one.partition(":")[0].partition("(")[0] for one in MARKERS}
    assert markers == {"p1", "p2", "p3", "needs", "requires", "read_only", "criterion", "budget"}
    commands = "init up down status logs restart check run drill fault report gate endpoints schema"
    commands += " doctor provision sweep bundle"
    assert list(COMMANDS) == commands.split()


def test_versions_of_what_is_kept() -> None:
    """Raise them with a change that old readers must know of; then change them here."""
    assert (records.EVIDENCE_VERSION, REPORT_VERSION) == (1, 1)
    types = {
        one.model_fields["type"].default
        for one in vars(records).values()
        if isinstance(one, type) and "type" in getattr(one, "model_fields", {})
    }
    assert types == set(RECORDS.split())
