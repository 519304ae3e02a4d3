"""Which fault may follow from which: the rules behind root causes.

A component's fault may follow from the fault of anything that it depends on, directly or not:

- one that is its own (a wrong address, password or program, stopped on request, killed from
  outside...) never does;
- that nothing answers at its address may follow from a dependency that is gone itself, but not from
  one that merely turned us away: then both addresses may be wrong;
- saying that it is not well, having ended, or consuming nothing may follow from any of them, also
  from a schema or a queue that is not as it has to be; but when it names what it complains of, only
  from that, and from what belongs to it.

A mistake of a component's own, an address of a server that turns it away, follows from nothing, and
its component's fault from it: where it is a warning, unless something else explains that.

An expectation's fault follows from its component's, where that leaves nothing to look at. It may
also follow from whoever should have seen to it: a queue has no consumer because the consumer is
down, a schema is behind because the migration failed, a queue is missing because nobody who
declares it has started; and a column could not be looked at because there is no table, or is not
as declared because it is not as the migrations make it. And drift follows from a schema that is
another revision altogether. But who ended with the word that a queue is not there does not declare
it: it follows from that.

What is unknown explains nothing: no definite fault follows from it, unless it follows from a
definite one in turn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from seatrial.checks.look import Seen
from seatrial.declaration import graph as declared
from seatrial.kinds.base import CheckResult
from seatrial.outcome import Cause, Outcome, Priority

_GONE = frozenset(
    {
        Cause.REFUSED,
        Cause.TIMEOUT,
        Cause.EXITED,
        Cause.STOPPED,
        Cause.MIGRATING,
        Cause.PORT_IN_USE,
        Cause.UNHEALTHY,
        Cause.NOT_MEASURED,
    }
)
_UNREACHED = frozenset({Cause.REFUSED, Cause.TIMEOUT})
_UNWELL = frozenset(
    {Cause.UNHEALTHY, Cause.EXITED, Cause.NO_CONSUMER, Cause.MIGRATING, Cause.NOT_MEASURED}
)
#: Failed expectations that take down who depends on their component.
_CRIPPLING = frozenset(
    {
        Cause.SCHEMA_BEHIND,
        Cause.SCHEMA_AHEAD,
        Cause.QUEUE_MISSING,
        Cause.QUEUE_DRIFT,
        Cause.NOT_AUTHORISED,
    }
)
_NOT_RUNNING = frozenset({Cause.EXITED, Cause.STOPPED, Cause.NOT_MEASURED})


@dataclass(frozen=True, eq=False)
class Fault:
    id: str  # of the finding that it would be
    label: str  # in `blocks`: the component, or the expectation
    component: str
    cause: Cause
    priority: Priority
    down: bool  # its component cannot be used
    own: bool  # it follows from nothing
    expected: str
    found: str
    fix: str
    result: CheckResult | None = None  # None: the component's own

    @property
    def subject(self) -> str:
        return "" if self.result is None else self.result.subject

    @property
    def definite(self) -> bool:
        return self.cause is not Cause.NOT_MEASURED


class Graph:
    """Who depends on whom, of the components seen, and what they say of each other."""

    def __init__(self, seen: Mapping[str, Seen]) -> None:
        self.seen = seen
        graph = declared.Graph({name: one.component for name, one in seen.items()})
        self._direct = {name: graph.direct(name) for name in seen}
        self._below = {name: frozenset(graph.below(name)) for name in seen}

    def direct(self, name: str) -> tuple[str, ...]:
        """What it names or refers to itself."""
        return self._direct[name]

    def below(self, name: str) -> frozenset[str]:
        """Everything that it depends on, directly or not."""
        return self._below[name]

    def accused(self, name: str) -> list[str]:
        """Those below it that it complains of, by what they may be called."""
        complaints = self.seen[name].probe.complaints
        words = frozenset[str]().union(*(_words(part) for part in complaints))
        order = [other for other in self.seen if other in self._below[name]]
        return [o for o in order if any(_words(c) <= words for c in self.seen[o].called)]

    def depth(self, name: str) -> int:
        """How far up it stands: 0 for what depends on nothing. Counts what it stands on."""
        return len(self._below[name])


def _looked_in_vain(fault: Fault, queue: str) -> bool:
    """Whether it is told in a broker's words, which every client of one repeats: NOT_FOUND - no
    queue 'orders' in vhost '/'."""
    return bool(queue) and f"no queue '{queue}'" in fault.found


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z0-9]+", text.lower()))


def edges(faults: Sequence[Fault], graph: Graph) -> Mapping[Fault, frozenset[Fault]]:
    """From each fault to those that it may directly follow from."""
    rules = _Rules(faults, graph)
    follows = {fault: frozenset(rules.of(fault)) - {fault} for fault in faults}
    return _without_the_unknown(follows)


def _without_the_unknown(
    follows: Mapping[Fault, frozenset[Fault]],
) -> Mapping[Fault, frozenset[Fault]]:
    explained = {fault for fault in follows if fault.definite}
    growing = True
    while growing:
        more = {f for f, whom in follows.items() if f not in explained and whom & explained}
        explained |= more
        growing = bool(more)
    return {fault: whom & explained if fault.definite else whom for fault, whom in follows.items()}


class _Rules:
    def __init__(self, faults: Sequence[Fault], graph: Graph) -> None:
        self.graph = graph
        self.results = [fault for fault in faults if fault.result is not None]
        self.down = {f.component: f for f in faults if f.result is None and f.down}

    def of(self, fault: Fault) -> Iterator[Fault]:
        if fault.own:
            return
        if fault.result is None:
            yield from self._of_component(fault)
            return
        yield from self._of_own_component(fault)
        if fault.result.outcome is Outcome.FAILED:
            yield from self._of_providers(fault)
            yield from self._of_revision(fault)
        elif fault.cause is Cause.NOT_MEASURED:
            yield from self._of_same_reason(fault)
        yield from (f for f in self.results if f.label == fault.result.within)

    def _of_component(self, fault: Fault) -> Iterator[Fault]:
        """A warning of its own explains what nothing else does, but not what still answers."""
        own = [f for f in self.results if f.own and f.component == fault.component]
        own = own if fault.cause in _UNWELL | _UNREACHED else []
        others = list(self._of_others(fault))
        yield from others
        explained = not fault.down or any(one.definite for one in others)
        yield from (f for f in own if f.priority is Priority.P1 or not explained)

    def _of_others(self, fault: Fault) -> Iterator[Fault]:
        below = self._suspects(fault)
        for name in below & self.down.keys():
            cause = self.down[name].cause
            unreached = fault.cause in _UNREACHED and cause in _GONE
            if fault.cause in _UNWELL or unreached:
                yield self.down[name]
        if fault.cause not in _UNWELL:
            return
        for other in self.results:
            crippling = other.cause in _CRIPPLING and other.component in below
            if crippling and not self._provides(fault, other):
                yield other

    def _suspects(self, fault: Fault) -> frozenset[str]:
        """What it depends on; of that, where it names culprits, they and whom they hang on."""
        below = self.graph.below(fault.component)
        accused = set(self.graph.accused(fault.component))
        if not accused:
            return below
        return frozenset(
            name
            for name in below
            if name in accused
            or accused & self.graph.below(name)
            or any(name in self.graph.below(culprit) for culprit in accused)
        )

    def _of_own_component(self, fault: Fault) -> Iterator[Fault]:
        own = self.down.get(fault.component)
        if own is not None and self.graph.seen[fault.component].out_of_reach:
            yield own

    def _of_providers(self, fault: Fault) -> Iterator[Fault]:
        for other in self.down.values():
            if self._provides(other, fault):
                yield other

    def _provides(self, other: Fault, fault: Fault) -> bool:
        """Whether the component of `other` would have seen to it that `fault` is not there."""
        one = self.graph.seen[other.component]
        if fault.cause not in one.provides:
            return False
        if fault.cause is Cause.NO_CONSUMER:
            return (fault.component, fault.subject) in one.component.config.consumed
        if fault.cause is Cause.QUEUE_MISSING and _looked_in_vain(other, fault.subject):
            return False
        below = fault.component in self.graph.below(other.component)
        return below and other.cause in _NOT_RUNNING

    def _of_revision(self, fault: Fault) -> Iterator[Fault]:
        if fault.cause is not Cause.SCHEMA_DRIFT:
            return
        for other in self.results:
            revision = other.cause in (Cause.SCHEMA_BEHIND, Cause.SCHEMA_AHEAD)
            if revision and other.component == fault.component:
                yield other

    def _of_same_reason(self, fault: Fault) -> Iterator[Fault]:
        """Many expectations that one reason kept from being measured are one finding."""
        same = [
            other
            for other in self.results
            if not other.definite
            and (other.component, other.found) == (fault.component, fault.found)
        ]
        first = min(same, key=lambda other: other.priority)
        if first is not fault:
            yield first
