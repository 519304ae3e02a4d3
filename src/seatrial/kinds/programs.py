"""What the kinds that run a program of the user's (http, process, task) have in common."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

from seatrial.declaration.models import ProgramConfig
from seatrial.errors import DeploymentError
from seatrial.kinds.base import ProbeResult, Target
from seatrial.kinds.launching import Process, Site
from seatrial.outcome import Cause, Connection, Health, State

#: What a program gets from the environment that Seatrial runs in; all else comes from its `env`.
#: Where programs and temporary files are, whose home it is, how to write text and times, which
#: authorities to trust, and whether Python may leave compiled files in the source tree.
PASSED_ON = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "TMPDIR",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "PYTHONDONTWRITEBYTECODE",
)

_DOWN = (State.EXITED, State.FAILED, State.STOPPED, State.PAUSED)


def process_of(site: Site) -> Process:
    """The process that `run` of a program asks for. Raises DeploymentError.

    A leading `python` or `python3` is the system's interpreter, whose folder also comes first on
    PATH, so that the console scripts installed beside it are found. Relative paths start at the
    system's folder, which is also the working folder.
    """
    config = site.config
    if not site.argv or not isinstance(config, ProgramConfig):
        raise DeploymentError(
            f"{site.component}: there is no command to start it with",
            hint=f"give components.{site.component} a `run`, or use an environment where it runs",
        )
    env = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    env["PYTHONUNBUFFERED"] = "1"  # its last words must reach the log before it dies
    python = _python(site)
    if python is not None:
        env["PATH"] = os.pathsep.join((str(Path(python).parent), env.get("PATH", os.defpath)))
    env |= site.env
    return Process(
        argv=(_program(site, python, env.get("PATH", os.defpath)), *site.argv[1:]),
        env=env,
        cwd=site.system_folder,
        grace=config.grace,
    )


def _python(site: Site) -> str | None:
    """The interpreter as an absolute path, its links not followed; None if it is not there."""
    if os.sep not in site.python:
        return shutil.which(site.python)
    path = os.path.abspath(site.system_folder / site.python)
    return path if os.access(path, os.X_OK) else None


def _program(site: Site, python: str | None, path: str) -> str:
    name = site.argv[0]
    if name in ("python", "python3"):
        if python is None:
            there = os.sep in site.python and (site.system_folder / site.python).exists()
            raise DeploymentError(
                f"{site.component}: the interpreter {site.python} is not "
                f"{'executable' if there else 'there'}",
                hint="make the system's virtual environment, or set `python:` in seatrial.yaml",
            )
        return python
    where = str(site.system_folder / name) if os.sep in name else name
    found = shutil.which(where, path=path)
    if found is None:
        raise _no_program(site, name, where, path)
    return os.path.abspath(found)


def _no_program(site: Site, name: str, where: str, path: str) -> DeploymentError:
    """Why: what is there under its name may be no program."""
    correct = f"correct run of components.{site.component}"
    for folder in ("",) if os.sep in name else path.split(os.pathsep):
        there = os.path.join(folder, where)
        if os.path.isdir(there):
            found, hint = f"{there} is a folder", correct
        elif os.path.exists(there):
            found, hint = f"{there} is not executable", f"chmod +x {there}, or {correct}"
        else:
            continue
        return DeploymentError(
            f"{site.component}: the program {name} of its `run` cannot be started: {found}",
            hint=hint,
        )
    return DeploymentError(
        f"{site.component}: the program {name} of its `run` was not found",
        hint=f"install {name} for the system, or {correct}",
    )


def watched(target: Target) -> bool:
    """Whether a keeper knows the states of this component."""
    return bool(target.states)


def down_by_states(target: Target) -> ProbeResult | None:
    """The result for a component whose keeper says that a replica of it does not run, else None.

    A replica that never became ready (failed) may well run and say why, so servers are asked; see
    the kinds. States are what the keeper did or saw, and so better evidence than a time-out.
    """
    cut_off = (State.UNREACHABLE,) if target.provider.found else ()  # whoever runs it says how
    causes = target.causes or (None,) * len(target.states)
    bad = [
        (number, state)
        for number, (state, cause) in enumerate(zip(target.states, causes, strict=True))
        if state in _DOWN + cut_off or cause is Cause.PORT_IN_USE
    ]
    if not bad:
        return None
    number, state = bad[0]
    if causes[number] is Cause.PORT_IN_USE:
        return _port_in_use(target)
    who = target.name if len(target.states) == 1 else f"replica {number} of {target.name}"
    are = "is" if len(bad) == 1 else "are"
    several = len(bad) > 1 or (target.provider.found and len(target.states) > 1)
    more = f"; {len(bad)} of {len(target.states)} {are} down" if several else ""
    words = {
        State.UNREACHABLE: "was cut off",
        State.EXITED: "ended on its own",
        State.FAILED: "never became ready",
        State.STOPPED: "was stopped on request",
        State.PAUSED: "is paused: its process stands still",
    }
    why = Cause.UNHEALTHY if causes[number] is Cause.UNHEALTHY else Cause.EXITED
    on_request = state in (State.STOPPED, State.PAUSED, State.UNREACHABLE)
    said = target.provider
    first = "" if on_request or not said.in_containers else MEND
    if said.remedy:
        first = f"{said.remedy}, then: "
    last = "" if on_request else f"; its last words: {target.logs}"
    if said.ended and not target.endpoints:
        last = "; what is to end is of kind: task"
    return ProbeResult(
        Health.UNHEALTHY,
        Connection.DISCONNECTED,
        0.0,
        Cause.STOPPED if on_request else why,
        expected=f"{target.name} runs",
        found=(said.found or f"{who} {words[state]}") + more,
        fix=f"{first}{target.start}{last}",
        own=said.killed,
    )


def _port_in_use(target: Target) -> ProbeResult:
    """What answers at its address, if anything does, is not it: there is no use in asking."""
    ports = ", ".join(str(e.port) for es in target.endpoints.values() for e in es)
    said = target.provider.found  # who tells it knows which port of whose
    free = "end that program (ss -ltnp shows it)"
    if target.provider.in_containers:
        free = "publish another port, or end who has this one (ss -ltnp shows it; docker ps, where "
        free += "that is docker-proxy)"
    return ProbeResult(
        Health.UNHEALTHY,
        Connection.DISCONNECTED,
        0.0,
        Cause.PORT_IN_USE,
        expected=f"{target.name} " + ("can be started" if said else f"listens on port {ports}"),
        found=said or "another program holds the port that it wants, so it could not start",
        fix=f"{free}, then: {target.start}; its last words: {target.logs}",
    )


MEND = "mend what its log tells, then: "  # of a container, which would end again
#: Before what a connection alone lets one suppose.
_GUESSES = re.compile(r": | \(")


def as_it_says_itself(
    result: ProbeResult, target: Target, *, ours: bool, fix: str = ""
) -> ProbeResult:
    """Its own health check may ask otherwise than we can: with a login or a certificate, under
    another name. Where that finds it well, what may be `ours` is a warning."""
    if not ours or result.health is not Health.UNHEALTHY or not target.provider.own_check.well:
        return result
    found = f"{result.found}; {target.provider.own_check.well}"
    return replace(result, health=Health.HEALTHY, found=found, fix=fix or result.fix)


def as_it_listens(result: ProbeResult, target: Target) -> ProbeResult:
    """With what whoever runs it knows of why nobody is heard there, instead of guesses."""
    said = target.provider
    if result.connection is Connection.CONNECTED:
        return result
    if said.own_check.alone and (said.own_check.well or said.own_check.ailing):
        return _by_its_own_word(result, target)
    if not said.listening.unheard:
        return result
    seen = _GUESSES.split(result.found, maxsplit=1)[0]
    fix = said.listening.fix or f"see why in its log ({target.logs}), then: {result.fix}"
    return replace(result, found=f"{seen}; {said.listening.unheard}", fix=fix)


def _by_its_own_word(result: ProbeResult, target: Target) -> ProbeResult:
    """What nobody else can ask, and nobody has to, is as well as its own health check says."""
    said = target.provider.own_check
    if said.well:
        return ProbeResult(Health.HEALTHY, Connection.CONNECTED, result.response_time_ms)
    expected = f"its health check finds {target.name} well"
    fix = f"{MEND}{target.start}; its last words: {target.logs}"
    return replace(result, cause=Cause.UNHEALTHY, expected=expected, found=said.ailing, fix=fix)


def waiting_by_states(target: Target) -> ProbeResult | None:
    """The result for a component that has not been started yet, else None."""
    if not target.states or any(state is not State.WAITING for state in target.states):
        return None
    return ProbeResult(
        Health.UNKNOWN,
        Connection.DISCONNECTED,
        0.0,
        Cause.NOT_MEASURED,
        expected=f"{target.name} runs",
        found=f"{target.name} waits for what it needs and has not been started",
        fix=f"{target.status}   (shows what it waits for)",
    )
