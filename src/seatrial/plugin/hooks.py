"""pytest's hooks around a whole session: collection, xdist, connecting, and the end."""

from __future__ import annotations

import json
from collections.abc import Generator
from time import monotonic
from typing import Any, NoReturn

import pytest

from seatrial.declaration.models import System
from seatrial.errors import Refused, SeatrialError, UsageError
from seatrial.outcome import Priority
from seatrial.plugin.budgets import Budgets
from seatrial.plugin.left_out import LeftOut
from seatrial.plugin.marks import priority_by_name
from seatrial.plugin.selection import MARKS, is_trial, may_hold_trials, prepare, select
from seatrial.plugin.session import TrialSession
from seatrial.plugin.settings import WORKERINPUT, Role
from seatrial.plugin.summary import Summary

_XDIST_CRASH = "???"  # xdist's `when` of a report about a trial that took its worker with it


class SessionHooks:
    """Registered where there is a seatrial.yaml."""

    def __init__(
        self, config: pytest.Config, session: TrialSession, summary: Summary, budgets: Budgets
    ) -> None:
        self._config, self._session = config, session
        self._summary, self._budgets = summary, budgets
        self._role = session.settings.role
        self._began = monotonic()
        self._chosen: list[pytest.Item] = []  # trials wanted, whatever pytest leaves out of them
        self._left_out: LeftOut | None = None

    # -- the beginning ---------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        self._session.say = self._say
        self._session.recorder.started()
        if self._session.settings.handover is not None:
            self._left_out = LeftOut(self._config, self._system)
            self._config.pluginmanager.register(self._left_out, "seatrial-left-out")
        if self._role is Role.CONTROLLER and may_hold_trials(self._config, self._system):
            self._connect()  # before xdist starts its workers, which join

    @property
    def _system(self) -> System:
        try:
            return self._session.system
        except SeatrialError as error:
            raise pytest.UsageError(str(error)) from error

    def _say(self, line: str) -> None:
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None and self._config.option.verbose >= 0:
            terminal.ensure_newline()
            terminal.write_line(line)

    def _connect(self) -> None:
        try:
            _ = self._session.deployment
        except SeatrialError as error:
            self._give_up(error)

    def _give_up(self, error: SeatrialError) -> NoReturn:
        text = self._session.redactor.redact(str(error))
        if isinstance(error, UsageError | Refused):
            raise pytest.UsageError(text) from error
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None:
            terminal.ensure_newline()
            terminal.write_line(text, red=True)
        # To a run, whose deployment it was, this is a crash; by hand, trials did not pass.
        plain = self._session.settings.handover is None
        code = pytest.ExitCode.TESTS_FAILED if plain else pytest.ExitCode.INTERNAL_ERROR
        why = "no deployment to run the trials against"
        raise pytest.exit.Exception(why, returncode=code) from error

    # -- collection ------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)  # before -m and -k, which may ask for a priority
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        if not items:
            return
        prepare(items, self._system)
        handover = self._session.settings.handover
        if handover is not None:
            select(config, items, handover.priorities)
        self._chosen = [item for item in items if MARKS in item.stash]

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """What an option, a conftest.py or another plugin took away, a run wanted all the same:
        one that leaves out a p1 trial must not be able to conclude `go`."""
        recorder, there = self._session.recorder, set(session.items)
        running = [item for item in self._chosen if item in there]
        trials = [(item.nodeid, item.stash[MARKS].priority) for item in running]
        left_out = (
            list(self._left_out.of({n for n, _ in trials}, self._wanted))
            if (self._left_out)
            else []
        )
        recorder.collected([*trials, *((node, priority) for node, priority, _ in left_out)])
        for node, priority, reason in left_out:
            recorder.left_out(node, priority, reason)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if not report.failed or self._role is Role.WORKER:  # workers' reports reach the controller
            return
        path = self._config.rootpath / report.nodeid.partition("::")[0]
        priority = priority_by_name(path)
        if priority in self._wanted and is_trial(path, self._system):
            recorder = self._session.recorder
            recorder.collection_failed(report.nodeid, priority, report.longreprtext)

    @property
    def _wanted(self) -> tuple[Priority, ...]:
        handover = self._session.settings.handover
        return tuple(Priority) if handover is None else handover.priorities

    # -- xdist -----------------------------------------------------------------------------------

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        joined = self._session.deployment.id if self._session.connected else None
        node.workerinput[WORKERINPUT] = self._session.settings.for_worker(joined)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        told = getattr(node, "workeroutput", {}).get(WORKERINPUT)
        if told is not None:  # a worker that crashed tells nothing
            fields = json.loads(told)
            self._budgets.add_text(fields["budgets"])
            self._summary.add_left([(left, error) for left, error in fields["left"]])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self._role is Role.WORKER:
            return
        self._summary.add(report)
        if report.when == _XDIST_CRASH:
            by_name = priority_by_name(self._config.rootpath / report.nodeid.partition("::")[0])
            priority = by_name if by_name in self._wanted else self._wanted[0]
            self._session.recorder.crashed(report.nodeid, priority, report.longreprtext)

    # -- the trials, and the end -----------------------------------------------------------------

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        options = session.config.option
        gives_up = session.testsfailed and not options.continue_on_collection_errors
        trials = [item for item in session.items if MARKS in item.stash]
        if trials and not options.collectonly and not gives_up:
            self._connect()
            if any("component" in getattr(item, "fixturenames", ()) for item in trials):
                self._session.clients.prepare()
        return (yield)

    @pytest.hookimpl(wrapper=True, trylast=True)  # innermost: before the terminal's summary
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, object, object]:
        try:
            return (yield)
        finally:
            self._finish(session)

    def _finish(self, session: pytest.Session) -> None:
        closed = self._session.close_ledger()
        if closed is not None:
            self._summary.add_left([(closed.left, closed.error)])
        if self._role is Role.WORKER:
            told = {"budgets": self._budgets.text(), "left": self._summary.left}
            self._config.workeroutput[WORKERINPUT] = json.dumps(told)  # type: ignore[attr-defined]
        else:
            for measured in self._budgets.of_files():
                self._session.recorder.measured(measured)
            plain = self._session.settings.handover is None
            if plain and self._summary.dirty and session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
        self._session.recorder.ended(int(session.exitstatus), monotonic() - self._began)
        try:
            self._session.disconnect()
        except SeatrialError as error:
            self._say(f"seatrial: {error}")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for line in self._summary.lines():
            terminalreporter.write_line(f"seatrial: {line}", red=True)

    def pytest_unconfigure(self) -> None:
        self._session.disconnect()
