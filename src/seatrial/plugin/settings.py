"""What one pytest process was told: by the command line, by a run, or by its xdist controller."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

import pytest

from seatrial.environment.handover import Handover

#: Under this key the controller hands its settings to each worker (`workerinput`).
WORKERINPUT = "seatrial"
#: The session's name in evidence where no run gave one.
PLAIN_SESSION = "trials"


class Role(Enum):
    ALONE = "alone"
    CONTROLLER = "controller"  # of xdist workers: starts and stops, runs no trial
    WORKER = "worker"  # joins what the controller started


@dataclass(frozen=True)
class Settings:
    file: Path  # the declaration
    environment: str | None  # None: the declaration's default
    session: str  # "p1", "p2-p3", or "trials" where no run gave one
    run: str  # id of the run, or a random one
    role: Role = Role.ALONE
    worker: str = "main"  # or the xdist worker's name
    evidence: Path | None = None  # the run's folder; None: no evidence is kept
    joined: str | None = None  # id of the deployment that somebody else started for us
    handover: Handover | None = None
    collect_only: bool = False
    #: component -> finding id that trials cite when it is down
    findings: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, config: pytest.Config, files: list[str]) -> Settings:
        told = getattr(config, "workerinput", {}).get(WORKERINPUT)
        if told is not None:
            return cls._of_worker(json.loads(told), config)
        handover = Handover.take(os.environ)
        if handover is None and len(files) > 1:
            raise pytest.UsageError(
                "the arguments belong to several systems: " + ", ".join(files) + "\n"
                "  to do: run pytest once for each of them"
            )
        options = config.option
        controls = options.__dict__.get("tx") and options.__dict__.get("dist", "no") != "no"
        plain = cls(
            file=Path(files[0]) if files else Path(),
            environment=options.seatrial_env,
            session=PLAIN_SESSION,
            run=secrets.token_hex(4),
            role=Role.CONTROLLER if controls and not options.collectonly else Role.ALONE,
            evidence=_folder(options.seatrial_evidence, config),
            collect_only=options.collectonly,
        )
        return plain if handover is None else plain._with(handover)

    def _with(self, handover: Handover) -> Settings:
        return replace(
            self,
            file=handover.file,
            environment=handover.environment,
            session=handover.session,
            run=handover.run,
            evidence=handover.evidence,
            joined=handover.deployment,
            handover=handover,
            findings=dict(handover.findings),
        )

    # -- from the controller to its workers ------------------------------------------------------

    def for_worker(self, deployment: str | None) -> str:
        return json.dumps(
            {
                "file": str(self.file),
                "environment": self.environment,
                "session": self.session,
                "run": self.run,
                "evidence": None if self.evidence is None else str(self.evidence),
                "joined": deployment,
                "handover": None if self.handover is None else self.handover.text(),
            }
        )

    @classmethod
    def _of_worker(cls, told: dict[str, str | None], config: pytest.Config) -> Settings:
        handover = None if told["handover"] is None else Handover.parse(told["handover"])
        return cls(
            file=Path(str(told["file"])),
            environment=told["environment"],
            session=str(told["session"]),
            run=str(told["run"]),
            role=Role.WORKER,
            worker=config.workerinput["workerid"],  # type: ignore[attr-defined]
            evidence=None if told["evidence"] is None else Path(told["evidence"]),
            joined=told["joined"],
            handover=handover,
            findings=dict(handover.findings) if handover else {},
        )


def _folder(option: str | None, config: pytest.Config) -> Path | None:
    return None if option is None else config.invocation_params.dir / option
