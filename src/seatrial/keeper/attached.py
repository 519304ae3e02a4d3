"""What an observer looks at: a remote system as declared, or a compose project as it runs."""

from __future__ import annotations

from collections.abc import Callable, Coroutine

from seatrial.compose.attach import Attached
from seatrial.declaration.interpreter import interpreter
from seatrial.declaration.models import System
from seatrial.keeper.places import cache
from seatrial.keeper.remote import remote_context
from seatrial.kinds.base import Context

Look = Callable[[], Coroutine[None, None, Context]]


def look_at(system: System) -> Look:
    """Makes a context anew each time: where everything is, and in what state."""
    if system.config.provider == "compose":
        attached = Attached.to(system)

        async def project() -> Context:
            found = await attached.targets()
            return Context(system.folder, found, cache(), interpreter(system))

        return project

    context = remote_context(system)

    async def remote() -> Context:
        return context

    return remote
