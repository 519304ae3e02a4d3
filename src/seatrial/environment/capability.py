"""What environments can do with the components of a system, and why one of them cannot."""

from __future__ import annotations

from enum import StrEnum

from seatrial.declaration.models import System
from seatrial.errors import CapabilityMissing, Refused, SeatrialError


class Capability(StrEnum):
    """What an environment can do with its components."""

    START = "start"
    STOP = "stop"
    KILL = "kill"
    PAUSE = "pause"
    RESTART = "restart"
    LOGS = "logs"
    NETWORK = "network"
    DISCONNECT = "disconnect"
    METERS = "meters"

    @property
    def needed_to(self) -> str:
        """What an environment without it cannot do."""
        if self is Capability.NETWORK:
            return "disturb the network between components"
        if self is Capability.METERS:
            return "tell what the processes of a component use"
        return "show the log of a component" if self is Capability.LOGS else f"{self} a component"


#: What only looks, and so is done in a protected environment too.
LOOKING = (Capability.LOGS, Capability.METERS)


def protected(system: System, what: str) -> Refused:
    return Refused(
        f"the environment {system.environment} is protected: {what} refused",
        hint="use an environment that is not marked `protected`",
    )


def missing(system: System, capability: Capability) -> SeatrialError:
    """Why the system's environment does not do it: Refused or CapabilityMissing."""
    where = f"the environment {system.environment}"
    if system.config.protected and capability not in LOOKING:
        return protected(system, capability)
    if capability is Capability.DISCONNECT:
        return CapabilityMissing(
            f"{where} cannot {capability.needed_to}",
            hint="use an environment whose containers Seatrial starts (compose)",
        )
    hint = "use an environment that Seatrial starts (local, compose)"
    if capability is Capability.NETWORK:
        local = system.config.provider == "local"
        hint = "remove `proxies: false` from it" if local else "use one with provider local"
    return CapabilityMissing(f"{where} cannot {capability.needed_to}", hint=hint)
