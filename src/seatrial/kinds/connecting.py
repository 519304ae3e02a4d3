"""TCP connections as every probe and client of ours opens them."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import ssl
from collections.abc import Sequence

from seatrial.kinds.resolving import Address, resolve

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

_LIMIT = 64 * 1024  # bytes of a line, as asyncio has it
_TLS_GOODBYE = 1.0  # s that a peer has to end TLS in order


async def open_streams(
    host: str, port: int, tls: ssl.SSLContext | None = None, limit: int = _LIMIT
) -> Streams:
    """Resolve, connect, and shake hands if there is a context.

    Raises Unresolved or OSError (ssl.SSLError is one). Close with `writer.transport.abort()`: a
    polite goodbye could hang.
    """
    return await streams(await connect(await resolve(host, port)), tls, host, limit)


async def connect(addresses: Sequence[Address]) -> socket.socket:
    """A socket that is connected to the first of these addresses (one at least) that takes the
    connection. Raises the OSError of the last one."""
    for address in addresses[:-1]:
        with contextlib.suppress(OSError):
            return await _connected(address)
    return await _connected(addresses[-1])


async def _connected(address: Address) -> socket.socket:
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    sock.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(sock, address.sockaddr)
        if sock.getsockname() == sock.getpeername():
            # The kernel chose the very port that nobody listens at, and connected it to itself.
            raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        sock.close()
        raise
    return sock


async def streams(
    sock: socket.socket, tls: ssl.SSLContext | None, host: str, limit: int = _LIMIT
) -> Streams:
    """A connected socket as streams, after a TLS handshake with `host` if there is a context.

    Raises OSError (ssl.SSLError is one); the socket is closed then.
    """
    if tls is None:
        return await asyncio.open_connection(sock=sock, limit=limit)
    try:
        return await asyncio.open_connection(
            sock=sock,
            ssl=tls,
            server_hostname=host,
            ssl_shutdown_timeout=_TLS_GOODBYE,
            limit=limit,
        )
    except BaseException:
        # Its transport owns the socket by now, and closes it when it sees the end; if the handshake
        # had just succeeded, it would otherwise wait for the peer's goodbye first.
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
        raise
