"""What became of each trial, over all its attempts: retries, and trials that never finished."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from seatrial.evidence.records import Collected, TrialFinished
from seatrial.outcome import Outcome, Priority

#: Worst first, as the exit codes are ordered.
WORST_FIRST = (
    Outcome.ERRORED,
    Outcome.BLOCKED,
    Outcome.FAILED,
    Outcome.NOT_MEASURED,
    Outcome.SKIPPED,
    Outcome.PASSED,
)
_BAD = (Outcome.ERRORED, Outcome.BLOCKED, Outcome.FAILED)


@dataclass(frozen=True)
class Trial:
    """One trial of one session. `last` is the attempt that counts, None if it never finished."""

    session: str
    node: str
    priority: Priority
    outcome: Outcome
    attempts: tuple[TrialFinished, ...]
    last: TrialFinished | None

    @property
    def flaky(self) -> bool:
        """It passed, but not at once."""
        return self.outcome is Outcome.PASSED and any(a.outcome in _BAD for a in self.attempts)

    @property
    def name(self) -> str:
        return self.last.name if self.last else self.node.rpartition("::")[2]

    @property
    def file(self) -> str:
        return self.last.file if self.last else self.node.partition("::")[0]

    @property
    def reason(self) -> str:
        if self.last is None or self.last.outcome is not self.outcome:
            return "it was collected, but no outcome was recorded"
        return self.last.reason

    @property
    def gist(self) -> str:
        """In one line why it did not pass, "" if it did."""
        if self.outcome is Outcome.PASSED:
            return ""
        return gist(self.reason) or gist(self.last.error if self.last else "")


def gist(error: str, limit: int = 200) -> str:
    """The one line of a failure, as pytest shows it, that says most: the first that starts with E.

    Otherwise the last one that is not empty. One that ends with a colon goes on in the next. At
    most `limit` characters.
    """
    lines = [line.strip() for line in error.splitlines() if line.strip()]
    marked = [text for line in lines if line.startswith("E ") and (text := line[1:].strip())]
    line = marked.pop(0) if marked else lines[-1] if lines else ""
    while line.endswith(":") and marked:
        line = f"{line} {marked.pop(0)}"
    return line if len(line) <= limit else line[: limit - 3] + "..."


def trials_of(collected: Iterable[Collected], finished: Iterable[TrialFinished]) -> list[Trial]:
    """Every trial that was collected or that finished, in that order."""
    expected: dict[tuple[str, str], tuple[Priority, int]] = {}
    for record in collected:
        for (node, priority), times in Counter(record.trials).items():
            known = expected.get((record.session, node), (priority, 0))
            expected[record.session, node] = (min(known[0], priority), max(known[1], times))
    attempts: dict[tuple[str, str], list[TrialFinished]] = {key: [] for key in expected}
    for one in finished:
        attempts.setdefault((one.session, one.node), []).append(one)
    return [_trial(key, tries, expected.get(key)) for key, tries in attempts.items()]


def _trial(
    key: tuple[str, str], attempts: Sequence[TrialFinished], expected: tuple[Priority, int] | None
) -> Trial:
    # Redaction can give two trials one name (a password as a parameter), so that one name may
    # stand for several: each must have finished, and the worst of them is shown.
    last = min(_final(attempts), key=lambda a: WORST_FIRST.index(a.outcome), default=None)
    priorities = [a.priority for a in attempts] + ([expected[0]] if expected else [])
    outcome = last.outcome if last else Outcome.NOT_MEASURED
    ran = max(Counter(a.attempt for a in attempts).values(), default=0)
    if expected and ran < expected[1]:
        outcome = min(outcome, Outcome.NOT_MEASURED, key=WORST_FIRST.index)
    return Trial(*key, min(priorities), outcome, tuple(attempts), last)


def _final(attempts: Sequence[TrialFinished]) -> list[TrialFinished]:
    """The attempts that no later one replaces: those of the highest number, as a rule."""
    by_number: dict[int, list[TrialFinished]] = {}
    for one in attempts:
        by_number.setdefault(one.attempt, []).append(one)
    final: list[TrialFinished] = []
    retried = 0
    for number in sorted(by_number, reverse=True):
        tries = by_number[number]
        bad = [one for one in tries if one.outcome is not Outcome.PASSED]
        if not retried:
            final += tries
        elif len(bad) > retried:
            final += bad
        retried = len(tries)
    return final
