"""The life of one `seatrial drill`: a private deployment, and drills on it; wires the rooms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path

from seatrial.checks.report import CheckReport
from seatrial.declaration.models import System
from seatrial.drills import standard
from seatrial.drills.own import Own
from seatrial.drills.run import WELL_SECONDS, Drilling, NotGreen
from seatrial.drills.score import Scored
from seatrial.drills.stage import DeploymentStage
from seatrial.environment import deployment as environment
from seatrial.environment.capability import protected
from seatrial.environment.deployment import Deployment
from seatrial.errors import CapabilityMissing, DeploymentError, UsageError
from seatrial.evidence.reader import read_run
from seatrial.evidence.records import DrillFinished, TrialFinished
from seatrial.evidence.redaction import Redactor, redactor_of
from seatrial.evidence.writer import EvidenceWriter
from seatrial.kinds.drill import Drill
from seatrial.outcome import Priority
from seatrial.recording import Recording, new_run
from seatrial.recording import Tell as TellOfRun
from seatrial.report.write import require_writable
from seatrial.run import Result, concluded
from seatrial.sessions import Session, left_running, require_pytest, run_session

_SESSION = Session("drill", tuple(Priority), gates=False)


class Tell(TellOfRun):
    """What is said while it goes on."""

    def scored(self, drill: DrillFinished, redactor: Redactor) -> None: ...


@dataclass(frozen=True)
class Exercised:
    drills: tuple[DrillFinished, ...]
    result: Result


def all_drills(system: System, own: Own) -> tuple[Drill, ...]:
    """Those of the graph and of the kinds, then the system's own. Raises UsageError."""
    return (*own.noticed_by(standard.drills(system)), *own.drills)


def chosen(drills: Sequence[Drill], names: Sequence[str]) -> tuple[Drill, ...]:
    """Those of these names, or patterns such as `api.*`; all without any. Raises UsageError."""
    known = [drill.name for drill in drills]
    for name in names:
        if not any(fnmatchcase(one, name) for one in known):
            near = get_close_matches(name, known, n=1)
            raise UsageError(
                f"there is no drill {name!r}",
                hint=f"did you mean {near[0]}?" if near else "seatrial drill --list",
            )
    return tuple(d for d in drills if not names or any(fnmatchcase(d.name, n) for n in names))


def exercise(
    system: System, drills: Sequence[Drill], tell: Tell, report_dir: Path | None = None
) -> Exercised:
    """Carry them out on a deployment of their own, which ends with it; evidence and reports of it
    are those of a run.

    Raises CapabilityMissing or Refused where Seatrial does not start the system, DeploymentError
    where it is not well to begin with, and what keeps it from coming up.
    """
    if system.config.protected:
        raise protected(system, "drill")
    if system.config.provider != "local":
        raise CapabilityMissing(
            f"the environment {system.environment} cannot run a component otherwise than declared",
            hint="use one with provider local",
        )
    if any(drill.trials for drill in drills):
        require_pytest(system)
    if report_dir is not None:
        require_writable(report_dir)
    folder, redactor = new_run(system.folder), redactor_of(system)
    with EvidenceWriter(folder, "run", redactor) as evidence:
        recording = Recording(system, folder, redactor, evidence, tell)
        with recording.of_all(drills=[drill.name for drill in drills]):
            _carry_out(drills, recording, tell)
    result = concluded(folder, report_dir)
    if recording.error is not None:
        raise recording.error
    return Exercised(read_run(folder).all(DrillFinished), result)


def _carry_out(drills: Sequence[Drill], recording: Recording, tell: Tell) -> None:
    with environment.start(recording.system, name=None) as deployment:
        try:
            with recording.of_deployment(deployment):
                trials = _Trials(deployment, recording.folder)
                drilling = Drilling(DeploymentStage(deployment), trials)
                before = _well(drilling, recording)
                for scored in drilling.carry_out(drills, before):
                    record = _record(scored)
                    recording.evidence.write(record)
                    tell.scored(record, recording.redactor)
        finally:
            deployment.down()


def _well(drilling: Drilling, recording: Recording) -> CheckReport:
    """What a check says before anything is broken, which is recorded. Raises DeploymentError."""
    try:
        return recording.checked(drilling.green(WELL_SECONDS))
    except NotGreen as error:
        recording.checked(error.report)
        raise DeploymentError(
            f"{recording.system.name} is not well before anything is broken: {error}",
            hint="seatrial up, then seatrial check: it says what to do",
        ) from error


def _record(scored: Scored) -> DrillFinished:
    noticed = scored.noticed
    return DrillFinished(
        name=scored.name,
        title=scored.title,
        detected=noticed.detected,
        named=noticed.named,
        cause=noticed.cause,
        said=noticed.said,
        by=noticed.by,
        seconds=scored.seconds,
        skipped=scored.skipped,
        left_behind=scored.not_mended,
    )


class _Trials:
    """Runs trials of a name in sessions of their own, each with a folder for its evidence."""

    def __init__(self, deployment: Deployment, folder: Path) -> None:
        self._deployment = deployment
        self._folder = folder
        self._count = 0

    def __call__(self, names: Sequence[str]) -> Sequence[TrialFinished]:
        self._count += 1
        folder = self._folder / f"trials-{self._count}"
        folder.mkdir(mode=0o700)
        selected = ("-k", " or ".join(names), "-x", "-p", "no:cacheprovider")
        try:
            run_session(
                _SESSION, tuple(Priority), self._deployment, folder, {}, selected, lambda line: None
            )
        finally:
            left_running()
        return read_run(folder).all(TrialFinished)
