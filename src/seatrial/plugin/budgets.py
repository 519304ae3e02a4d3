"""Time budgets: the call of one trial, or everything of a file or class, against a limit."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

from seatrial.outcome import Outcome, Priority
from seatrial.plugin.marks import Budget
from seatrial.plugin.trial import Result, Trial

_RAN = (Outcome.PASSED, Outcome.FAILED)


@dataclass(frozen=True)
class Measured:
    budget: Budget
    seconds: float | None  # None: nothing that it limits has run


@dataclass
class Budgets:
    """Adds up what files and classes take; xdist workers hand theirs to the controller."""

    _sums: dict[Budget, float | None] = field(default_factory=dict)

    def finished(self, trial: Trial, result: Result) -> list[Measured]:
        """The trial's own budgets; what it adds to those of its file is kept for the end."""
        own = []
        for budget in trial.marks.budgets:
            if not budget.node:
                call = trial.phases.get("call")
                seconds = call.seconds if call and result.outcome in _RAN else None
                own.append(Measured(replace(budget, node=trial.node), seconds))
            else:
                self._add(budget, trial.seconds if result.outcome in _RAN else None)
        return own

    def _add(self, budget: Budget, seconds: float | None) -> None:
        known = self._sums.get(budget)
        self._sums[budget] = known if seconds is None else (known or 0.0) + seconds

    def of_files(self) -> list[Measured]:
        return [Measured(budget, seconds) for budget, seconds in self._sums.items()]

    def text(self) -> str:
        rows = [(b.node, b.name, b.priority, b.limit, s) for b, s in self._sums.items()]
        return json.dumps(rows)

    def add_text(self, text: str) -> None:
        """Add what a worker handed over with `text`."""
        for node, name, priority, limit, seconds in json.loads(text):
            self._add(Budget(node, name, Priority(priority), limit), seconds)
