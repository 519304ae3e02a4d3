"""Why a compose project of Seatrial's own did not come up."""

from __future__ import annotations

from collections.abc import Sequence

from seatrial.compose.engine import Container, EngineError
from seatrial.compose.logs import logs
from seatrial.compose.project import Project
from seatrial.compose.states import told_of
from seatrial.keeper.instance import StartFailed
from seatrial.keeper.log import LOG_TAIL
from seatrial.keeper.protocol import LONGEST_LOG, Failure
from seatrial.outcome import Cause

_SHOWN = 300  # characters of a health check
_HEALTHY = "service_healthy"
_BETTER = "does plain `docker compose up` do better?"


async def log_of(some: Sequence[Container]) -> tuple[str, ...]:
    """What is known of a failure is told though the engine may not tell the log."""
    try:
        return await logs(some, LOG_TAIL, LONGEST_LOG)
    except EngineError as error:
        return (f"no log: {error.message}",)


async def unwell(one: Container, project: Project) -> StartFailed:
    """What its health check says keeps others from being started."""
    service = project.services[one.service]
    others = project.services.items()
    waiting = [name for name, other in others if other.needs.get(one.service) == _HEALTHY]
    asks, mend = service.health_check, "give it a health check of its own (`healthcheck`)"
    if asks:
        # Between words: of a secret that is cut in two nobody knows the first half.
        short = asks if len(asks) <= _SHOWN else f"{asks[:_SHOWN].rpartition(' ')[0]} ..."
        mend = f"correct its health check: {short}"
    return StartFailed(
        Cause.UNHEALTHY,
        f"the health check of {one.service} finds it well, for {' and '.join(waiting)} to start",
        told_of(one, of_image=not asks),
        f"where {one.service} is well (see its log), {mend}",
        await log_of([one]),
    )


def compose_failed(said: Sequence[str]) -> StartFailed:
    """`said`: by Compose, last."""
    words = next((line for line in reversed(said) if line.strip()), "it said nothing")
    return StartFailed(
        Cause.EXITED,
        "`docker compose up` builds and starts everything",
        words.strip(),
        f"read what it said; {_BETTER}",
        tuple(said),
    )


def failure_of(component: str | None, failure: StartFailed) -> Failure:
    return Failure(
        component=component,
        cause=failure.cause,
        expected=failure.expected,
        found=failure.found,
        fix=failure.fix,
        log=failure.log,
    )


def refused(found: str, fix: str | None, cause: Cause | None = None) -> Failure:
    return Failure(
        component=None,
        cause=cause,
        expected="the compose project can be started",
        found=found,
        fix=fix or "",
    )


def too_late(seconds: float) -> Failure:
    return refused(f"not everything was ready within {seconds:g} s", _BETTER, Cause.TIMEOUT)
