"""Evidence of one pytest process: what it collected, and what became of each trial."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

import pytest

from seatrial.evidence import records as r
from seatrial.evidence.redaction import Redactor
from seatrial.evidence.writer import EvidenceWriter
from seatrial.outcome import Outcome, Priority
from seatrial.plugin.settings import Role, Settings
from seatrial.plugin.trial import Result, Trial

if TYPE_CHECKING:
    from seatrial.plugin.budgets import Measured


class Exchange(Protocol):
    """What a client that offers `on_exchange` tells of one request."""

    @property
    def component(self) -> str: ...
    @property
    def request_line(self) -> str: ...
    @property
    def status(self) -> int | None: ...
    @property
    def sent(self) -> bytes: ...
    @property
    def received(self) -> bytes: ...
    @property
    def duration_ms(self) -> float: ...


class Recorder:
    """Writes records where evidence is kept, and does nothing elsewhere."""

    def __init__(self, settings: Settings, redactor: Redactor) -> None:
        self._session, self._worker = settings.session, settings.worker
        self._redactor = redactor
        self._writer: EvidenceWriter | None = None
        if settings.evidence is not None and not settings.collect_only:
            name = f"trials-{settings.session}-{settings.worker}-{os.getpid()}"
            self._writer = EvidenceWriter(settings.evidence, name, redactor)
        # The controller of xdist workers runs no trial; each worker writes what it ran.
        self._collects = settings.role is not Role.CONTROLLER

    @property
    def keeps(self) -> bool:
        return self._writer is not None

    def write(self, record: r.AnyRecord) -> None:
        if self._writer is not None:
            self._writer.write(record)

    def started(self) -> None:
        self.write(r.SessionStarted(session=self._session, worker=self._worker))

    def collected(self, trials: Iterable[tuple[str, Priority]]) -> None:
        trials = tuple(trials)
        self._publish(*(node for node, _ in trials))
        if self._collects:
            self.write(r.Collected(session=self._session, trials=trials))

    def _publish(self, *nodes: str) -> None:
        """Trials are told apart by their names; what they are given may be secret all the same."""
        self._redactor.publish(node.partition("[")[0] for node in nodes)

    def left_out(self, node: str, priority: Priority, reason: str) -> None:
        """A trial, or a file, of a wanted priority that will not run: skipped, and so no pass."""
        if self._worker in ("main", "gw0"):  # all xdist workers leave out the same ones
            self.write(
                r.TrialFinished(
                    session=self._session,
                    node=node,
                    name=node.rpartition("::")[2].rpartition("/")[2],
                    file=node.partition("::")[0],
                    priority=priority,
                    outcome=Outcome.SKIPPED,
                    duration_s=0.0,
                    reason=reason,
                )
            )

    def collection_failed(self, node: str, priority: Priority, error: str) -> None:
        failed = r.CollectionFailed(
            session=self._session, node=node, priority=priority, error=error
        )
        self.write(failed)

    def finished(self, item: pytest.Item, trial: Trial, result: Result, *, counted: bool) -> None:
        """`counted`: pytest's assertion hook is on."""
        checked = trial.passed_assertions + trial.failed_assertions
        self.write(
            r.TrialFinished(
                session=self._session,
                node=trial.node,
                name=item.name,
                file=trial.node.partition("::")[0],
                priority=trial.marks.priority,
                outcome=result.outcome,
                duration_s=trial.seconds,
                attempt=trial.attempt,
                reason=result.reason,
                error=result.error,
                finding=result.finding,
                assertions_checked=checked if counted else None,
                assertions_passed=trial.passed_assertions if counted else None,
                needs=tuple(sorted(trial.needs)),
                criteria=trial.marks.criteria,
                properties=tuple((str(k), str(v)) for k, v in item.user_properties),
            )
        )

    def crashed(self, node: str, priority: Priority, error: str) -> None:
        """A trial took its xdist worker with it; the controller writes what became of it."""
        self._publish(node)
        self.write(
            r.TrialFinished(
                session=self._session,
                node=node,
                name=node.rpartition("::")[2],
                file=node.partition("::")[0],
                priority=priority,
                outcome=Outcome.ERRORED,
                duration_s=0.0,
                error=error,
            )
        )

    def measured(self, one: Measured) -> None:
        self.write(
            r.BudgetMeasured(
                node=one.budget.node,
                name=one.budget.name,
                priority=one.budget.priority,
                limit_s=one.budget.limit,
                measured_s=one.seconds,
            )
        )

    def request(self, node: str, exchange: Exchange) -> None:
        self.write(
            r.RequestMade(
                node=node,
                component=exchange.component,
                request=exchange.request_line,
                status=exchange.status,
                duration_ms=exchange.duration_ms,
                sent=exchange.sent.decode(errors="backslashreplace"),
                received=exchange.received.decode(errors="backslashreplace"),
            )
        )

    def ended(self, pytest_exit: int, seconds: float) -> None:
        self.write(
            r.SessionFinished(
                session=self._session,
                worker=self._worker,
                pytest_exit=pytest_exit,
                duration_s=seconds,
            )
        )
        if self._writer is not None:
            self._writer.close()
            self._writer = None
