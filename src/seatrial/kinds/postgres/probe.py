"""Is this PostgreSQL there, and if not, why: one login, one query, one cause."""

from __future__ import annotations

import asyncio
import ssl
import time
from dataclasses import replace
from typing import Any

from seatrial.kinds.base import Context, ProbeResult, Target
from seatrial.kinds.postgres.address import Place, config_of, place_of
from seatrial.kinds.postgres.diagnosis import Diagnostician
from seatrial.kinds.postgres.wire import (
    LoginUnsupported,
    NoTls,
    NotPostgres,
    ScramFailed,
    ScramTooCostly,
    ServerRefused,
    Session,
    SslMode,
    Tls,
)
from seatrial.kinds.programs import (
    as_it_says_itself,
    down_by_states,
    waiting_by_states,
)
from seatrial.kinds.resolving import Unresolved, resolve
from seatrial.kinds.strangers import greet
from seatrial.kinds.trouble import Diagnosis
from seatrial.kinds.unknown_login import unless_nobody_knows
from seatrial.kinds.versions import satisfies
from seatrial.outcome import Cause, Connection, Health
from seatrial.waiting import Deadline

_QUERY = """
SELECT current_setting('server_version'), pg_is_in_recovery(), setting, source
FROM pg_settings WHERE name = 'default_transaction_read_only'
"""
#: Where that setting may come from without concerning anybody but the user who looks.
_PERSONAL = ("user", "database user", "client", "session")
_SILENCE = 0.5  # s without an answer, after which to ask what else might live there

_COLUMNS = 4  # of its answer
_Seen = tuple[str | None, ...]


async def probe(target: Target, context: Context, deadline: Deadline) -> ProbeResult:
    """Look once. The answer comes before `deadline`, and within the component's patience."""
    if (known := down_by_states(target) or waiting_by_states(target)) is not None:
        return known
    started = time.monotonic()
    try:
        place = place_of(target)
    except ValueError as error:
        doctor = Diagnostician(target.name, target.endpoint().address)
        return _unwell(doctor.bad_url(str(error)), started)
    login, inside = place.login, target.provider.commands.inside
    doctor = Diagnostician(target.name, place.shown, login.user, login.database, inside)
    until = deadline.within(config_of(target).patience)
    try:
        async with asyncio.timeout_at(asyncio.get_running_loop().time() + until.remaining()):
            seen = await _look(place)
    except TimeoutError:
        return _unwell(doctor.timeout(time.monotonic() - started), started)
    except Exception as error:
        result = _unwell(await _cause(error, place, doctor, until), started)
        result = unless_nobody_knows(result, target)
        certain = isinstance(error, NoTls | ServerRefused)  # of both, the server says it itself
        ours = result.cause is Cause.TLS and not certain
        return as_it_says_itself(result, target, ours=ours)
    return _judge(seen, target, doctor, started)


async def is_standby(target: Target, deadline: Deadline) -> bool | None:
    """Whether it says that it is one; None where it cannot be asked."""
    try:
        async with asyncio.timeout(deadline.remaining()):
            return (await _look(place_of(target)))[1] == "t"
    except Exception:
        return None


async def _look(place: Place) -> _Seen:
    hosts = await _addresses(place)
    asking = asyncio.ensure_future(_ask_any(place, hosts))
    try:
        done, _ = await asyncio.wait({asking}, timeout=_SILENCE)
        if not done:
            await _expose_stranger(asking, place)
        return await asking
    finally:
        asking.cancel()


async def _addresses(place: Place) -> list[str]:
    return [address.sockaddr[0] for address in await resolve(place.host, place.port)]


async def _ask_any(place: Place, hosts: list[str]) -> _Seen:
    """Ask the first address that takes the connection, as libpq does."""
    for last, host in ((host is hosts[-1], host) for host in hosts):
        try:
            session = await Session.tcp(host, place.port, place.login, place.tls, host=place.host)
        except (ConnectionRefusedError, OSError) as error:
            if last or isinstance(error, ssl.SSLError):
                raise
            continue
        try:
            rows = await session.query(_QUERY)
            if len(rows) != 1 or len(rows[0]) != _COLUMNS:
                raise NotPostgres(f"{rows}".encode())
            return rows[0]
        finally:
            session.close()
    raise AssertionError("a host has at least one address")


