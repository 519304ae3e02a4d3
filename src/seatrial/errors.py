"""Every error that Seatrial raises on purpose.

    SeatrialError                   says what happened, where, and what to do
    ├── UsageError                  exit 2: a wrong call of the command line
    ├── DeclarationError            exit 2: seatrial.yaml; carries one Problem per mistake
    ├── DeploymentError             exit 3: the environment did not come up
    │   ├── ServerMissing           a server that is to be started natively is not installed
    │   ├── KeeperError             the keeper cannot be reached or refused the request
    │   └── CapabilityMissing       the environment cannot do what was asked (stop, pause, logs...)
    ├── Refused                     exit 2: a protected environment, or a differing declaration
    └── EvidenceError               exit 4: a run's folder cannot be written or read

Each carries `exit_code` (see `outcome.ExitCode`) and an optional `hint`: the next thing to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class SeatrialError(Exception):
    """Base of all errors; `str()` is one readable message, `hint` says what to do about it."""

    exit_code = 4

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  to do: {self.hint}" if self.hint else self.message


class UsageError(SeatrialError):
    exit_code = 2


@dataclass(frozen=True)
class Problem:
    """One mistake in a declaration: where it stands, what it is, and what was probably meant."""

    file: str
    line: int  # 1-based
    key: str  # dotted path, such as "components.api.health"
    message: str
    hint: str | None = None

    def __str__(self) -> str:
        text = f"{self.file}:{self.line}: {self.key}: {self.message}"
        return f"{text}\n  to do: {self.hint}" if self.hint else text


class DeclarationError(SeatrialError):
    """seatrial.yaml is wrong; `problems` holds every mistake found, in file order."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class DeploymentError(SeatrialError):
    exit_code = 3


class ServerMissing(DeploymentError):
    """A server program is not installed; `packages` are the Debian packages that carry it."""

    def __init__(self, program: str, packages: Sequence[str], *, hint: str | None = None) -> None:
        self.program = program
        self.packages = tuple(packages)
        super().__init__(
            f"{program} is not installed on this machine",
            hint=hint or f"seatrial provision   (installs {', '.join(packages)})",
        )


class KeeperError(DeploymentError):
    pass


class CapabilityMissing(DeploymentError):
    pass


class Refused(SeatrialError):
    exit_code = 2


class EvidenceError(SeatrialError):
    exit_code = 4
