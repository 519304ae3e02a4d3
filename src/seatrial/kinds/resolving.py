"""Host names to addresses, without a thread that outlives the wait for it."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import threading
from typing import NamedTuple


class Address(NamedTuple):
    family: int
    sockaddr: tuple[str, int] | tuple[str, int, int, int]


class Unresolved(Exception):
    """The name has no address; the text is the resolver's own reason."""


async def resolve(host: str, port: int) -> list[Address]:
    """The addresses of a host, in the resolver's order. Raises Unresolved.

    The event loop's own `getaddrinfo` runs in its default executor, which `asyncio.run` waits for
    at the end, however long a dead name server takes. A daemon thread can be left behind.
    """
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(host)
        return _look_up(host, port, socket.AI_NUMERICHOST)
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[Address]] = loop.create_future()

    def deliver(found: list[Address] | Unresolved) -> None:
        if answer.done():  # nobody waits any more
            return
        if isinstance(found, Unresolved):
            answer.set_exception(found)
        else:
            answer.set_result(found)

    def work() -> None:
        found: list[Address] | Unresolved
        try:
            found = _look_up(host, port)
        except Unresolved as error:
            found = error
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(deliver, found)

    threading.Thread(target=work, name=f"resolve {host}", daemon=True).start()
    return await answer


def _look_up(host: str, port: int, flags: int = 0) -> list[Address]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    except socket.gaierror as error:
        raise Unresolved(error.strerror or str(error)) from error
    except (OSError, ValueError) as error:  # ValueError: what can be no host name at all
        raise Unresolved(str(error)) from error
    addresses = [Address(family, sockaddr) for family, _, _, _, sockaddr in found]  # type: ignore[arg-type]
    return list(dict.fromkeys(addresses))
