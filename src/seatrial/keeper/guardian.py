"""The guardian: a small process that is the keeper's parent and outlives it by a moment.

It is a subreaper, so everything the keeper starts is and stays its descendant, whatever forks or
changes its session or its user. When the keeper ends, however it ends, the guardian ends all that
is left and removes the deployment's data. When the guardian itself is killed, the keeper gets
SIGTERM and shuts down in order.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
from collections.abc import Callable
from pathlib import Path

from seatrial.compose import clear
from seatrial.keeper import processes
from seatrial.keeper.order import Order, is_private

#: The exit code of a keeper that failed itself.
CRASHED = 70


def guard(client: socket.socket, keep: Callable[[socket.socket, socket.socket], int]) -> int:
    """Fork; run `keep(client, guardian)` in the child; wait for it, then end whatever is left.

    Called before anything heavy is imported and before any thread exists. The keeper hands its
    order on through the second socket before it starts anything, and with it a share in the
    deployment's lock, which so stays held until all is cleared away. Returns the keeper's status.
    """
    processes.become_subreaper()
    guardian = os.getpid()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    keeper = os.fork()
    if keeper == 0:
        ours.close()
        processes.die_with_parent(signal.SIGTERM)
        if os.getppid() != guardian:  # it died before we asked to be told
            os._exit(1)
        os._exit(_run(lambda: keep(client, theirs)))
    theirs.close()
    client.close()
    for forwarded in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(forwarded, lambda *_: processes.send([keeper], signal.SIGTERM))
    received = Order.receive(ours)
    status = _wait_for(keeper)
    if received is not None:
        order, _ = received
        processes.end_all([order.id], root=guardian)
        if (project := clear.marked(order.folder)) is not None:
            clear.clear(project, order.folder)
        private = is_private(order.id)  # nobody will ever ask for its logs
        crashed = os.waitstatus_to_exitcode(status) == CRASHED
        _forget(order.folder, keep_logs=crashed or (status != 0 and not private))
        if not order.folder.exists():
            order.lock_file.unlink(missing_ok=True)
    return status


def _run(keep: Callable[[], int]) -> int:
    try:
        return keep()
    except BaseException:  # the last frame of the keeper: say what happened, then end
        import traceback

        traceback.print_exc()
        return CRASHED


def _wait_for(keeper: int) -> int:
    while True:
        number, status = os.wait()  # adopted orphans are reaped on the way
        if number == keeper:
            return status


def _forget(folder: Path, *, keep_logs: bool) -> None:
    """Remove the deployment's folder; after a crash, or a start that failed, its logs stay until
    the next one."""
    if not keep_logs:
        shutil.rmtree(folder, ignore_errors=True)
        return
    for name in ("data", "s"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in ("state.json", "keeper.sock", clear.MARK, clear.FILE):
        with contextlib.suppress(OSError):
            (folder / name).unlink()
