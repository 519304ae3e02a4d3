"""TCP connections as every probe and client of ours opens them."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import ssl
from collections.abc import Callable, Sequence
from functools import cache

from seatrial.kinds.base import Endpoint
from seatrial.kinds.resolving import Address, Unresolved, resolve
from seatrial.kinds.trouble import Trouble
from seatrial.outcome import Cause

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


@cache
def tls_context(*, verified: bool = True) -> ssl.SSLContext:
    """The authorities of the system, or of SSL_CERT_FILE and SSL_CERT_DIR; else any certificate."""
    context = ssl.create_default_context()
    if not verified:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def reach(
    endpoint: Endpoint,
    *,
    tls: bool,
    stage: Callable[[str], None],
    limit: int = _LIMIT,
    verified: bool = True,
) -> Streams:
    """`open_streams` in words: raises Trouble. `stage` is told what is missing so far, for whoever
    runs out of time meanwhile. `verified`: by whom its certificate is signed, and for which name.
    """
    host = endpoint.host
    stage(f"the name {host} was not resolved")
    try:
        addresses = await resolve(host, endpoint.port)
    except Unresolved as error:
        raise Trouble(Cause.DNS, f"the name {host!r} has no address: {error}") from error
    stage(missing := f"no connection to {endpoint.address}")
    try:
        sock = await connect(addresses)
    except OSError as failure:
        cause = Cause.TIMEOUT if isinstance(failure, TimeoutError) else Cause.REFUSED
        reason = os.strerror(failure.errno or 0).lower()
        raise Trouble(cause, f"{missing}: {reason}") from failure
    if tls:
        stage("connected, but no TLS handshake")
    try:
        context = tls_context(verified=verified) if tls else None
        return await streams(sock, context, host, limit)
    except OSError as error:
        raise tls_trouble(error, endpoint) from error


def tls_trouble(error: OSError, endpoint: Endpoint) -> Trouble:
    """Why the handshake failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = f"its certificate is not accepted: {error.verify_message}"
    elif isinstance(error, ssl.SSLError) and error.reason == "WRONG_VERSION_NUMBER":
        reason = f"it does not speak TLS, but the endpoint's URL says {endpoint.scheme}"
    else:
        reason = f"the TLS handshake failed: {error.strerror or type(error).__name__}"
    return Trouble(Cause.TLS, reason)


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
