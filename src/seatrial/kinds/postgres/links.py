"""Connections by the driver that nothing can hold up.

A server that is stopped, or gone behind a firewall, answers nothing, and neither the server's
statement_timeout nor the driver ends the wait (a cancelled psycopg call itself waits for the
server). So every call here has a limit of its own: when it is over, the server is asked to cancel,
and half a second later the socket is shut down, which ends the call at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import psycopg
from psycopg.rows import DictRow, dict_row

from seatrial.kinds.postgres.address import Place

T = TypeVar("T")
Link = psycopg.Connection[DictRow]
AsyncLink = psycopg.AsyncConnection[DictRow]

_GRACE = 0.5  # s from asking the server to cancel until the socket is shut down
_OURS = ("host", "hostaddr", "port", "user", "password", "dbname", "connect_timeout")


def _arguments(place: Place, timeout: float) -> dict[str, Any]:
    """Connection parameters of libpq; those of the URL that Seatrial decides are left out."""
    rest = {name: value for name, value in place.parameters if name not in _OURS}
    return {
        "application_name": "seatrial",
        **rest,
        "host": place.host,
        "port": place.port,
        "user": place.login.user,
        "password": place.login.password,
        "dbname": place.login.database,
        "connect_timeout": max(2, round(timeout)),  # libpq knows whole seconds from 2 on
        # Prepared statements do not survive a transaction pooler between.
        "prepare_threshold": None,
    }


def connect(place: Place, timeout: float, *, autocommit: bool = True) -> Link:
    """Raises psycopg.OperationalError, within `timeout` seconds (at least 2)."""
    arguments = _arguments(place, timeout)
    return psycopg.Connection.connect(autocommit=autocommit, row_factory=dict_row, **arguments)


async def connect_async(place: Place, timeout: float, *, autocommit: bool = True) -> AsyncLink:
    """Raises psycopg.OperationalError, or TimeoutError after `timeout` seconds."""
    arguments = _arguments(place, timeout)
    async with asyncio.timeout(timeout):
        return await psycopg.AsyncConnection.connect(
            autocommit=autocommit, row_factory=dict_row, **arguments
        )


def shut_down(link: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> None:
    """End whatever waits for this connection."""
    # A copy of the descriptor: the driver may close its own, and the number be given away.
    with (
        contextlib.suppress(psycopg.Error, OSError),
        socket.socket(fileno=os.dup(link.pgconn.socket)) as line,
    ):
        line.shutdown(socket.SHUT_RDWR)


def alive(link: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> bool:
    """Whether an idle connection may still be used, told without a round trip.

    An idle server says nothing: what can be read is its end, or what comes before its end.
    """
    if link.closed:
        return False
    try:
        with socket.socket(fileno=os.dup(link.pgconn.socket)) as line:
            line.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return True
    except (OSError, psycopg.Error):
        return False
    return False


def _too_long(seconds: float) -> TimeoutError:
    return TimeoutError(f"PostgreSQL did not answer the statement within {seconds:g} s")


@contextlib.contextmanager
def bounded(link: Link, seconds: float) -> Iterator[None]:
    """Raise TimeoutError when the calls inside take longer than so many seconds."""
    over, late = threading.Event(), threading.Event()

    def end() -> None:
        late.set()
        with contextlib.suppress(Exception):
            link.cancel_safe(timeout=_GRACE)
        if not over.wait(_GRACE):
            shut_down(link)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    except psycopg.Error as error:
        if late.is_set():
            raise _too_long(seconds) from error
        raise
    finally:
        over.set()
        timer.cancel()
        if late.is_set():
            timer.join()  # a cancellation on its way would hit the next statement


async def bounded_async(link: AsyncLink, call: Coroutine[Any, Any, T], seconds: float) -> T:
    """The result of a call on this connection; TimeoutError after so many seconds."""
    task = asyncio.ensure_future(call)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if done:
            return task.result()
        with contextlib.suppress(Exception):
            await link.cancel_safe(timeout=_GRACE)
        await asyncio.wait({task}, timeout=_GRACE)
        raise _too_long(seconds)
    finally:
        if not task.done():
            shut_down(link)
        await asyncio.gather(task, return_exceptions=True)
