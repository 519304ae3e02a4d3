"""Is this Redis there, and if not, why: a login, a PING, and what version it says it is."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from time import perf_counter
from typing import cast

from seatrial.kinds.base import Context, Endpoint, ProbeResult, Target
from seatrial.kinds.programs import (
    as_it_says_itself,
    down_by_states,
    waiting_by_states,
)
from seatrial.kinds.redis.config import RedisConfig
from seatrial.kinds.redis.wire import (
    SECURE,
    NotRedis,
    Said,
    Session,
    database_of,
    speaks_plainly,
    speaks_tls,
)
from seatrial.kinds.strangers import who_says
from seatrial.kinds.trouble import Trouble
from seatrial.kinds.unknown_login import unless_nobody_knows
from seatrial.kinds.versions import satisfies
from seatrial.outcome import Cause, Connection, Health
from seatrial.waiting import Deadline

#: How its error answers begin, and which cause they tell.
_SAID = {
    "NOAUTH": Cause.AUTH,
    "WRONGPASS": Cause.AUTH,
    "ERR AUTH": Cause.AUTH,
    "ERR invalid password": Cause.AUTH,
    "NOPERM": Cause.NOT_AUTHORISED,
    "DENIED": Cause.NOT_AUTHORISED,
    "ERR DB index": Cause.WRONG_DATABASE,
    "ERR SELECT": Cause.WRONG_DATABASE,  # is not allowed in cluster mode
    "ERR max number of clients": Cause.EXHAUSTED,
}
#: It is there, and not as wanted.
_ANSWERED = (
    *(Cause.WRONG_VERSION, Cause.UNHEALTHY),
    *(Cause.NOT_AUTHORISED, Cause.WRONG_DATABASE),
)

_ANSWERS, _UNSEEN = "it answers: ", "version not to be seen (INFO)"

#: What else it answers when it is not well, and what to do about that.
_UNWELL = {
    "LOADING": "wait until it has read its data: {cli} INFO persistence",
    "MASTERDOWN": "repair its master or the way to it ({cli} INFO replication), or let it answer "
    "without one: replica-serve-stale-data yes",
    "MISCONF": "see why it cannot save its data (a full disk?): {cli} INFO persistence",
    "BUSY": "end the script that keeps it busy: {cli} SCRIPT KILL",
}

_BEHIND = "it hangs up behind the TLS handshake"
#: The share of the time that is left to find out why a TLS handshake came to nothing: Redis waits
#: for the end of a line in it.
_SPARE = 0.3


class _NoTls(Trouble):
    """It was asked with TLS, as somebody is told to, and answers without: that is certain."""


async def probe(target: Target, context: Context, deadline: Deadline) -> ProbeResult:
    """Look once. The answer comes before `deadline`, and within the component's patience."""
    if (known := down_by_states(target) or waiting_by_states(target)) is not None:
        return known
    config, endpoint = cast(RedisConfig, target.config), target.endpoint()
    until, began = deadline.within(config.patience), perf_counter()
    try:
        version = await _look(endpoint, database_of(endpoint, config.database), until)
        trouble = _wrong_version(version, config)
    except Trouble as error:
        version, trouble = None, error
    took = (perf_counter() - began) * 1000
    if trouble is None:
        return ProbeResult(Health.HEALTHY, Connection.CONNECTED, took, version=version)
    answered = trouble.cause in _ANSWERED
    result = ProbeResult(
        Health.UNHEALTHY,
        Connection.CONNECTED if answered else Connection.DISCONNECTED,
        took,
        trouble.cause,
        expected=_expected(trouble.cause, endpoint, config),
        found=trouble.found,
        fix=_fix(trouble, target),
        version=version,
    )
    behind = trouble.cause is Cause.TLS and trouble.found.startswith(_BEHIND)
    result = unless_nobody_knows(result, target, certificate=behind)
    ours = trouble.cause is Cause.TLS and not isinstance(trouble, _NoTls)
    return as_it_says_itself(result, target, ours=ours)


