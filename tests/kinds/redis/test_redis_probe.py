"""Each way in which a real Redis is not well, beside a healthy variant."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
from typing import Any

import pytest

from seatrial.kinds.base import Endpoint, Image, OwnCheck, ProbeResult, Target, Words
from seatrial.kinds.redis.client import RedisClient
from seatrial.outcome import Cause, Connection, Health
from tests.kinds.harness import Running, at
from tests.kinds.redis.conftest import Look, Start, make_config

CONTAINED = (Image("redis:7", "sha256:1"),)
HEALTHY = OwnCheck(well="its own health check says healthy")


def test_a_healthy_one(server: Running, look: Look) -> None:
    result = look(server.target)
    assert (result.health, result.connection) == (Health.HEALTHY, Connection.CONNECTED)
    assert result.cause is None
    assert result.version is not None
    assert result.version.split(".")[0].isdigit()


def test_one_without_a_password(start: Start, look: Look) -> None:
    with start() as target:
        assert look(target).health is Health.HEALTHY


@pytest.mark.parametrize("password", [None, "wrong-password"])
def test_a_wrong_password(server: Running, look: Look, password: str | None) -> None:
    result = look(at(server.target, password=password))
    assert result.cause is Cause.AUTH
    assert "wrong-password" not in repr(result)
    assert "password" in result.fix


@pytest.mark.parametrize(
    ("said", "password", "seen"),
    [
        ({}, None, (Health.UNHEALTHY, Cause.AUTH)),
        ({"own_check": HEALTHY}, None, (Health.UNHEALTHY, Cause.AUTH)),
        ({"images": CONTAINED}, None, (Health.UNKNOWN, Cause.NOT_MEASURED)),
        ({"images": CONTAINED, "own_check": HEALTHY}, None, (Health.HEALTHY, Cause.AUTH)),
        ({"images": CONTAINED}, "wrong-password", (Health.UNHEALTHY, Cause.AUTH)),
    ],
)
def test_a_login_that_nothing_in_a_project_tells(
    server: Running,
    look: Look,
    said: dict[str, Any],
    password: str | None,
    seen: tuple[Health, Cause],
) -> None:
    asked = dataclasses.replace(at(server.target, password=password), provider=Words(**said))
    result = look(asked)
    assert (result.health, result.cause) == seen
    as_told = look(dataclasses.replace(asked, as_told=True))
    assert (as_told.health, as_told.cause) == (Health.UNHEALTHY, Cause.AUTH)
    nobody = result.cause is Cause.NOT_MEASURED or result.health is Health.HEALTHY
    assert ("nothing in the project tells a login" in result.found) is nobody
    assert ("or leave " in result.fix) is nobody


def test_a_password_where_none_is_set(start: Start, look: Look) -> None:
    with start() as target:
        assert look(at(target, password="needless")).cause is Cause.AUTH


def test_a_user_who_may_not_even_ping(start: Start, look: Look) -> None:
    may_not = ("--user", "poor", "on", ">poor-password", "-@all")
    may = ("--user", "rich", "on", ">rich-password", "+ping")
    with start(*may_not, *may) as target:
        result = look(at(target, user="poor", password="poor-password"))
        assert result.cause is Cause.NOT_AUTHORISED
        assert result.connection is Connection.CONNECTED
        well = look(at(target, user="rich", password="rich-password"))
        assert (well.health, well.version) == (Health.HEALTHY, None)  # no INFO for him
        wanted = dataclasses.replace(target, config=make_config(version=">=5"))
        unseen = look(at(wanted, user="rich", password="rich-password"))
        assert unseen.cause is Cause.WRONG_VERSION
        assert "ACL SETUSER rich +info" in unseen.fix


def test_a_database_that_is_none(start: Start, look: Look) -> None:
    with start("--databases", "4") as target:
        assert look(at(target, path="/3")).health is Health.HEALTHY
        result = look(at(target, path="/4"))
        assert (result.cause, result.connection) == (Cause.WRONG_DATABASE, Connection.CONNECTED)
        assert "CONFIG GET databases" in result.fix
        declared = dataclasses.replace(at(target, path=""), config=make_config(database=4))
        assert look(declared).cause is Cause.WRONG_DATABASE


def test_a_cluster_has_one_database(start: Start, look: Look) -> None:
    with start("--cluster-enabled", "yes") as target:
        assert look(at(target, path="/0")).health is Health.HEALTHY
        assert look(at(target, path="/1")).cause is Cause.WRONG_DATABASE


def test_no_connection_is_free(start: Start, look: Look) -> None:
    with start("--maxclients", "1") as target:
        endpoint = target.endpoint()
        assert look(target).health is Health.HEALTHY
        with socket.create_connection((endpoint.host, endpoint.port)) as held:
            held.sendall(b"PING\r\n")
            assert held.recv(100) == b"+PONG\r\n"
            assert look(target).cause is Cause.EXHAUSTED


def test_a_replica_that_lost_its_master_says_so(start: Start, look: Look) -> None:
    with start("--replicaof", "127.0.0.1 1", "--replica-serve-stale-data", "no") as target:
        result = look(target)
    assert result.cause is Cause.UNHEALTHY
    assert "MASTERDOWN" in result.found
    assert "INFO replication" in result.fix
    assert result.fix.endswith("its log: seatrial logs cache")


def test_versions(server: Running, look: Look) -> None:
    well = dataclasses.replace(server.target, config=make_config(version=">=5"))
    assert look(well).health is Health.HEALTHY
    future = dataclasses.replace(server.target, config=make_config(version=">=99"))
    result = look(future)
    assert (result.cause, result.expected) == (Cause.WRONG_VERSION, "version >=99")


def test_tls_to_a_server_without(server: Running, look: Look) -> None:
    asked = at(server.target, scheme="rediss")
    assert look(asked).cause is Cause.TLS
    assert look(well(asked)).health is Health.UNHEALTHY  # it has said so itself


ANY = "/0?ssl_cert_reqs=none"


def test_tls_alone(start: Start, look: Look, tls: tuple[str, ...]) -> None:
    with start(*tls, "--requirepass", "s3same", secure=True) as there:
        right = at(there, scheme="rediss", path=ANY, password="s3same")
        assert look(right).health is Health.HEALTHY
        client = RedisClient(right)
        assert client.ping() is True
        client.close()
        wrong = at(right, password="wrong-password")
        assert look(wrong).cause is Cause.AUTH
        assert look(well(wrong)).health is Health.UNHEALTHY  # a login is no matter of TLS
        plain, strict = at(right, scheme="redis", path="/0"), at(right, path="/0")
        for asked, found in ((plain, "it speaks TLS only"), (strict, "self-signed certificate")):
            result = look(asked)
            assert (result.health, result.cause) == (Health.UNHEALTHY, Cause.TLS)
            assert found in result.found
            believed = look(well(asked))
            assert (believed.health, believed.cause) == (Health.HEALTHY, Cause.TLS)
            assert believed.found.endswith("; its own health check says healthy")
    assert look(well(right)).cause is Cause.REFUSED
    assert look(well(right)).health is Health.UNHEALTHY


def test_tls_that_wants_a_certificate_of_us(start: Start, look: Look, tls: tuple[str, ...]) -> None:
    with start(*tls[:-1], "yes", secure=True) as there:
        asked = at(there, scheme="rediss", path=ANY)
        result = look(asked)
        assert (result.health, result.cause) == (Health.UNHEALTHY, Cause.TLS)
        in_project = dataclasses.replace(asked, provider=Words(images=CONTAINED))
        unseen = look(in_project)
        assert (unseen.health, unseen.cause) == (Health.UNKNOWN, Cause.NOT_MEASURED)
        assert "nothing in the project tells a certificate for it" in unseen.found
        assert unseen.fix.startswith("nothing, where only clients with a certificate are meant")
        says_well = Words(images=CONTAINED, own_check=HEALTHY)
        believed = look(dataclasses.replace(asked, provider=says_well))
        assert (believed.health, believed.cause) == (Health.HEALTHY, Cause.TLS)
        assert "certificate of its clients" in result.found
        assert look(well(asked)).health is Health.HEALTHY


def well(target: Target) -> Target:
    said = Words(own_check=HEALTHY)
    return dataclasses.replace(target, provider=said)


def test_a_server_of_another_protocol(look: Look) -> None:
    result = asyncio.run(_against_http(look))
    assert result.cause is Cause.WRONG_PROGRAM
    assert "an HTTP server answers at" in result.found


async def _against_http(look: Look) -> ProbeResult:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        there = Endpoint("redis", "127.0.0.1", port)
        target = Target("cache", "redis", make_config(), {"redis": (there,)})
        return await asyncio.to_thread(look, target)


def test_a_paused_server_and_a_dead_one(start: Start, look: Look, server: Running) -> None:
    with server.paused():
        assert look(server.target, 0.5).cause is Cause.TIMEOUT
    with start() as target:
        assert look(target).health is Health.HEALTHY
    assert look(target).cause is Cause.REFUSED


def test_a_name_without_an_address(server: Running, look: Look) -> None:
    assert look(at(server.target, host="nowhere.invalid")).cause is Cause.DNS
