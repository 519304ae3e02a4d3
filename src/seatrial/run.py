"""One run's life: attach or bring up, check, p1 trials, p2 and p3, evidence, verdict, reports."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from seatrial.checks.run import CheckReport, run_checks
from seatrial.declaration.models import System
from seatrial.environment import deployment as environment
from seatrial.environment.deployment import Deployment
from seatrial.errors import EvidenceError, UsageError
from seatrial.evidence import records as r
from seatrial.evidence.reader import read_run
from seatrial.evidence.redaction import redactor_of
from seatrial.evidence.writer import EvidenceWriter
from seatrial.gate.decide import Decision, decide
from seatrial.outcome import ExitCode, Outcome, Priority
from seatrial.recording import Recording, Tell, new_run
from seatrial.report.write import require_writable, write_reports
from seatrial.sessions import SESSIONS, Session, left_running, require_pytest, run_session

_LAST_WORDS = 12  # lines of pytest that a crash quotes
_PYTEST_USAGE = 4  # pytest's exit code for wrong options, markers...


@dataclass(frozen=True)
class Order:
    """What is wanted of a run."""

    system: System
    name: str = ""  # of the deployment to attach to
    report_dir: Path | None = None
    priorities: tuple[Priority, ...] = tuple(Priority)
    pytest_args: tuple[str, ...] = ()


@dataclass(frozen=True)
class Result:
    folder: Path  # of the run: evidence, logs, reports
    reports: Path
    decision: Decision
    unreported: EvidenceError | None = None  # why the reports could not be written

    @property
    def exit_code(self) -> ExitCode:
        """The verdict's, unless nobody can read why: then it is that of a run that failed."""
        if self.unreported is None or self.decision.exit_code is ExitCode.INTERRUPTED:
            return self.decision.exit_code
        return ExitCode.CRASHED


def run(order: Order, tell: Tell) -> Result:
    """Carry out the run. Declaration and usage errors are raised; everything else is evidence."""
    system = order.system
    require_pytest(system)
    if order.report_dir is not None:
        require_writable(order.report_dir)
    found = environment.attach(system, order.name)  # refused, if it was declared differently
    folder = new_run(system.folder)
    redactor = redactor_of(system)
    with EvidenceWriter(folder, "run", redactor) as evidence:
        recording = Recording(system, folder, redactor, evidence, tell, stays=found is not None)
        _Run(order, found, recording).live()
    return concluded(folder, order.report_dir)


def concluded(folder: Path, report_dir: Path | None) -> Result:
    """The verdict on what a folder's evidence says, and its reports."""
    recorded = read_run(folder)
    decision = decide(recorded)
    reports = report_dir or folder / "reports"
    try:
        write_reports(recorded, decision, reports)
    except EvidenceError as error:
        return Result(folder, reports, decision, error)
    return Result(folder, reports, decision)


@dataclass
class _Run:
    order: Order
    found: Deployment | None  # the one that was running already
    recording: Recording

    def _sessions(self) -> list[Session]:
        return [session for session in SESSIONS if self._wanted(session)]

    def _wanted(self, session: Session) -> tuple[Priority, ...]:
        return tuple(p for p in session.priorities if p in self.order.priorities)

    def live(self) -> None:
        with self.recording.of_all([self._wanted(s) for s in self._sessions()]):
            self._with_deployment()

    def _with_deployment(self) -> None:
        system = self.order.system
        deployment = self.found or environment.start(system, name=None)
        with deployment:
            others = deployment.attached or system.config.provider == "remote"
            how = "attached to" if self.found else "looking at" if others else "bringing up"
            self.recording.tell.step(f"{how} {system.name} in {system.environment}")
            try:
                # What an `up` lived through before this run is none of the run's.
                since = deployment.status().last_event if self.found else 0
                with self.recording.of_deployment(deployment, since):
                    self._checks_and_trials(deployment)
            finally:
                if self.found is None:
                    deployment.down()

    def _checks_and_trials(self, deployment: Deployment) -> None:
        self.recording.tell.step("checking every component and expectation")
        context = deployment.context()
        name = deployment.name
        found = asyncio.run(run_checks(self.order.system, context.targets, context, name=name))
        report = self.recording.checked(found)
        skip = ""
        for session in self._sessions():
            wanted = self._wanted(session)
            if skip:
                self.recording.evidence.write(r.SessionSkipped(priorities=wanted, reason=skip))
                continue
            self._session(session, wanted, deployment, report)
            if session.gates and not self._passed(wanted):
                skip = "the p1 trials did not pass"

    def _session(
        self,
        session: Session,
        wanted: tuple[Priority, ...],
        deployment: Deployment,
        report: CheckReport,
    ) -> None:
        self.recording.tell.step(f"trials: {', '.join(wanted)}")
        tail = deque[str](maxlen=_LAST_WORDS)
        output = self.recording.folder / f"pytest-{session.name}.log"
        with open(output, "x", encoding="utf-8", opener=_private) as log:

            def line(text: str) -> None:
                redacted = self.recording.redactor.redact(text)
                log.write(redacted + "\n")
                self.recording.tell.line(redacted)
                tail.append(redacted)

            try:
                code = run_session(
                    session,
                    wanted,
                    deployment,
                    self.recording.folder,
                    _cited(report),
                    self.order.pytest_args,
                    line,
                )
            finally:
                self._end_what_is_left(session)
        said = "\n".join(line for line in tail if line.strip())
        if code == _PYTEST_USAGE:
            raise UsageError(
                f"pytest refused to run the {session.name} trials: {said}",
                hint="correct what it names, in the trials or behind `--`",
            )
        # pytest: passed, failed, stopped at collection, nothing collected: its plugin says more.
        if code not in (0, 1, 2, 5):
            self.recording.evidence.write(_crashed(session, code, said))

    def _end_what_is_left(self, session: Session) -> None:
        for pid, command in left_running():
            left = r.ProcessLeft(session=session.name, pid=pid.number, command=command)
            self.recording.evidence.write(left)

    def _passed(self, wanted: tuple[Priority, ...]) -> bool:
        """Whether nothing that was wanted failed; pytest's exit code also speaks of other files."""
        recorded = read_run(self.recording.folder)
        bad = (Outcome.FAILED, Outcome.ERRORED, Outcome.BLOCKED)
        failed = any(t.priority in wanted and t.outcome in bad for t in recorded.trials)
        uncollected = any(f.priority in wanted for f in recorded.all(r.CollectionFailed))
        return not (failed or uncollected or recorded.all(r.Crashed))


def _cited(report: CheckReport) -> dict[str, str]:
    """By component that is down or follows from one: the finding that its trials cite."""
    cited: dict[str, str] = {}
    for finding in report.findings:
        for name in (finding.component, *finding.blocks):
            cited.setdefault(name, finding.id)
    return cited


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _crashed(session: Session, code: int, said: str) -> r.Crashed:
    error = f"it ended with exit code {code}: {said}"
    return r.Crashed(where=f"pytest session {session.name}", error=error)
