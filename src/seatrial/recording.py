"""What a run, or a drill, writes down of the deployment that it lives with.

Everything goes into one folder, as it happens, and before anything is cleaned up: how the
environment came up or why it did not, what checks found, states and logs, and how it all ended.
"""

from __future__ import annotations

import asyncio
import json
import platform
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from seatrial import __version__
from seatrial.checks.records import records_of
from seatrial.checks.run import CheckReport, diagnose
from seatrial.declaration.graph import Graph
from seatrial.declaration.models import System
from seatrial.environment.capability import Capability
from seatrial.environment.commands import ON_COMPONENT
from seatrial.environment.deployment import Deployment
from seatrial.environment.errors import EnvironmentFailedError
from seatrial.errors import SeatrialError, UsageError
from seatrial.evidence import records as r
from seatrial.evidence.redaction import Redactor
from seatrial.evidence.writer import EvidenceWriter
from seatrial.interrupts import name_of
from seatrial.keeper.client import TakenDown
from seatrial.keeper.log import Log
from seatrial.keeper.protocol import LONGEST_LOG, Event
from seatrial.outcome import ExitCode, Priority
from seatrial.secrecy import LEFT_OUT
from seatrial.writable import writable

KEEPER_LOG = "keeper.log"  # in the run's folder; there only if the keeper had something to say
_LOG_LINES = 5_000  # of each component that are kept


class Tell:
    """What is said while it goes on; the command line prints it."""

    def step(self, text: str) -> None: ...

    def event(self, event: Event) -> None: ...

    def checked(self, report: CheckReport, redactor: Redactor) -> None: ...

    def line(self, text: str) -> None:
        """One line of a log or of pytest's output, redacted."""


def runs_folder(system_folder: Path) -> Path:
    """Where a system's runs are kept; git does not see it."""
    folder = system_folder / ".seatrial" / "runs"
    folder.mkdir(parents=True, exist_ok=True)
    ignore = folder.parent / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")
    return folder


def new_run(system_folder: Path) -> Path:
    """The folder of a new run, whose name is the run's id. Raises UsageError."""
    run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    kept = system_folder / ".seatrial"
    for path in (kept, kept / "runs"):
        if path.is_symlink():  # a clone may bring it, and it may lead to anything
            raise UsageError(
                f"{path} is a link, which a run does not follow",
                hint="remove the link: runs are kept in a folder of that name",
            )
    with writable(kept, f"runs are kept in {kept}: see to its rights, and that it is a folder"):
        folder = runs_folder(system_folder) / run_id
        folder.mkdir(mode=0o700)
    return folder


