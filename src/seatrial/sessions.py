"""The pytest processes of a run: p1 first, then p2 and p3, in the system's own interpreter."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from seatrial.declaration.interpreter import interpreter
from seatrial.declaration.models import System
from seatrial.environment.deployment import Deployment
from seatrial.environment.handover import Handover
from seatrial.errors import UsageError
from seatrial.keeper import processes
from seatrial.keeper.places import mark_of
from seatrial.keeper.processes import OWNER, Pid, die_with_parent
from seatrial.origin import pip_install
from seatrial.outcome import Priority
from seatrial.waiting import NotReached, eventually

_LOOK = 60.0  # s that an interpreter gets to say what it has
_LAST_SECONDS = 3.0  # for what a session started and has told to end
_PATIENCE = 30.0  # s for an interrupted session to revert its faults and remove its data


@dataclass(frozen=True)
class Session:
    name: str
    priorities: tuple[Priority, ...]
    gates: bool  # the next session takes place only if this one passed


SESSIONS = (
    Session("p1", (Priority.P1,), gates=True),
    Session("p2-p3", (Priority.P2, Priority.P3), gates=False),
)


def require_pytest(system: System) -> None:
    """Raise UsageError when there are no trials, or the system's interpreter cannot run them."""
    if not (system.folder / system.trials).is_dir():
        raise UsageError(
            f"{system.name} has no trials: there is no folder {system.folder / system.trials}",
            hint="write a first one, trials/test_p1_health.py, or look without any: seatrial check",
        )
    require_modules(system)


def require_modules(system: System) -> str:
    """The system's interpreter. Raises UsageError when it lacks what trials need."""
    python = interpreter(system)
    look = (
        "import importlib.util as u, sys;"
        "sys.exit(', '.join(m for m in ('pytest', 'seatrial') if u.find_spec(m) is None) or 0)"
    )
    if python == sys.executable:
        return python
    try:
        found = subprocess.run(
            [python, "-c", look], capture_output=True, text=True, timeout=_LOOK, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(
            f"{python}, which runs the trials of {system.name}, cannot be asked: {error}",
            hint="correct `python:`, or make the system's .venv anew",
        ) from error
    if found.returncode != 0:
        what = found.stderr.strip().splitlines()[-1:] or [f"it ends with {found.returncode}"]
        raise UsageError(
            f"{python}, which runs the trials of {system.name}, lacks: {what[0]}",
            hint=_install(system, python),
        )
    return python


def _install(system: System, python: str) -> str:
    own = system.folder / ".venv"
    if system.python is not None or own.is_dir():
        return pip_install(python)
    # One that belongs to the whole machine takes no packages (PEP 668), and should not have to.
    return f"{python} -m venv {own} && {pip_install(f'{own}/bin/python')}   (and its own needs)"


def run_session(
    session: Session,
    priorities: Sequence[Priority],
    deployment: Deployment,
    folder: Path,
    findings: Mapping[str, str],
    pytest_args: Sequence[str],
    line: Callable[[str], None],
) -> int:
    """Run pytest for the session's trials; returns its exit code (negative: ended by a signal).

    `folder` is the run's, `findings` maps a component that is down to its finding's id, `line` is
    called with every line that pytest prints. An interrupt is passed on to pytest, once, so that
    it reverts its faults and cleans up; then KeyboardInterrupt goes on.
    """
    system = deployment.system
    handover = Handover(
        deployment=deployment.id,
        file=system.file,
        environment=system.environment,
        run=folder.name,
        session=session.name,
        priorities=tuple(priorities),
        evidence=folder,
        findings=findings,
        name=deployment.name,
        here=Path.cwd(),
    )
    command = [interpreter(system), "-m", "pytest", "-p", "seatrial", system.trials, *pytest_args]
    with subprocess.Popen(
        command,
        cwd=system.folder,
        env={**os.environ, **handover.variables(), OWNER: _mark()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,  # Ctrl-C reaches us alone, and we pass it on
        preexec_fn=_interruptible,  # no threads here
    ) as pytest:
        assert pytest.stdout is not None
        try:
            for text in pytest.stdout:
                line(text.rstrip("\n"))
            return pytest.wait()
        except KeyboardInterrupt:
            _interrupt(pytest, line)
            raise


def left_running() -> list[tuple[Pid, str]]:
    """What sessions started that is still there although they have ended, and its programs; all of
    it has been killed."""
    mark = _mark()

    def look() -> list[Pid]:
        return [pid for pid, owner in processes.bearing(OWNER) if owner == mark]

    with suppress(NotReached):
        eventually(look, lambda found: not found, timeout=_LAST_SECONDS)
    left = [(pid, processes.program_of(pid)) for pid in look()]
    for pid, _ in left:
        processes.kill(pid)
    return left


def _mark() -> str:
    """What everything bears that belongs to this process."""
    this = processes.identify(os.getpid())
    assert this is not None
    return mark_of(this)


def _interruptible() -> None:
    """What a shell starts in the background ignores SIGINT; pytest must not, since that is how it
    is told to end, by us or by our death."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    die_with_parent(signal.SIGINT)


def _interrupt(pytest: subprocess.Popen[str], line: Callable[[str], None]) -> None:
    pytest.send_signal(signal.SIGINT)
    try:
        out, _ = pytest.communicate(timeout=_PATIENCE)
        for text in (out or "").splitlines():
            line(text)
    except subprocess.TimeoutExpired:
        pytest.kill()
