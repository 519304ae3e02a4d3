"""One drill after the other: green, broken, noticed, mended, green again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from time import monotonic

from seatrial.checks.report import CheckReport
from seatrial.checks.run import run_checks
from seatrial.drills.score import Noticed, Scored, of_check, of_trials
from seatrial.drills.stage import DeploymentStage
from seatrial.errors import CapabilityMissing
from seatrial.evidence.records import TrialFinished
from seatrial.keeper.client import ActionFailed
from seatrial.kinds.drill import Drill
from seatrial.waiting import NotReached, eventually

WELL_SECONDS = 10.0  # in which a deployment that has just come up must be well
_GREEN_SECONDS = 30.0  # in which a mended deployment must be well again
_CHECK_SECONDS = 10.0

#: Runs the trials of these names against the deployment, and says what became of them.
RunTrials = Callable[[Sequence[str]], Sequence[TrialFinished]]


class NotGreen(Exception):
    """The deployment is not well although nothing is broken on purpose."""

    def __init__(self, report: CheckReport) -> None:
        self.report = report
        super().__init__("; ".join(f"{f.id}: {f.found}" for f in report.findings))


class Drilling:
    """Carries drills out on one deployment, which must be nobody else's meanwhile."""

    def __init__(self, stage: DeploymentStage, trials: RunTrials) -> None:
        self._stage = stage
        self._trials = trials

    def carry_out(self, drills: Sequence[Drill], before: CheckReport) -> Iterator[Scored]:
        """The score of each, as soon as it is known; `before` is what `green` returned. After one
        that could not be undone no other is begun."""
        for drill in drills:
            scored = self._one(drill, before)
            if not scored.not_mended:
                try:
                    before = self.green()
                except NotGreen as error:
                    scored = replace(scored, not_mended=(str(error),))
            yield scored
            if scored.not_mended:
                return

    def _one(self, drill: Drill, before: CheckReport) -> Scored:
        began, scored = monotonic(), Scored(drill.name, drill.title, Noticed(), None)
        try:
            with drill.broken(self._stage):
                noticed = self._noticed(drill, before, began + drill.within)
                seconds = monotonic() - began if noticed.named else None
                scored = replace(scored, noticed=noticed, seconds=seconds)
        except CapabilityMissing as error:
            return replace(scored, skipped=error.message)
        except ActionFailed as error:  # it was not started again
            return replace(scored, not_mended=(error.message,))
        return scored

    def _noticed(self, drill: Drill, before: CheckReport, until: float) -> Noticed:
        """By a check, again and again until it is named or the time is over."""
        if drill.trials:
            return of_trials(drill, self._trials(drill.trials))
        best = Noticed()

        def look() -> Noticed:
            nonlocal best
            found = of_check(drill, before, self._check())
            best = found if found.detected else best
            return found

        try:
            return eventually(
                look,
                lambda found: found.named,
                timeout=max(0.1, until - monotonic()),
                what=f"{drill.name} is named",
            )
        except NotReached:
            return best

    def green(self, within: float = _GREEN_SECONDS) -> CheckReport:
        """The deployment as it is when nothing is broken; waits `within` s. Raises NotGreen."""
        last: list[CheckReport] = []

        def look() -> bool:
            last[:] = [self._check()]
            return not last[0].findings

        try:
            eventually(look, timeout=within, what="the deployment is well")
        except NotReached:
            raise NotGreen(last[0]) from None
        return last[0]

    def _check(self) -> CheckReport:
        deployment = self._stage.deployment
        context = deployment.context()
        return asyncio.run(run_checks(deployment.system, context.targets, context, _CHECK_SECONDS))
