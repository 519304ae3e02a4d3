"""The rules of the gate: each looks at the evidence and yields the reasons that it finds.

A rule yields reasons of every priority; whether one gates is the reason's own affair. What
evidence should hold and does not is a reason too: nothing that is missing ever passes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from seatrial.evidence import records as r
from seatrial.evidence.decision import Reason
from seatrial.evidence.reader import RunEvidence
from seatrial.evidence.trials import Trial, gist
from seatrial.gate.completeness import complete, readable, sessions
from seatrial.last_words import and_last_words
from seatrial.outcome import ExitCode, Health, Outcome, Priority, State, exit_code_of

Rule = Callable[[RunEvidence], Iterator[Reason]]

_OF_OUTCOME = {
    Outcome.ERRORED: ExitCode.CRASHED,
    Outcome.BLOCKED: ExitCode.DOWN,
    Outcome.FAILED: ExitCode.FAILED,
    Outcome.SKIPPED: ExitCode.INCONCLUSIVE,
    Outcome.NOT_MEASURED: ExitCode.INCONCLUSIVE,
    Outcome.PASSED: ExitCode.GO,
}
_WORDS = {
    Outcome.ERRORED: "errored",
    Outcome.BLOCKED: "was blocked",
    Outcome.FAILED: "failed",
    Outcome.SKIPPED: "was skipped",
    Outcome.NOT_MEASURED: "was not measured",
}
_UNDER_WAY = (State.WAITING, State.STARTING)  # no fault as long as the environment comes up
_NAMED = 3  # trials named in a reason that stands for many


def interrupted(evidence: RunEvidence) -> Iterator[Reason]:
    for record in evidence.all(r.Interrupted):
        text = f"the run was interrupted ({record.signal})"
        yield Reason("interrupted", ExitCode.INTERRUPTED, text)


def crashed(evidence: RunEvidence) -> Iterator[Reason]:
    for record in evidence.all(r.Crashed):
        text = f"Seatrial crashed in {record.where}: {record.error}"
        yield Reason("crashed", ExitCode.CRASHED, text, record.where)


def environment_failed(evidence: RunEvidence) -> Iterator[Reason]:
    for record in evidence.all(r.EnvironmentFailed):
        cause = f" ({record.cause})" if record.cause else ""
        what = f"the environment did not come up: {record.component or 'it'} failed{cause}"
        text = f"{what}: {record.error}{and_last_words(record.log_tail)}" + _to_do(record.fix)
        finding = f"{record.component}.{record.cause}" if record.cause else None
        subject = record.component or ""
        yield Reason("environment", ExitCode.DOWN, text, subject, finding=finding)


def findings(evidence: RunEvidence) -> Iterator[Reason]:
    for record in evidence.all(r.Finding):
        body = record.finding
        blocks = f"; it blocks {', '.join(body.blocks)}" if body.blocks else ""
        text = (
            f"{body.component}: {body.cause}: expected {body.expected}, "
            f"found {body.found}{blocks}{_to_do(body.fix)}"
        )
        code = exit_code_of(body.cause)
        yield Reason("finding", code, text, body.component, body.priority, body.id)


def components(evidence: RunEvidence) -> Iterator[Reason]:
    """Unhealthy in any pass of checks is down; unknown in the last one was not measured."""
    declared = evidence.started.components if evidence.started else ()
    priorities = {component.name: component.priority for component in declared}
    last: dict[str, r.ComponentHealth | None] = dict.fromkeys(priorities)
    for record in evidence.all(r.ComponentHealth):
        last[record.component] = record
        if record.health is Health.UNHEALTHY:
            code = exit_code_of(record.cause) if record.cause else ExitCode.DOWN
            text = f"{record.component} is unhealthy: {record.error or record.cause or '?'}"
            priority = priorities.get(record.component, Priority.P1)
            yield Reason("component", code, text, record.component, priority)
    for name, health in last.items():
        unknown = health is None or (health.health is Health.UNKNOWN and not health.skipped)
        if unknown:
            why = health.error if health and health.error else "it was not looked at"
            text = f"the health of {name} is unknown: {why}"
            priority = priorities.get(name, Priority.P1)
            yield Reason("component", ExitCode.INCONCLUSIVE, text, name, priority)


def states(evidence: RunEvidence) -> Iterator[Reason]:
    """A component that is not up when the time line ends is down, whoever did it."""
    declared = evidence.started.components if evidence.started else ()
    priorities = {component.name: component.priority for component in declared}
    came_up = evidence.all(r.EnvironmentUp)
    found = [_found(one) for up in came_up for one in up.components]
    changes = sorted((*found, *evidence.all(r.StateChanged)), key=lambda change: change.seq)
    last = {(change.component, change.replica): change for change in changes}
    for (name, replica), change in last.items():
        if not change.state.up and (came_up or change.state not in _UNDER_WAY):
            which = name if replica is None else f"{name} (replica {replica})"
            why = " by a fault that was not reverted" if change.by_fault else ""
            detail = f": {change.detail}" if change.detail else ""
            text = f"{which} was {change.state} when the run ended{why}{detail}"
            priority = priorities.get(name, Priority.P1)
            yield Reason("state", ExitCode.DOWN, text, name, priority)


def _found(one: r.DeployedComponent) -> r.StateChanged:
    """The state that a run found a component in. What no keeper watches is waiting for ever."""
    state = State.READY if one.state in _UNDER_WAY else one.state
    return r.StateChanged(component=one.name, replica=None, state=state, seq=0)


def expectations(evidence: RunEvidence) -> Iterator[Reason]:
    roots = {f.finding.id: exit_code_of(f.finding.cause) for f in evidence.all(r.Finding)}
    for one in evidence.all(r.Expectation):
        if one.outcome is Outcome.PASSED:
            continue
        code = _OF_OUTCOME[one.outcome]
        if one.outcome is Outcome.FAILED and one.cause:
            code = exit_code_of(one.cause)
        elif one.outcome is Outcome.BLOCKED:
            code = roots.get(one.finding or "", code)
        found = f": expected {one.expected}, found {one.found}" if one.expected else ""
        found = found or (f": {one.found}" if one.found else "")
        text = f"expectation {one.id} {_WORDS[one.outcome]}{found}{_to_do(one.fix)}"
        yield Reason("expectation", code, text, one.id, one.priority, one.finding)


def collection(evidence: RunEvidence) -> Iterator[Reason]:
    for record in evidence.all(r.CollectionFailed):
        text = f"{record.node} could not be collected: {gist(record.error)}"
        yield Reason("collection", ExitCode.CRASHED, text, record.node, record.priority)


def trials(evidence: RunEvidence) -> Iterator[Reason]:
    blocked: dict[tuple[Priority, str], list[Trial]] = {}
    for trial in evidence.trials:
        finding = trial.last.finding if trial.last else None
        if trial.outcome is Outcome.PASSED:
            if trial.flaky:
                text = f"{trial.node} is flaky: it passed only at attempt {len(trial.attempts)}"
                yield Reason("flaky", ExitCode.GO, text, trial.node, trial.priority)
        elif trial.outcome is Outcome.BLOCKED and finding:
            blocked.setdefault((trial.priority, finding), []).append(trial)
        else:
            why = f": {trial.gist}" if trial.gist else ""
            text = f"{trial.node} {_WORDS[trial.outcome]}{why}"
            code = _OF_OUTCOME[trial.outcome]
            yield Reason("trial", code, text, trial.node, trial.priority, finding)
    for (priority, finding), held_up in blocked.items():
        named = ", ".join(trial.node for trial in held_up[:_NAMED])
        more = f" and {len(held_up) - _NAMED} more" if len(held_up) > _NAMED else ""
        number = "1 trial was" if len(held_up) == 1 else f"{len(held_up)} trials were"
        text = f"{number} blocked by {finding}: {named}{more}"
        yield Reason("trial", ExitCode.DOWN, text, held_up[0].node, priority, finding)


def budgets(evidence: RunEvidence) -> Iterator[Reason]:
    """Each measurement counts: a file's budget is measured once by each worker."""
    for one in evidence.all(r.BudgetMeasured):
        what = f"budget “{one.name}” of {one.node}"
        if one.measured_s is None:
            text = f"{what} was not measured"
            yield Reason("budget", ExitCode.INCONCLUSIVE, text, one.node, one.priority)
        elif not one.measured_s <= one.limit_s:
            text = f"{what} was missed: {one.measured_s:.3f} s of {one.limit_s:g} s"
            yield Reason("budget", ExitCode.FAILED, text, one.node, one.priority)


