"""The trial that runs now: what it needs, its lock, its faults, and what it loses on the way."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

import pytest

from seatrial.declaration.problems import nearest
from seatrial.errors import KeeperError, Refused, SeatrialError, UsageError
from seatrial.keeper.protocol import Event
from seatrial.outcome import Priority
from seatrial.plugin.faults import Faults
from seatrial.plugin.marks import Marks
from seatrial.plugin.states import Down, root
from seatrial.plugin.trial import Blocked, Trial

if TYPE_CHECKING:
    from seatrial.plugin.session import TrialSession

LOCK_SECONDS = 300.0  # that a trial waits for a fault of somebody else's to end

Mode = Literal["shared", "exclusive"]


class Running:
    """At most one trial at a time; `trial` is None between two."""

    def __init__(self, session: TrialSession) -> None:
        self._session = session
        self.trial: Trial | None = None
        self._mode: Mode | None = None  # of the lock that is held
        self._wanted: Mode = "shared"
        self._attempts: Counter[str] = Counter()
        #: Fixtures that are being set up now, outermost first: (name, scope).
        self.fixtures: list[tuple[str, str]] = []
        self._fixture_needs: dict[str, set[str]] = defaultdict(set)

    # -- the lock --------------------------------------------------------------------------------

    def lock(self, mode: Mode) -> None:
        """Hold the deployment's lock in this mode, giving up another one first: a trial that kept
        its shared lock while it asks for the exclusive one would wait for itself."""
        if self._mode == mode:
            return
        self.unlock()
        states = self._session.states
        events = self._session.deployment.lock(mode, LOCK_SECONDS, states.last)
        self._mode = self._wanted = mode
        self._note(events)

    def unlock(self) -> None:
        if self._mode is not None:
            self._mode = None
            self._note(self._session.deployment.unlock(self._session.states.last))

    def _note(self, events: Sequence[Event]) -> None:
        found = self._session.states.apply(events)
        if self.trial is not None and found:
            self.trial.note(found, self._all_needed(self.trial))

    # -- what it needs ---------------------------------------------------------------------------

    def begin(self, item: pytest.Item, marks: Marks, refused: SeatrialError | None) -> None:
        """A new attempt at a trial begins; what is down now was down before it.

        Raises KeeperError, or `refused`: why its lock could not be had.
        """
        self._attempts[item.nodeid] += 1
        attempt = self._attempts[item.nodeid]
        needs = self._needs(item, marks)
        try:
            if refused is not None:
                raise refused
            self.lock(self._wanted)  # held already, but for a retry
            before = self._session.states.down(self._session.system.components)
        finally:
            self.trial = Trial(item.nodeid, marks, attempt, needs)
        self.trial.down_at_begin = before

    def _needs(self, item: pytest.Item, marks: Marks) -> set[str]:
        """By marker and by fixture; a trial that says nothing needs every p1 component."""
        system = self._session.system
        names: tuple[str, ...] = tuple(getattr(item, "fixturenames", ()))
        needs = {*marks.needs, *(system.components.keys() & set(names))}
        for name in names:
            needs |= self._fixture_needs.get(name, set())
        if not needs and "component" not in names:
            p1 = (n for n, c in system.components.items() if c.config.priority is Priority.P1)
            needs = set(p1)
        if "ledger" in names:
            needs |= system.clean_up.keys()
        return needs

    def require(self, component: str) -> None:
        """The trial, and every fixture that is being set up, need this component too.

        Raises Blocked when it was down before the trial began, UsageError if there is none.
        """
        components = self._session.system.components
        if component not in components:
            hint = nearest(component, components)
            raise UsageError(f"there is no component {component!r}", hint=hint)
        for name, _ in self.fixtures:
            self._fixture_needs[name].add(component)
        if self.trial is not None:
            self.trial.needs.add(component)
            self.refuse_if_blocked(self.trial)

    def refuse_if_blocked(self, trial: Trial) -> None:
        """Raise Blocked when something that the trial needs was down before it began."""
        needed = self._all_needed(trial)
        down = {n: trial.down_at_begin[n] for n in needed if n in trial.down_at_begin}
        if down:
            trial.blocked = self._blocked(root(down, self._session.graph), trial)
            raise trial.blocked

    def _all_needed(self, trial: Trial) -> list[str]:
        """What it needs; what is needed by others comes last."""
        needs = sorted(trial.needs)
        return [*needs, *self._session.graph.below(*needs)]

    def _blocked(self, cause: Down, trial: Trial) -> Blocked:
        finding = self._session.findings.of_down(cause)
        needs = ", ".join(sorted(trial.needs))
        message = (
            f"{cause}, so this trial is blocked\n"
            f"  expected: all is up that it needs ({needs})\n"
            f"  finding: {finding}\n"
            f"  to do: {self._session.findings.fix(cause)}"
        )
        return Blocked(message, cause, finding)

    # -- what happens to it ----------------------------------------------------------------------

    def look(self, wait: float = 0.0) -> None:
        """Note what changed in the deployment; waits up to `wait` s for a change."""
        self._note(self._session.deployment.timeline(self._session.states.last, wait))

    def watch(self) -> str | None:
        """Why waiting has become pointless, or None; see `eventually`."""
        trial = self.trial
        if trial is None or trial.faults:
            return None
        try:
            self.look()
        except KeeperError as error:
            return error.message
        down = self._session.states.down(self._all_needed(trial))
        return str(root(down, self._session.graph)) if down else None

    def settle(self, trial: Trial, wait: float = 0.0) -> None:
        """It has failed: note what it has lost; waits up to `wait` s for the keeper to notice."""
        try:
            self.look(0.0 if trial.lost else wait)
        except KeeperError as error:
            trial.keeper_gone = str(error)
        self._find(trial)

    def finish(self, trial: Trial) -> None:
        """Its tear-down is over: give the lock back, and note what it has lost, and what its
        faults did not give back."""
        try:
            self.unlock()
            now = self._session.states.down(self._all_needed(trial))
        except KeeperError as error:
            trial.keeper_gone = str(error)
            return
        new = {name: one for name, one in now.items() if name not in trial.down_at_begin}
        if trial.faults and trial.lost is None and new:
            trial.lost = root(new, self._session.graph)
        trial.forgive(now)
        self._find(trial)

    def _find(self, trial: Trial) -> None:
        if trial.lost is not None and not trial.lost_finding:
            trial.lost_finding = self._session.findings.of_lost(trial.lost)

    def end(self) -> None:
        """The trial is over, or was interrupted: give its lock back."""
        self.trial = None
        with suppress(SeatrialError):
            self.unlock()

    # -- its faults ------------------------------------------------------------------------------

    def faults(self) -> Faults:
        """Faults for the trial, which has the deployment to itself from here on."""
        if self.trial is None or self._mode is None:
            raise Refused(
                "`fault` belongs to trials, and this is none",
                hint=f"move it to the folder {self._session.system.trials}",
            )
        self.lock("exclusive")
        return Faults(self._session, self.trial)

    def holder(self) -> str:
        """The node id of the trial that what is created now belongs to; "" is the session: a
        fixture of a wider scope is being set up, or no trial runs."""
        wider = any(scope != "function" for _, scope in self.fixtures)
        return "" if wider or self.trial is None else self.trial.node
