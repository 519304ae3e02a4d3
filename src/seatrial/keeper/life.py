"""A keeper's life: read the declaration, start what it says, serve, and end everything."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor

from seatrial.compose.attach import project_of
from seatrial.declaration.load import load
from seatrial.declaration.models import System
from seatrial.errors import KeeperError, SeatrialError
from seatrial.keeper import guardian, open_files
from seatrial.keeper import protocol as p
from seatrial.keeper.attached import look_at
from seatrial.keeper.composed import Composed
from seatrial.keeper.description import describe
from seatrial.keeper.observer import Observer
from seatrial.keeper.order import Order
from seatrial.keeper.owner import Owner
from seatrial.keeper.places import Place
from seatrial.keeper.protocol import Failure
from seatrial.keeper.server import Server
from seatrial.keeper.supervisor import Supervisor
from seatrial.keeper.timeline import Timeline
from seatrial.keeper.unexpected import unexpected
from seatrial.kinds.registry import KINDS


def keep(order: Order, client: socket.socket) -> int:
    """Keep the deployment until its last lease ends; `client` is the first one. Returns the exit
    code."""
    try:
        system = load(order.file, KINDS, environment=order.environment, variables=os.environ)
        if system.digest != order.digest:
            raise KeeperError(
                f"{order.file} changed while the deployment was being started",
                hint="start it again",
            )
        open_files.raise_limit()
        return asyncio.run(_live(system, Place(order.id), client, observe=order.observe))
    except SeatrialError as error:
        with contextlib.suppress(OSError):
            client.sendall(_line(error))
        return error.exit_code
    except Exception as error:
        with contextlib.suppress(OSError):
            client.sendall(_line(unexpected(error, Place(order.id), "it cannot be started: ")))
        return guardian.CRASHED


#: The keeper's exit code where the deployment did not come up.
START_FAILED = 3


class _Threads(ThreadPoolExecutor):
    """In which components are prepared, perhaps while they wait for a lock that another deployment
    holds. The keeper's end does not wait for them: they end with its process."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        super().shutdown(wait=False, cancel_futures=True)


def _line(error: SeatrialError) -> bytes:
    told = p.Reply(error=error.message, hint=error.hint, exit_code=error.exit_code)
    return told.model_dump_json().encode() + b"\n"


def _owner(
    system: System, place: Place, timeline: Timeline, *, observe: bool
) -> Supervisor | Composed | Observer:
    if system.config.provider == "local":
        return Supervisor(system, place, timeline)
    if system.config.provider == "compose" and not observe:
        return Composed(system, project_of(system), place, timeline)
    return Observer(look_at(system), timeline)


async def _live(
    system: System, place: Place, client: socket.socket, *, observe: bool = False
) -> int:
    asyncio.get_running_loop().set_default_executor(_Threads())
    timeline = Timeline()
    for folder in (place.data, place.sockets, place.logs):
        folder.mkdir(mode=0o711, exist_ok=True)
    owner = _owner(system, place, timeline, observe=observe)
    server = Server(system, place, owner, timeline)
    for signal_ in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(signal_, server.over.set)
    await server.listen()
    server.write_state(describe(system))
    await server.adopt(client)
    starting = asyncio.create_task(_start(owner, place, timeline))
    try:
        await server.over.wait()
    finally:
        await server.close()
        starting.cancel()
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await starting
        finally:
            await owner.end(hurry=not server.asked_to_end)
            place.state_file.unlink(missing_ok=True)
    # A start that failed leaves its logs to be read; the guardian sees to that.
    return START_FAILED if owner.failure is not None else 0


async def _start(owner: Owner, place: Place, timeline: Timeline) -> None:
    """A bug in starting must not pass for a deployment that is not ready yet."""
    try:
        await owner.start()
    except Exception as error:
        told = unexpected(error, place)
        if owner.ready:
            return
        owner.failure = owner.failure or Failure(
            component=None,
            cause=None,
            expected="everything can be started",
            found=told.message,
            fix=told.hint or "",
        )
        await timeline.wake()