def ledger(evidence: RunEvidence) -> Iterator[Reason]:
    for record in evidence.all(r.LedgerClosed):
        why = f": {record.error}" if record.error else ""
        if record.left > 0:
            things = "1 thing" if record.left == 1 else f"{record.left} things"
            text = f"{things} that trials created could not be removed{why}"
            yield Reason("ledger", ExitCode.FAILED, text, record.session)
        elif record.error:
            text = f"it is not known whether what trials created was removed{why}"
            yield Reason("ledger", ExitCode.INCONCLUSIVE, text, record.session)


def left_running(evidence: RunEvidence) -> Iterator[Reason]:
    for record in evidence.all(r.ProcessLeft):
        text = f"a process that trials started was still there: {record.command} ({record.pid})"
        fix = _to_do("end it in the trial, or in its fixture")
        yield Reason("process", ExitCode.FAILED, text + fix, record.session)


def drills(evidence: RunEvidence) -> Iterator[Reason]:
    """Each was named and undone; a drill that did not take place shows nothing."""
    finished = evidence.all(r.DrillFinished)
    for one in finished:
        if one.left_behind:
            text = f"after the drill {one.name} something is wrong: {'; '.join(one.left_behind)}"
            yield Reason("drill", ExitCode.DOWN, text, one.name)
        elif one.skipped:
            text = f"the drill {one.name} was skipped: {one.skipped}"
            yield Reason("drill", ExitCode.INCONCLUSIVE, text, one.name)
        elif not one.good:
            what = f"was noticed as {one.cause}, not named" if one.detected else "was missed"
            yield Reason("drill", ExitCode.FAILED, f"the drill {one.name} {what}", one.name)
    done = {one.name for one in finished}
    planned = (evidence.started.drills if evidence.started else None) or ()
    if never := [name for name in planned if name not in done]:
        text = f"drills that did not take place: {', '.join(never)}"
        yield Reason("drills", ExitCode.INCONCLUSIVE, text)


def _to_do(fix: str) -> str:
    return f"; to do: {fix}" if fix else ""


RULES: tuple[Rule, ...] = (
    interrupted,
    crashed,
    environment_failed,
    findings,
    components,
    states,
    expectations,
    collection,
    trials,
    budgets,
    ledger,
    left_running,
    drills,
    sessions,
    complete,
    readable,
)
