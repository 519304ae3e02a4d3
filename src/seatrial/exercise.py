"""The life of one `seatrial drill`: a private deployment, and drills on it; wires the rooms."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path

from seatrial.declaration.models import System
from seatrial.drills import standard
from seatrial.drills.own import Own
from seatrial.drills.run import Drilling
from seatrial.drills.score import Scored
from seatrial.drills.stage import DeploymentStage
from seatrial.environment import deployment as environment
from seatrial.environment.deployment import Capability, Deployment, missing
from seatrial.errors import UsageError
from seatrial.evidence.reader import read_run
from seatrial.evidence.records import DrillFinished, TrialFinished
from seatrial.evidence.redaction import Redactor, redactor_of
from seatrial.evidence.writer import EvidenceWriter
from seatrial.keeper.protocol import Event
from seatrial.kinds.drill import Drill
from seatrial.outcome import Priority
from seatrial.run import interruptible, runs_folder
from seatrial.sessions import Session, require_pytest, run_session

_SESSION = Session("drill", tuple(Priority), gates=False)


@dataclass(frozen=True)
class Tell:
    """What is said while it goes on."""

    event: Callable[[Event], None]
    scored: Callable[[Scored, Redactor], None]


@dataclass(frozen=True)
class Result:
    drills: tuple[Scored, ...]
    folder: Path  # with the evidence


def all_drills(system: System, own: Own) -> tuple[Drill, ...]:
    """Those of the graph and of the kinds, then the system's own."""
    return (*standard.drills(system), *own.drills)


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


def exercise(system: System, drills: Sequence[Drill], tell: Tell) -> Result:
    """Carry them out on a deployment of their own, which ends with it.

    Raises CapabilityMissing or Refused where Seatrial does not start the system, NotGreen where it
    is not well to begin with, and what keeps it from coming up.
    """
    if system.config.protected or system.config.provider != "local":
        raise missing(system, Capability.RESTART)
    if any(drill.trials for drill in drills):
        require_pytest(system)
    redactor, folder = redactor_of(system), _folder(system)
    done: list[Scored] = []
    with (
        interruptible(),
        EvidenceWriter(folder, "drills", redactor) as evidence,
        environment.start(system, name=None) as deployment,
    ):
        try:
            redactor.add(deployment.secrets())
            deployment.wait_until_ready(tell.event)
            trials = _Trials(deployment, folder)
            for scored in Drilling(DeploymentStage(deployment), trials).carry_out(drills):
                done.append(scored)
                evidence.write(_record(scored))
                tell.scored(scored, redactor)
        finally:
            deployment.down()
    return Result(tuple(done), folder)


def _folder(system: System) -> Path:
    """`.seatrial/drills/ID` in the system's folder; git does not see it."""
    moment = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    folder = runs_folder(system.folder).parent / "drills" / moment
    folder.mkdir(mode=0o700, parents=True)
    return folder


def _record(scored: Scored) -> DrillFinished:
    noticed = scored.noticed
    return DrillFinished(
        name=scored.name,
        title=scored.title,
        detected=noticed.detected,
        named=noticed.named,
        cause=noticed.cause,
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
        run_session(
            _SESSION, tuple(Priority), self._deployment, folder, {}, selected, lambda line: None
        )
        return read_run(folder).all(TrialFinished)
