"""The shared words: outcomes, priorities, verdicts, exit codes, health, and causes of faults."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Outcome(StrEnum):
    """What became of a trial or of an expectation."""

    PASSED = "passed"
    FAILED = "failed"  # an expectation, or an exception in a trial's own body
    ERRORED = "errored"  # set-up, collection, or Seatrial itself
    BLOCKED = "blocked"  # a component that it needs was down before it began
    SKIPPED = "skipped"  # with a reason
    NOT_MEASURED = "not_measured"


#: The mapping for programs that know only pass, fail and skip (JUnit, for one).
PASS_FAIL_SKIP: dict[Outcome, str] = {
    Outcome.PASSED: "pass",
    Outcome.FAILED: "fail",
    Outcome.ERRORED: "fail",
    Outcome.BLOCKED: "fail",
    Outcome.SKIPPED: "skip",
    Outcome.NOT_MEASURED: "skip",
}


class Priority(StrEnum):
    """p1 gates; p2 and p3 warn."""

    P1 = "p1"
    P2 = "p2"
    P3 = "p3"


class Verdict(StrEnum):
    GO = "go"
    NO_GO = "no_go"
    INCONCLUSIVE = "inconclusive"
    INVALID = "invalid"


class ExitCode(IntEnum):
    """The exit codes of the command line; when several apply, see `gate.table` for the order."""

    GO = 0
    FAILED = 1  # a p1 trial or expectation failed, a threshold missed
    USAGE = 2  # usage or declaration
    DOWN = 3  # the environment did not come up, or a component is down
    CRASHED = 4  # Seatrial crashed, or a p1 trial errored
    INCONCLUSIVE = 5  # something at p1 was skipped, not collected or not measured
    INTERRUPTED = 130


class Health(StrEnum):
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    UNKNOWN = "unknown"


class Connection(StrEnum):
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"


class State(StrEnum):
    """The state of a component, or of one of its replicas, as its keeper records it."""

    WAITING = "waiting"  # for what it needs
    STARTING = "starting"
    READY = "ready"
    DONE = "done"  # a task that ended with exit 0
    PAUSED = "paused"
    STOPPED = "stopped"  # on request
    EXITED = "exited"  # on its own
    FAILED = "failed"  # it never became ready
    UNREACHABLE = "unreachable"  # an observer's probe failed (remote and attached deployments)

    @property
    def up(self) -> bool:
        return self in (State.READY, State.DONE)


class Cause(StrEnum):
    """Cause classes of findings; `CAUSES` says for which kinds and with which exit code."""

    REFUSED = "refused"
    DNS = "dns"
    TIMEOUT = "timeout"
    AUTH = "auth"
    TLS = "tls"
    WRONG_DATABASE = "wrong_database"
    WRONG_VHOST = "wrong_vhost"
    NOT_AUTHORISED = "not_authorised"
    MIGRATING = "migrating"
    EXHAUSTED = "exhausted"
    READ_ONLY = "read_only"
    SCHEMA_BEHIND = "schema_behind"
    SCHEMA_AHEAD = "schema_ahead"
    SCHEMA_DRIFT = "schema_drift"
    QUEUE_MISSING = "queue_missing"
    QUEUE_DRIFT = "queue_drift"
    NO_CONSUMER = "no_consumer"
    UNROUTABLE = "unroutable"
    LOSSY_QUEUE = "lossy_queue"
    BLOCKED_PUBLISHERS = "blocked_publishers"
    PORT_IN_USE = "port_in_use"
    EXITED = "exited"
    STOPPED = "stopped"
    WRONG_PROGRAM = "wrong_program"
    WRONG_VERSION = "wrong_version"
    WRONG_ANSWER = "wrong_answer"
    UNHEALTHY = "unhealthy"
    SLOW = "slow"
    NOT_MEASURED = "not_measured"


@dataclass(frozen=True)
class CauseRow:
    """One row of the closed table: this cause, on these kinds, ends with this exit code at p1."""

    cause: Cause
    kinds: tuple[str, ...]  # ("*",) is every kind
    exit: ExitCode
    meaning: str

    def covers(self, kind: str) -> bool:
        return "*" in self.kinds or kind in self.kinds


_SERVERS = ("http", "postgres", "rabbitmq", "redis")

CAUSES: tuple[CauseRow, ...] = (
    CauseRow(Cause.REFUSED, _SERVERS, ExitCode.DOWN, "nothing listens at the address"),
    CauseRow(Cause.DNS, _SERVERS, ExitCode.DOWN, "the host name has no address"),
    CauseRow(Cause.TIMEOUT, ("*",), ExitCode.DOWN, "no answer, or not ready, in time"),
    CauseRow(Cause.AUTH, _SERVERS, ExitCode.DOWN, "user or password not accepted"),
    CauseRow(Cause.TLS, _SERVERS, ExitCode.DOWN, "the TLS handshake failed"),
    CauseRow(Cause.WRONG_DATABASE, ("postgres", "redis"), ExitCode.DOWN, "no such database there"),
    CauseRow(Cause.WRONG_VHOST, ("rabbitmq",), ExitCode.DOWN, "no such virtual host there"),
    CauseRow(Cause.NOT_AUTHORISED, _SERVERS, ExitCode.DOWN, "logged in, but lacks a permission"),
    CauseRow(Cause.MIGRATING, ("postgres",), ExitCode.DOWN, "starting up or in recovery"),
    CauseRow(
        Cause.EXHAUSTED, ("postgres", "rabbitmq", "redis"), ExitCode.DOWN, "no connection is free"
    ),
    CauseRow(Cause.READ_ONLY, ("postgres",), ExitCode.DOWN, "it answers, but takes no writes"),
    CauseRow(Cause.SCHEMA_BEHIND, ("postgres",), ExitCode.FAILED, "migrations are missing"),
    CauseRow(Cause.SCHEMA_AHEAD, ("postgres",), ExitCode.FAILED, "a revision nobody here knows"),
    CauseRow(Cause.SCHEMA_DRIFT, ("postgres",), ExitCode.FAILED, "differs from its migrations"),
    CauseRow(Cause.QUEUE_MISSING, ("rabbitmq",), ExitCode.FAILED, "a declared queue is not there"),
    CauseRow(Cause.QUEUE_DRIFT, ("rabbitmq",), ExitCode.FAILED, "a queue differs from declared"),
    CauseRow(Cause.NO_CONSUMER, ("rabbitmq", "process"), ExitCode.FAILED, "too few consume it"),
    CauseRow(Cause.UNROUTABLE, ("rabbitmq",), ExitCode.FAILED, "messages would reach no queue"),
    CauseRow(Cause.LOSSY_QUEUE, ("rabbitmq",), ExitCode.FAILED, "messages can be dropped"),
    CauseRow(Cause.BLOCKED_PUBLISHERS, ("rabbitmq",), ExitCode.DOWN, "an alarm stops publishers"),
    CauseRow(Cause.PORT_IN_USE, ("*",), ExitCode.DOWN, "another program holds its port"),
    CauseRow(Cause.EXITED, ("*",), ExitCode.DOWN, "its process ended on its own"),
    CauseRow(Cause.STOPPED, ("*",), ExitCode.DOWN, "stopped, paused, or off its network"),
    CauseRow(Cause.WRONG_PROGRAM, _SERVERS, ExitCode.DOWN, "something else answers there"),
    CauseRow(Cause.WRONG_VERSION, _SERVERS, ExitCode.FAILED, "not the version asked for"),
    CauseRow(Cause.WRONG_ANSWER, ("http",), ExitCode.FAILED, "it answers other than expected"),
    CauseRow(
        Cause.UNHEALTHY,
        ("*",),
        ExitCode.DOWN,
        "it says it is not well, or its container's health check does",
    ),
    CauseRow(Cause.SLOW, ("*",), ExitCode.FAILED, "right answer, over its time limit"),
    CauseRow(Cause.NOT_MEASURED, ("*",), ExitCode.INCONCLUSIVE, "could not be looked at"),
)


#: What is so by the way that it was set up: more time does not mend it.
LASTING = frozenset(
    {Cause.WRONG_PROGRAM, Cause.AUTH, Cause.NOT_AUTHORISED, Cause.TLS, Cause.WRONG_VERSION}
)


def exit_code_of(cause: Cause) -> ExitCode:
    """The exit code of a finding with this cause at p1."""
    return next(row.exit for row in CAUSES if row.cause is cause)