@dataclass
class Recording:
    """`stays`: the deployment was there before, and will be there when this is read; `error` is
    what ended it early."""

    system: System
    folder: Path
    redactor: Redactor
    evidence: EvidenceWriter
    tell: Tell
    stays: bool = False
    error: BaseException | None = None
    keeper_log: Path | None = None

    @contextmanager
    def of_all(
        self,
        sessions: Sequence[Sequence[Priority]] = (),
        drills: Sequence[str] | None = None,
    ) -> Iterator[None]:
        """Between the first record and the last: whatever ends it becomes a record, and `error`;
        only UsageError is raised."""
        begin = monotonic()
        self.evidence.write(self._header(sessions, drills))
        try:
            yield
        except UsageError:
            raise  # not the system's fault, and nothing that a verdict could be concluded from
        except (KeyboardInterrupt, Exception) as error:
            if self.error is None or not isinstance(error, TakenDown):
                self.evidence.write(self._ended_by(error))
            self.error = error
        self.evidence.write(r.RunFinished(duration_s=monotonic() - begin))

    def _header(
        self, sessions: Sequence[Sequence[Priority]], drills: Sequence[str] | None
    ) -> r.RunStarted:
        system = self.system
        components = system.components.values()
        resolved = {c.name: c.config.model_dump(mode="json") for c in components}
        return r.RunStarted(
            run_id=self.folder.name,
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
            sessions=tuple(tuple(wanted) for wanted in sessions),
            drills=None if drills is None else tuple(drills),
        )

    def _ended_by(self, error: BaseException) -> r.AnyRecord:
        if isinstance(error, KeyboardInterrupt):
            return r.Interrupted(signal=name_of(error))
        if isinstance(error, TakenDown):
            return r.Interrupted(signal=error.message)
        if isinstance(error, EnvironmentFailedError):
            failure = error.failure
            return r.EnvironmentFailed(
                component=failure.component,
                cause=failure.cause,
                error=f"expected: {failure.expected}; found: {failure.found}",
                fix=self._advice(failure.fix),
                log_tail=failure.log,
            )
        if isinstance(error, SeatrialError) and error.exit_code == ExitCode.DOWN:
            return r.EnvironmentFailed(
                component=None, cause=None, error=error.message, fix=error.hint or ""
            )
        return crash("run", error)

    # -- a deployment ------------------------------------------------------------------------

    @contextmanager
    def of_deployment(self, deployment: Deployment, since: int = 0) -> Iterator[None]:
        """From the moment it is there until just before it may be ended: it comes up, or is looked
        at while it is still there; and states and logs are kept. Events up to the one numbered
        `since` are not its own."""
        begin = monotonic()
        self.keeper_log = deployment.place.keeper_log
        self.redactor.add(deployment.secrets())
        try:
            self._bring_up(deployment, lambda e: self.tell.event(e) if e.seq > since else None)
            self._came_up(deployment, monotonic() - begin)
            yield
        finally:
            self._collect(deployment, since)

    def _bring_up(self, deployment: Deployment, tell: Callable[[Event], None]) -> None:
        try:
            deployment.wait_until_ready(tell)
            self.redactor.add(deployment.secrets())  # now that it is seen what runs
            self._tell_apart(deployment)
        except EnvironmentFailedError as error:
            self.redactor.add(deployment.secrets())
            self._tell_apart(deployment)
            self.tell.step("looking at what is wrong, before anything ends")
            look = diagnose(self.system, deployment.context(), error.failure)
            self.checked(asyncio.run(look))
            for text in self.redactor.redact_lines(error.failure.log):
                self.tell.line(f"{error.failure.component} | {text}")
            raise

    def _tell_apart(self, deployment: Deployment) -> None:
        for line in deployment.apart:
            self.tell.line(f"own project: {line}")

    def _came_up(self, deployment: Deployment, seconds: float) -> None:
        digests = deployment.digests()
        components = tuple(
            r.DeployedComponent(
                name=name,
                kind=status.kind,
                state=status.state,
                endpoints={n: tuple(e.masked for e in es) for n, es in status.endpoints.items()},
                started_in_ms=status.started_in_ms,
                images=tuple(
                    r.DeployedImage(
                        reference=one.reference, id=one.id, digests=digests.get(one.id, ())
                    )
                    for one in status.provider.images
                ),
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

    def checked(self, report: CheckReport) -> CheckReport:
        """Record it, and say it."""
        if not self.stays:
            report = report.with_fixes(self._advice)
        for record in records_of(report):
            self.evidence.write(record)
        self.tell.checked(report, self.redactor)
        return report

    def _advice(self, fix: str) -> str:
        """What can be done about a deployment that is gone when this is read."""
        if self.stays:
            return fix
        logs = self.folder / "logs"
        fix = fix.replace(str(self.keeper_log), str(self.folder / KEEPER_LOG))

        def instead(command: re.Match[str]) -> str:
            if command[1] == "logs":
                return f"{logs}/{command[2]}.log"
            return f"correct {command[2]} and run again"

        return ON_COMPONENT.sub(instead, fix)

    def _collect(self, deployment: Deployment, since: int) -> None:
        """Time line and logs, before anything is cleaned up; a deployment that is gone has none.

        What goes wrong here must not take the place of what ended the run.
        """
        try:
            self._keep_keeper_log()
            for event in deployment.timeline(since):
                self.evidence.write(_state(event))
            if Capability.LOGS in deployment.capabilities:
                for component in deployment.system.components:
                    self._keep_log(component, deployment.logs(component, _LOG_LINES))
        except TakenDown as error:
            self.evidence.write(self._ended_by(error))
            self.error = error
        except (SeatrialError, OSError) as error:
            self.evidence.write(crash("collecting states and logs", error))

    def _keep_log(self, component: str, lines: tuple[str, ...]) -> None:
        file = self.folder / "logs" / f"{component}.log"
        file.parent.mkdir(mode=0o700, exist_ok=True)
        octets = self._write(file, "\n".join(lines))
        self.evidence.write(
            r.LogKept(
                component=component,
                file=str(file.relative_to(self.folder)),
                bytes=octets,
                truncated=LEFT_OUT in lines or len(lines) >= _LOG_LINES,
            )
        )

    def _keep_keeper_log(self) -> None:
        if self.stays or self.keeper_log is None:
            return
        if said := Log(self.keeper_log).tail(_LOG_LINES, LONGEST_LOG):
            self._write(self.folder / KEEPER_LOG, "\n".join(said))

    def _write(self, file: Path, text: str) -> int:
        """Redacted; returns how many bytes it has."""
        file.touch(mode=0o600)
        return file.write_bytes(self.redactor.redact(text).encode(errors="backslashreplace"))


def crash(where: str, error: BaseException) -> r.Crashed:
    return r.Crashed(where=where, error=f"{type(error).__name__}: {error}")


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
