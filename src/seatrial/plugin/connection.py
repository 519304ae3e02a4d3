"""How a pytest process comes by its deployment, and how it lets go of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from seatrial.declaration.models import System
from seatrial.environment.deployment import Deployment, attach, join, start
from seatrial.keeper.protocol import Event
from seatrial.outcome import State
from seatrial.plugin.settings import Settings

Say = Callable[[str], None]

_TOLD = (State.READY, State.DONE, State.FAILED, State.EXITED)


@dataclass(frozen=True)
class Connection:
    deployment: Deployment
    ours: bool  # we started it, so we end it

    def close(self) -> None:
        if self.ours:
            self.deployment.down()
        else:
            self.deployment.close()


def connect(system: System, settings: Settings, say: Say) -> Connection:
    """Join the deployment that the settings name; where they name none, attach to the running `up`,
    else start a private instance. Returns when it is ready.

    Raises EnvironmentFailedError, Refused (a differing declaration runs), or KeeperError.
    """
    if settings.joined is not None:
        told = settings.handover
        called = ("", None) if told is None else (told.name, told.here)
        return Connection(join(system, settings.joined, *called), ours=False)
    running = attach(system)
    where = f"{system.name} in {system.environment}"
    say(f"seatrial: attached to {where}" if running else f"seatrial: starting {where}")
    connection = Connection(running or start(system, name=None), ours=running is None)
    try:
        connection.deployment.wait_until_ready(_progress(say) if running is None else _silent)
    except BaseException:  # also Ctrl-C: nothing may stay behind
        connection.close()
        raise
    return connection


def _progress(say: Say) -> Callable[[Event], None]:
    def tell(event: Event) -> None:
        if event.replica is None and event.state in _TOLD:
            detail = f" ({event.detail})" if event.detail else ""
            say(f"seatrial:   {event.component} is {event.state}{detail}")

    return tell


def _silent(event: Event) -> None:
    return None
