"""In what state a container of a component is, and in words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from seatrial.compose.engine import Container
from seatrial.compose.logs import ASKED_TO_END
from seatrial.kinds.base import Kind
from seatrial.kinds.containers import Service
from seatrial.outcome import State

#: Restarts after which "starting", as its health check says of it, is no answer any more.
_AGAIN_AND_AGAIN = 3
#: What says that it is there to go on.
_AT_WORK = re.compile(r"(?i)\b(worker|celery|consumers?|listen(er)?|serve|server|scheduler|beat)\b")
#: Shells and the like, which end at once where nobody types: there for people to work in.
_FOR_PEOPLE = re.compile(
    r"(\S*docker-entrypoint\.sh\s+)?(\S*/)?"
    r"(bash|sh|ash|zsh|node|python[\d.]*|irb|iex|php -a)(\s+-[il]+)*"
)
LONG = 60.0  # s in which most that is to end has


def state_of(container: Container, kind: Kind) -> State:
    """The state of a replica. What has no endpoint is as well as its health check says."""
    if container.status == "running":
        if container.cut_off or container.stranded:
            return State.UNREACHABLE
        loops = container.unsettled and container.restarts >= _AGAIN_AND_AGAIN
        if kind.name == "task" or (container.health == "starting" and not loops):
            return State.STARTING
        if container.unsettled and (kind.name == "http" or not kind.endpoints):
            return State.FAILED if kind.name == "http" else State.STARTING
        if is_ailing(container) and not kind.endpoints:
            return State.FAILED
        return State.READY
    if container.status == "paused":
        return State.PAUSED
    if container.status == "created":
        return State.WAITING if not container.error else State.EXITED  # the engine could not
    if container.status == "exited" and kind.name == "task" and container.exit_code == 0:
        return State.DONE
    if container.status == "exited" and not container.oom_killed:
        return State.STOPPED if container.exit_code in ASKED_TO_END else State.EXITED
    return State.EXITED


def ended_early(one: Container, kind: Kind, service: Service) -> bool:
    """Whether it is taken for something that runs, and did one thing and ended well: what was
    stopped on request may say so, too, but seldom in its first minute."""
    commands = f"{service.command} {one.command}"  # of the file, and of its image
    serves = service.ports and _FOR_PEOPLE.fullmatch(one.command.strip()) is None
    if kind.name != "process" or serves or _AT_WORK.search(commands):
        return False
    may_end = service.restart in ("", "no") or service.restart.startswith("on-failure")
    # For what ends at once, engines write that it ended before it was started.
    return may_end and is_ended_well(one) and -1 < one.lived < LONG


def is_ended_well(one: Container) -> bool:
    return one.status == "exited" and one.exit_code == 0


def is_ailing(one: Container) -> bool:
    stays = one.status == "running" and not (one.cut_off or one.stranded or one.unsettled)
    return stays and one.health == "unhealthy"


def told_of(one: Container, *, of_image: bool = False) -> str:
    """`of_image`: its health check is that of its image."""
    return f"its container {one.name} {_how_it_is(one, of_image)}" + (
        f"; its log: {one.last_words}" if one.last_words else ""
    )


def is_killed(one: Container) -> bool:
    """The engine says the same of one that runs, where memory lacked for a process in it."""
    return one.oom_killed and one.status in ("exited", "restarting", "dead")


def _how_it_is(one: Container, of_image: bool) -> str:
    if is_killed(one):
        return f"was killed for want of memory (exit code {one.exit_code})"
    if one.status == "restarting":
        return f"ends with exit code {one.exit_code} and is restarted, {one.restarts} times so far"
    if one.status == "exited":
        return f"has exited with code {one.exit_code}"
    if one.status == "running" and one.cut_off:
        return f"runs, but it was taken off its network {one.cut_off}"
    if one.status == "running" and one.stranded:
        return f"runs, but in the network that {one.stranded} had before that was started again"
    if one.unsettled:
        times = "once" if one.restarts == 1 else f"{one.restarts} times"
        return f"was restarted {times}, and has run for {one.ran_for:.1f} s since"
    if one.status == "running" and one.health:
        more = f": {one.health_output}" if one.health_output else ""
        whose = (
            "the health check of its image, which `healthcheck` may replace," if of_image else ""
        )
        return f"runs, but {whose or 'its health check'} says {one.health}{more}"
    return {"paused": "is paused", "created": "was made, but not started"}.get(
        one.status, f"is {one.status}"
    ) + (f": {one.error}" if one.error else "")


def broke_down(one: Container) -> bool:
    asked = one.status == "exited" and one.exit_code in ASKED_TO_END and not one.oom_killed
    return one.status in ("exited", "dead", "restarting") and not asked


def all_well(mine: Sequence[Container]) -> bool:
    return bool(mine) and all(one.status == "running" and one.health == "healthy" for one in mine)
