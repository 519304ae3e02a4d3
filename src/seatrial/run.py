"""One run's life: attach or bring up, check, p1 trials, p2 and p3, evidence, verdict, reports."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import re
import secrets
import signal
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from seatrial import __version__
from seatrial.checks.records import records_of
from seatrial.checks.run import CheckReport, diagnose, run_checks
from seatrial.declaration.graph import Graph
from seatrial.declaration.models import System
from seatrial.environment import deployment as environment
from seatrial.environment.deployment import Capability, Deployment
from seatrial.environment.errors import EnvironmentFailedError
from seatrial.errors import SeatrialError, UsageError
from seatrial.evidence import records as r
from seatrial.evidence.reader import read_run
from seatrial.evidence.records.checks import FindingBody
from seatrial.evidence.redaction import Redactor, redactor_of
from seatrial.evidence.writer import EvidenceWriter
from seatrial.gate.decide import Decision, decide
from seatrial.keeper.protocol import LONGEST_LOG, Event
from seatrial.outcome import Outcome, Priority
from seatrial.report.write import write_reports
from seatrial.sessions import SESSIONS, Session, require_pytest, run_session

_LAST_WORDS = 12  # lines of pytest that a crash quotes
_PYTEST_USAGE = 4  # pytest's exit code for wrong options, markers...
_LOG_LINES = 5_000  # of each component that the run keeps


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


class Tell:
    """What a run says while it goes on; the command line prints it."""

    def step(self, text: str) -> None: ...

    def event(self, event: Event) -> None: ...

    def checked(self, report: CheckReport, redactor: Redactor) -> None: ...

    def line(self, text: str) -> None:
        """One line of pytest's output, redacted."""


def runs_folder(system_folder: Path) -> Path:
    """Where a system's runs are kept; git does not see it."""
    folder = system_folder / ".seatrial" / "runs"
    folder.mkdir(parents=True, exist_ok=True)
    ignore = folder.parent / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")
    return folder


def run(order: Order, tell: Tell) -> Result:
    """Carry out the run. Declaration and usage errors are raised; everything else is evidence."""
    system = order.system
    require_pytest(system)
    found = environment.attach(system, order.name)  # refused, if it was declared differently
    run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    folder = runs_folder(system.folder) / run_id
    folder.mkdir(mode=0o700)
    redactor = redactor_of(system)
    with EvidenceWriter(folder, "run", redactor) as evidence, interruptible():
        running = _Run(order, found, run_id, folder, redactor, evidence, tell)
        begin = monotonic()
        evidence.write(running.header())
        running.live()
        evidence.write(r.RunFinished(duration_s=monotonic() - begin))
    recorded = read_run(folder)
    decision = decide(recorded)
    reports = order.report_dir or folder / "reports"
    write_reports(recorded, decision, reports)
    return Result(folder, reports, decision)


class interruptible:  # noqa: N801  (reads as the phrase that it is)
    """SIGTERM ends a run as Ctrl-C does: with evidence, reverted faults and a verdict."""

    def __enter__(self) -> None:
        self._before = signal.signal(signal.SIGTERM, signal.default_int_handler)

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGTERM, self._before)