async def refuse_too_costly(place: Place) -> None:
    """Log in once with our own client; raise ScramTooCostly where the driver would work for ever.

    libpq does whatever work the server asks for, in one piece, and no deadline ends that. Every
    other failure is left for the driver to meet.
    """
    try:
        for host in await _addresses(place):
            tcp = Session.tcp(host, place.port, place.login, place.tls, host=place.host)
            (await tcp).close()
            return
    except ScramTooCostly:
        raise
    except Exception:
        return


async def _expose_stranger(asking: asyncio.Future[_Seen], place: Place) -> None:
    """Raise NotPostgres if a server of another protocol answers to a line of text.

    Such servers wait for the end of a line and so seem dead to PostgreSQL's first message. On a
    second connection, since the text would spoil the first; PostgreSQL hangs up on it.
    """
    greeting = asyncio.ensure_future(greet(place.host, place.port))
    both: set[asyncio.Future[Any]] = {asking, greeting}
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if greeting.done() and not asking.done() and (answer := greeting.result()):
            raise NotPostgres(answer)
    finally:
        greeting.cancel()


async def _cause(
    error: Exception, place: Place, doctor: Diagnostician, until: Deadline
) -> Diagnosis:
    match error:
        case Unresolved():
            return doctor.dns(place.host, str(error))
        case NoTls():
            return doctor.no_tls(place.tls.mode)
        case ssl.SSLError():
            return doctor.tls_failed(error)
        case ScramFailed() | LoginUnsupported():
            return doctor.login(str(error))
        case NotPostgres():
            return doctor.stranger(error.answer)
        case ServerRefused():
            if await _wants_tls(error, place, until):
                return doctor.tls_wanted(place.tls.mode)
            return doctor.refusal(error)
        case ConnectionRefusedError():
            return doctor.refused()
        case EOFError() | ConnectionError():
            return doctor.hung_up()
        case _:
            return doctor.unreachable(error)


async def _wants_tls(error: ServerRefused, place: Place, until: Deadline) -> bool:
    """Whether the server turned an unencrypted login away that it would take encrypted."""
    unencrypted = place.tls.mode in (SslMode.DISABLE, SslMode.ALLOW)
    if error.asked or error.sqlstate != "28000" or not unencrypted:
        return False
    try:
        async with asyncio.timeout_at(asyncio.get_running_loop().time() + until.remaining()):
            for host in await _addresses(place):
                tls = Tls(SslMode.REQUIRE)
                (await Session.tcp(host, place.port, place.login, tls)).close()
                return True
    except ServerRefused as again:
        return again.asked
    except Exception:
        return False
    return False


def _judge(seen: _Seen, target: Target, doctor: Diagnostician, started: float) -> ProbeResult:
    """It answered: hold what it said against the declaration."""
    config = config_of(target)
    said, in_recovery = str(seen[0]), seen[1] == "t"
    version = said.partition(" ")[0]  # "15.18 (Debian 15.18-0+deb12u1)"
    took = time.monotonic() - started
    if config.version is not None and not satisfies(said, config.version):
        wrong = doctor.version(config.version, version)
        return _unwell(wrong, started, Connection.CONNECTED, version)
    if in_recovery and not config.standby:
        return _unwell(doctor.standby(), started, Connection.CONNECTED, version)
    if seen[2] == "on" and not config.standby and _concerns_all(target, str(seen[3])):
        return _unwell(doctor.read_only(str(seen[3])), started, Connection.CONNECTED, version)
    well = ProbeResult(Health.HEALTHY, Connection.CONNECTED, took * 1000, version=version)
    if took <= config.time_limit:
        return well
    slow = doctor.slow(config.time_limit, took)
    return replace(well, cause=slow.cause, expected=slow.expected, found=slow.found, fix=slow.fix)


def _concerns_all(target: Target, source: str) -> bool:
    """Not only the user of a check, who is often allowed to read and no more."""
    return source not in _PERSONAL or target.endpoint().user == config_of(target).user


def _unwell(
    what: Diagnosis,
    started: float,
    connection: Connection = Connection.DISCONNECTED,
    version: str | None = None,
) -> ProbeResult:
    took = (time.monotonic() - started) * 1000
    return ProbeResult(
        health=Health.UNHEALTHY,
        connection=connection,
        response_time_ms=took,
        cause=what.cause,
        expected=what.expected,
        found=what.found,
        fix=what.fix,
        version=version,
    )
