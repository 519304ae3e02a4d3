"""From what was seen to findings: each root cause once, with what follows from it.

Every component that is not healthy, and every expectation that failed or could not be measured, is
a fault. `follows` says which other faults a fault may follow from; those that follow from none
become findings, and all others are in the `blocks` of the findings that they lead back to. Faults
that lead back to each other prove nothing about each other, and each becomes a finding.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from seatrial.checks.advice import advise
from seatrial.checks.follows import Fault, Graph, edges
from seatrial.checks.look import Seen
from seatrial.evidence.records import FindingBody
from seatrial.kinds.base import CheckResult
from seatrial.outcome import Cause, Health, Outcome, Priority

_FAULTY = (Outcome.FAILED, Outcome.NOT_MEASURED, Outcome.ERRORED, Outcome.BLOCKED)


@dataclass(frozen=True)
class Folded:
    findings: tuple[FindingBody, ...]  # by priority, then from the bottom of the graph up
    cited: Mapping[str, str]  # id of an expectation -> id of the finding that it belongs to


def fold(everything: Iterable[Seen]) -> Folded:
    """Pure: the same observations give the same findings."""
    seen = {one.component.name: one for one in everything}
    graph = Graph(seen)
    faults = [fault for one in seen.values() for fault in _faults(one, graph)]
    roots = _roots(faults, edges(faults, graph))
    causes = sorted((f for f in faults if f in roots[f]), key=lambda f: _order(f, graph))
    findings = [_finding(root, [f for f in faults if root in roots[f]]) for root in causes]
    findings.sort(key=lambda finding: finding.priority)  # stable: the depth stays
    place = {finding.id: number for number, finding in enumerate(findings)}
    cited = {
        fault.label: min((root.id for root in roots[fault]), key=place.__getitem__)
        for fault in faults
        if fault.result is not None
    }
    return Folded(tuple(findings), cited)


def _faults(one: Seen, graph: Graph) -> list[Fault]:
    """The fault of the component itself first, then those of its expectations."""
    name, probe = one.component.name, one.probe
    faults = []
    if one.down or (probe.health is Health.HEALTHY and probe.cause is not None):
        priority = one.component.config.priority
        if not one.down:
            priority = max(priority, Priority.P2)
        cause = probe.cause or Cause.NOT_MEASURED
        found, fix = advise(one, graph)
        id, own = f"{name}.{cause}", probe.own
        fault = Fault(id, name, name, cause, priority, one.down, own, probe.expected, found, fix)
        faults.append(fault)
    faults += [_of_result(r) for r in one.results if r.outcome in _FAULTY]
    return faults


def _of_result(result: CheckResult) -> Fault:
    failed = result.outcome is Outcome.FAILED and result.cause is not None
    return Fault(
        result.id,
        result.id,
        result.component,
        result.cause if failed and result.cause is not None else Cause.NOT_MEASURED,
        result.priority,
        False,
        result.own,
        result.expected,
        result.found,
        result.fix,
        result,
    )


def _roots(
    faults: Sequence[Fault], follows: Mapping[Fault, frozenset[Fault]]
) -> Mapping[Fault, frozenset[Fault]]:
    """For each fault the ones at the end of all its chains; itself if it stands there."""
    reach = {fault: _reachable(fault, follows) for fault in faults}

    def ends(fault: Fault) -> bool:
        return all(fault in reach[other] for other in reach[fault])

    roots = {}
    for fault in faults:
        found = {fault} if ends(fault) else {other for other in reach[fault] if ends(other)}
        if fault.definite:  # something unknown explains nothing
            found = {other for other in found if other.definite}
        roots[fault] = frozenset(found)
    return roots


def _reachable(start: Fault, follows: Mapping[Fault, frozenset[Fault]]) -> frozenset[Fault]:
    found: set[Fault] = set()
    queue = [start]
    while queue:
        fresh = follows[queue.pop()] - found
        found |= fresh
        queue += fresh
    return frozenset(found)


def _order(fault: Fault, graph: Graph) -> tuple[int, str]:
    return graph.depth(fault.component), fault.id


def _finding(root: Fault, members: Sequence[Fault]) -> FindingBody:
    """What follows from it raises its priority: a p2 component may take a p1 one down."""
    components = [f.label for f in members if f is not root and f.result is None]
    results = [f.label for f in members if f is not root and f.result is not None]
    return FindingBody(
        id=root.id,
        component=root.component,
        cause=root.cause,
        priority=min(fault.priority for fault in members),
        expected=root.expected,
        found=root.found,
        fix=root.fix,
        blocks=(*components, *results),
    )
