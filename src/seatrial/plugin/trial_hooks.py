"""pytest's hooks around one trial. Items that are no trials pass through untouched."""

from __future__ import annotations

import sys
from collections.abc import Generator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from seatrial.environment.deployment import Deployment
from seatrial.errors import CapabilityMissing, SeatrialError
from seatrial.plugin.budgets import Budgets
from seatrial.plugin.selection import MARKS
from seatrial.plugin.session import TrialSession
from seatrial.plugin.summary import FINDING, OURS, OUTCOME, REASON
from seatrial.plugin.trial import Result, Trial
from seatrial.steady import NotMeasured

#: Seconds that a failed trial waits for the keeper to notice that a component has just ended.
_NOTICE = 0.2
#: What a protected environment refuses, by the fixture that does it.
_REFUSED = {"fault": "faults", "ledger": "trials that write"}

#: Modules between an assertion that passed and the hook that counts it.
_BETWEEN = ("_pytest.", "pluggy.")

Hook = Generator[None, Any, Any]


class TrialHooks:
    """Lock, preconditions, reports and records of each trial."""

    def __init__(self, config: pytest.Config, session: TrialSession, budgets: Budgets) -> None:
        self._session, self._budgets = session, budgets
        self._running = session.running
        self._counts = bool(config.getini("enable_assertion_pass_hook"))
        self._locked_out: SeatrialError | None = None
        self._refused: SeatrialError | None = None  # why this attempt cannot begin
        self._theirs: dict[str, bool] = {}  # by file: its assertions count

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Hook:
        if MARKS not in item.stash:
            return (yield)
        # The lock is for all attempts together, and a fault's from set-up on: to ask for it later
        # would mean to give the shared one up in the middle.
        breaks = "fault" in getattr(item, "fixturenames", ())
        self._locked_out = None
        try:
            self._running.lock("exclusive" if breaks else "shared")
        except SeatrialError as error:
            self._locked_out = error
        try:
            return (yield)
        finally:
            self._running.end()

    # -- before it begins ------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True, tryfirst=True, specname="pytest_runtest_setup")
    def pytest_runtest_setup_begins(self, item: pytest.Item) -> Hook:
        self._refused = None
        if MARKS in item.stash:
            try:
                self._running.begin(item, item.stash[MARKS], self._locked_out)
            except SeatrialError as error:
                self._refused = error  # told once pytest's own set-up has begun, which it ends too
        return (yield)

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """After pytest's own skip markers, and before any fixture."""
        trial = self._running.trial
        if MARKS not in item.stash or trial is None:
            return
        if self._refused is not None:
            pytest.fail(self._session.redactor.redact(str(self._refused)), pytrace=False)
        names = tuple(getattr(item, "fixturenames", ()))
        self._skip_if_protected(trial, names)
        self._skip_if_incapable(trial)
        if "ledger" in names:
            _skip_without_clean_up(self._session.cleaner.lacking())
        self._running.refuse_if_blocked(trial)
        if "ledger" in names:
            _skip_without_clean_up(self._session.clean_up_fails)

    def _skip_if_protected(self, trial: Trial, names: tuple[str, ...]) -> None:
        if not self._session.deployment.protected:
            return
        where = f"the environment {self._session.system.environment} is protected"
        if not trial.marks.read_only:
            pytest.skip(f"{where}: only trials marked read_only run")
        for name, what in _REFUSED.items():
            if name in names:
                pytest.skip(f"{where}: {what} are refused")

    def _skip_if_incapable(self, trial: Trial) -> None:
        deployment: Deployment = self._session.deployment
        for capability in trial.marks.requires:
            if capability not in deployment.capabilities:
                where = self._session.system.environment
                pytest.skip(f"needs the capability {capability}, which {where} lacks")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Hook:
        """What the environment cannot do is no failure of the system's."""
        try:
            return (yield)
        except CapabilityMissing as missing:
            if MARKS not in item.stash:
                raise
            pytest.skip(f"needs a capability: {missing.message}")

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Hook:
        self._running.fixtures.append((fixturedef.argname, str(request.scope)))
        try:
            return (yield)
        finally:
            self._running.fixtures.pop()

    # -- while and after it runs -----------------------------------------------------------------

    def pytest_assertion_pass(self) -> None:
        if self._running.trial is not None and self._is_theirs(sys._getframe(1)):
            self._running.trial.passed_assertions += 1

    def _is_theirs(self, frame: FrameType | None) -> bool:
        """Whether the assertion that passed is one of the system's own: pytest rewrites those of
        all plugins too, and so of Seatrial and of the libraries that it uses."""
        while frame is not None and frame.f_globals.get("__name__", "").startswith(_BETWEEN):
            frame = frame.f_back
        file = "" if frame is None else frame.f_code.co_filename
        if file not in self._theirs:
            inside = Path(file).resolve().is_relative_to(self._session.system.folder.resolve())
            self._theirs[file] = inside and "site-packages" not in file
        return self._theirs[file]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Hook:
        try:
            return (yield)
        finally:
            if MARKS in item.stash:
                self._session.trial_ended(item.nodeid)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Hook:
        report: pytest.TestReport = yield
        trial = self._running.trial
        if MARKS not in item.stash or trial is None:
            return report
        if call.excinfo is not None and call.excinfo.errisinstance(AssertionError):
            trial.failed_assertions += 1
        if call.excinfo is not None and call.excinfo.errisinstance(NotMeasured):
            trial.not_measured = str(call.excinfo.value).splitlines()[0]
        if report.when == "teardown":
            self._running.finish(trial)
            trial.add(report)
            self._conclude(item, trial, report)
        else:
            if report.failed and trial.blocked is None:
                self._running.settle(trial, wait=_NOTICE)
                self._explain(trial, report)
            trial.add(report)
        return report

    def _explain(self, trial: Trial, report: pytest.TestReport) -> None:
        """Show with the failure what the deployment has to do with it."""
        if trial.lost is not None:
            log = self._session.logs_of(trial.lost.component)
            title = f"Seatrial: during this trial, {trial.lost}"
            report.sections.append((title, log or "(no log to show)"))

    def _conclude(self, item: pytest.Item, trial: Trial, report: pytest.TestReport) -> None:
        result = trial.result()
        item.user_properties[:] = [p for p in item.user_properties if p[0] not in OURS]
        item.user_properties += _properties(result)
        report.user_properties = list(item.user_properties)
        self._session.recorder.finished(item, trial, result, counted=self._counts)
        for measured in self._budgets.finished(trial, result):
            self._session.recorder.measured(measured)


def _skip_without_clean_up(reason: str | None) -> None:
    if reason is not None:
        pytest.skip(f"needs the capability clean_up: {reason}")


def _properties(result: Result) -> list[tuple[str, object]]:
    """What other programs see of the classification (JUnit, xdist's controller)."""
    told: list[tuple[str, object]] = [(OUTCOME, result.outcome.value)]
    if result.reason:
        told.append((REASON, result.reason))
    if result.finding:
        told.append((FINDING, result.finding))
    return told