@dataclass
class _Run:
    order: Order
    found: Deployment | None  # the one that was running already
    run_id: str
    folder: Path
    redactor: Redactor
    evidence: EvidenceWriter
    tell: Tell

    def header(self) -> r.RunStarted:
        system = self.order.system
        components = system.components.values()
        resolved = {c.name: c.config.model_dump(mode="json") for c in components}
        return r.RunStarted(
            run_id=self.run_id,
            system=system.name,
            environment=system.environment,
            provider=system.config.provider,
            seatrial_version=__version__,
            python_version=platform.python_version(),
            platform=platform.platform(),
            declaration=json.dumps(resolved),
            declaration_digest=system.digest,
            components=tuple(
                r.DeclaredComponent(name=c.name, kind=c.kind, priority=c.config.priority)
                for c in components
            ),
            graph=tuple(
                r.GraphEdge(who=e.who, whom=e.whom, why=e.why)
                for e in Graph(system.components).edges
            ),
            sessions=tuple(self._wanted(s) for s in self._sessions()),
        )

    def _sessions(self) -> list[Session]:
        return [session for session in SESSIONS if self._wanted(session)]

    def _wanted(self, session: Session) -> tuple[Priority, ...]:
        return tuple(p for p in session.priorities if p in self.order.priorities)

    def live(self) -> None:
        """The run between its first and its last record; whatever happens becomes a record."""
        try:
            self._with_deployment()
        except KeyboardInterrupt:
            self.evidence.write(r.Interrupted(signal="SIGINT"))
        except EnvironmentFailedError as error:
            self._environment_failed(error)
        except UsageError:
            raise  # not the system's fault, and nothing that a verdict could be concluded from
        except SeatrialError as error:
            failed = r.EnvironmentFailed(
                component=None, cause=None, error=error.message, fix=error.hint or ""
            )
            self.evidence.write(failed if error.exit_code == 3 else _crash("run", error))
        except Exception as error:
            self.evidence.write(_crash("run", error))

    def _environment_failed(self, error: EnvironmentFailedError) -> None:
        failure = error.failure
        self.evidence.write(
            r.EnvironmentFailed(
                component=failure.component,
                cause=failure.cause,
                error=f"expected: {failure.expected}; found: {failure.found}",
                fix=self._advice(failure.fix),
                log_tail=failure.log,
            )
        )

    def _with_deployment(self) -> None:
        system = self.order.system
        begin = monotonic()
        how = "attached to" if self.found else "bringing up"
        self.tell.step(f"{how} {system.name} in {system.environment}")
        deployment = self.found or environment.start(system, name=None)
        with deployment:
            try:
                self.redactor.add(deployment.secrets())
                # What an `up` lived through before this run is none of the run's.
                since = deployment.status().last_event if self.found else 0
                self._live_with(deployment, since, begin)
            finally:
                if self.found is None:
                    deployment.down()

    def _live_with(self, deployment: Deployment, since: int, begin: float) -> None:
        def tell(event: Event) -> None:
            if event.seq > since:
                self.tell.event(event)

        try:
            self._bring_up(deployment, tell)
            self._came_up(deployment, monotonic() - begin)
            self._checks_and_trials(deployment)
        finally:
            self._collect(deployment, since)

    def _bring_up(self, deployment: Deployment, tell: Callable[[Event], None]) -> None:
        try:
            deployment.wait_until_ready(tell)
        except EnvironmentFailedError as error:
            self.tell.step("looking at what is wrong, before anything ends")
            look = diagnose(self.order.system, deployment.context(), error.failure)
            self._checked(asyncio.run(look))
            for text in error.failure.log:
                self.tell.line(f"{error.failure.component} | {self.redactor.redact(text)}")
            raise

    def _came_up(self, deployment: Deployment, seconds: float) -> None:
        components = tuple(
            r.DeployedComponent(
                name=name,
                kind=status.kind,
                state=status.state,
                endpoints={n: tuple(e.masked for e in es) for n, es in status.endpoints.items()},
                started_in_ms=status.started_in_ms,
            )
            for name, status in deployment.statuses().items()
        )
        self.evidence.write(
            r.EnvironmentUp(
                attached=deployment.attached,
                components=components,
                capabilities=tuple(sorted(deployment.capabilities)),
                duration_s=seconds,
            )
        )

    def _checked(self, report: CheckReport) -> CheckReport:
        """Record it, and say it."""
        if self.found is None:
            report = replace(report, findings=tuple(map(self._of_this_run, report.findings)))
        for record in records_of(report):
            self.evidence.write(record)
        self.tell.checked(report, self.redactor)
        return report

    def _of_this_run(self, finding: FindingBody) -> FindingBody:
        return finding.model_copy(update={"fix": self._advice(finding.fix)})

    def _advice(self, fix: str) -> str:
        """What can be done about a deployment that is gone when this is read."""
        if self.found is not None:
            return fix
        logs = self.folder / "logs"
        fix = re.sub(r"seatrial logs ([\w-]+)", rf"{logs}/\1.log", fix)
        return re.sub(r"seatrial restart ([\w-]+)", r"correct \1 and run again", fix)

    def _checks_and_trials(self, deployment: Deployment) -> None:
        self.tell.step("checking every component and expectation")
        context = deployment.context()
        found = asyncio.run(run_checks(self.order.system, context.targets, context))
        report = self._checked(found)
        skip = ""
        for session in self._sessions():
            wanted = self._wanted(session)
            if skip:
                self.evidence.write(r.SessionSkipped(priorities=wanted, reason=skip))
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
        self.tell.step(f"trials: {', '.join(wanted)}")
        tail = deque[str](maxlen=_LAST_WORDS)
        output = self.folder / f"pytest-{session.name}.log"
        with open(output, "x", encoding="utf-8", opener=_private) as log:

            def line(text: str) -> None:
                redacted = self.redactor.redact(text)
                log.write(redacted + "\n")
                self.tell.line(redacted)
                tail.append(redacted)

            code = run_session(
                session,
                wanted,
                deployment,
                self.folder,
                _cited(report),
                self.order.pytest_args,
                line,
            )
        said = "\n".join(line for line in tail if line.strip())
        if code == _PYTEST_USAGE:
            raise UsageError(
                f"pytest refused to run the {session.name} trials: {said}",
                hint="correct what it names, in the trials or behind `--`",
            )
        # pytest: passed, failed, stopped at collection, nothing collected: its plugin says more.
        if code not in (0, 1, 2, 5):
            self.evidence.write(_crashed(session, code, said))

    def _passed(self, wanted: tuple[Priority, ...]) -> bool:
        """Whether nothing that was wanted failed; pytest's exit code also speaks of other files."""
        recorded = read_run(self.folder)
        bad = (Outcome.FAILED, Outcome.ERRORED, Outcome.BLOCKED)
        failed = any(t.priority in wanted and t.outcome in bad for t in recorded.trials)
        uncollected = any(f.priority in wanted for f in recorded.all(r.CollectionFailed))
        return not (failed or uncollected or recorded.all(r.Crashed))

    def _collect(self, deployment: Deployment, since: int) -> None:
        """Time line and logs, before anything is cleaned up; a deployment that is gone has none.

        What goes wrong here must not take the place of what ended the run.
        """
        try:
            for event in deployment.timeline(since):
                self.evidence.write(_state(event))
            if Capability.LOGS in deployment.capabilities:
                for component in deployment.system.components:
                    self._keep_log(component, deployment.logs(component, _LOG_LINES))
        except (SeatrialError, OSError) as error:
            self.evidence.write(_crash("collecting states and logs", error))

    def _keep_log(self, component: str, lines: tuple[str, ...]) -> None:
        file = self.folder / "logs" / f"{component}.log"
        file.parent.mkdir(mode=0o700, exist_ok=True)
        whole = "\n".join(lines)
        octets = self.redactor.redact(whole).encode(errors="backslashreplace")
        # A character that begins before what was read, and the last line's end, are not counted.
        cut = len(whole.encode(errors="replace")) >= LONGEST_LOG - 4
        file.touch(mode=0o600)
        file.write_bytes(octets)
        self.evidence.write(
            r.LogKept(
                component=component,
                file=str(file.relative_to(self.folder)),
                bytes=len(octets),
                truncated=cut or len(lines) >= _LOG_LINES,
            )
        )


def _state(event: Event) -> r.StateChanged:
    return r.StateChanged(
        at=event.at,
        seq=event.seq,
        component=event.component,
        replica=event.replica,
        state=event.state,
        detail=event.detail,
        by_fault=event.by_fault,
    )


def _cited(report: CheckReport) -> dict[str, str]:
    """By component that is down or follows from one: the finding that its trials cite."""
    cited: dict[str, str] = {}
    for finding in report.findings:
        for name in (finding.component, *finding.blocks):
            cited.setdefault(name, finding.id)
    return cited


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _crash(where: str, error: Exception) -> r.Crashed:
    return r.Crashed(where=where, error=f"{type(error).__name__}: {error}")


def _crashed(session: Session, code: int, said: str) -> r.Crashed:
    error = f"it ended with exit code {code}: {said}"
    return r.Crashed(where=f"pytest session {session.name}", error=error)