async def _look(endpoint: Endpoint, database: int, until: Deadline) -> str | None:
    """The version that it says it is, None where it may not say. Raises Trouble."""
    seconds, missing = until.remaining(), [""]
    share = 1 - _SPARE if endpoint.scheme == SECURE else 1.0
    try:
        async with asyncio.timeout(seconds * share):
            session = await Session.open(endpoint, missing.append)
            try:
                await session.ask("PING")
                if database:
                    await session.ask("SELECT", str(database))
                with contextlib.suppress(Said):  # a user may be kept from INFO
                    return _version(await session.ask("INFO", "server"))
                return None
            finally:
                session.close()
    except TimeoutError:
        if endpoint.scheme == SECURE and await speaks_plainly(endpoint, seconds * _SPARE):
            raise _NoTls(Cause.TLS, "it speaks no TLS: it answers in plain text") from None
        raise Trouble(Cause.TIMEOUT, f"{missing[-1]} within {seconds:.1f} s") from None
    except Said as error:
        raise _told(str(error)) from None
    except NotRedis as error:
        who = who_says(error.answer) or "another program"
        found = f"{who} answers at {endpoint.address}: {error.answer[:40]!r}"
        raise Trouble(Cause.WRONG_PROGRAM, found) from None
    except (EOFError, ConnectionResetError, BrokenPipeError, ssl.SSLError):
        raise await _hung_up(endpoint, until) from None
    except OSError as error:
        raise Trouble(Cause.REFUSED, f"no connection: {error.strerror or error}") from None


async def _hung_up(endpoint: Endpoint, until: Deadline) -> Trouble:
    if endpoint.scheme == SECURE:
        why = "it wants a certificate of its clients, or what it hands on to is down"
        return Trouble(Cause.TLS, f"{_BEHIND}: {why}")
    if await speaks_tls(endpoint, until.remaining()):
        return Trouble(Cause.TLS, "it speaks TLS only: it hangs up on plain text")
    found = f"{endpoint.address} takes the connection and hangs up without an answer"
    return Trouble(Cause.REFUSED, found)


def _version(info: str) -> str | None:
    lines = dict(line.partition(":")[::2] for line in info.splitlines())
    return lines.get("valkey_version") or lines.get("redis_version")


def _told(said: str) -> Trouble:
    cause = next((c for start, c in _SAID.items() if said.startswith(start)), Cause.UNHEALTHY)
    return Trouble(cause, f"{_ANSWERS}{said[:200]}")


def _wrong_version(version: str | None, config: RedisConfig) -> Trouble | None:
    if config.version is None or (version and satisfies(version, config.version)):
        return None
    return Trouble(Cause.WRONG_VERSION, f"version {version}" if version else _UNSEEN)


def _expected(cause: Cause, endpoint: Endpoint, config: RedisConfig) -> str:
    if cause is Cause.WRONG_VERSION:
        return f"version {config.version}"
    return f"a Redis at {endpoint.address} that answers PING"


def _fix(trouble: Trouble, target: Target) -> str:
    setting, there = f"the endpoint of {target.name}", target.endpoint()
    user, cli = there.user or "NAME", f"redis-cli -h {there.host} -p {there.port}"
    for said, advice in _UNWELL.items():
        if trouble.found.startswith(f"{_ANSWERS}{said}"):
            return f"{advice.format(cli=cli)}; its log: {target.logs}"
    if trouble.found == _UNSEEN:
        return (
            f"let its user see the version: ACL SETUSER {user} +info; or take `version` of "
            f"{target.name} out of seatrial.yaml"
        )
    return {
        Cause.REFUSED: f"{target.start}, or correct {setting}",
        Cause.DNS: f"correct the host name in {setting}",
        Cause.TIMEOUT: f"see whether {target.name} hangs ({cli} --latency), or a firewall "
        "drops packets",
        Cause.AUTH: f"correct user and password in {setting}; an empty password means that none "
        "is set there",
        Cause.TLS: "correct its certificate (an authority of your own goes into SSL_CERT_FILE), or "
        f"correct redis:// or rediss:// in {setting}; or let it take clients without a certificate "
        "(tls-auth-clients no)",
        Cause.WRONG_DATABASE: f"correct the database in {setting} ({cli} CONFIG GET databases says "
        "how many there are; in a cluster it is 0)",
        Cause.NOT_AUTHORISED: "allow its user PING and SELECT: ACL SETUSER "
        f"{user} +ping +select; or take the server out of protected mode",
        Cause.EXHAUSTED: f"{cli} CLIENT LIST   (who holds them?), or raise maxclients",
        Cause.WRONG_PROGRAM: f"see what listens at {there.address}: ss -ltnp 'sport = "
        f":{there.port}'; correct {setting}",
        Cause.WRONG_VERSION: f"install the version wanted, or correct `version` of {target.name}",
    }.get(trouble.cause, f"read its log: {target.logs}")
