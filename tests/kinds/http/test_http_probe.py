"""The probe of HTTP services against real servers, well-behaved and not."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from http_pages import Pages, target

from seatrial.kinds import connecting, resolving
from seatrial.kinds.base import (
    Context,
    Endpoint,
    Image,
    Listening,
    OwnCheck,
    ProbeResult,
    Target,
    Words,
)
from seatrial.kinds.http import wire
from seatrial.kinds.http.client import HttpClient
from seatrial.kinds.http.config import HttpConfig
from seatrial.kinds.http.probe import probe
from seatrial.outcome import Cause, Connection, Health, State
from seatrial.waiting import Deadline

pytestmark = pytest.mark.asyncio


def by_itself(**said: Any) -> Words:
    """Words of its own health check alone."""
    return Words(own_check=OwnCheck(**said))


async def look(at: Target, context: Context, seconds: float = 5.0) -> ProbeResult:
    return await probe(at, context, Deadline.after(seconds))


async def test_a_healthy_service(serve, context):
    pages = Pages({"/health": (200, {"status": "healthy", "version": "1.4.2"})})
    result = await look(target(await serve(pages)), context)
    assert (result.health, result.connection, result.cause) == (
        Health.HEALTHY,
        Connection.CONNECTED,
        None,
    )
    assert result.version == "1.4.2"
    assert 0 < result.response_time_ms < 1000
    assert pages.asked == ["/health"]


@pytest.mark.parametrize(
    "page",
    [
        (200, "OK"),
        (204, ""),
        (200, {"status": "UP", "components": {"db": {"status": "UP"}}}),
        (200, {"status": "pass"}),
        (200, {"status": "purple"}),
        (200, {"ok": True, "error": None}),
        (200, [1, 2]),
        (200, "{not json"),
        # It says that it is well, and so it is, whatever a part that it can do without says.
        (200, {"status": "healthy", "cache_status": "disconnected"}),
        (200, "x" * 200_000),
        # A Rails-like green page: HTML, but only there.
        (200, "<html><body>green</body></html>", {"Content-Type": "text/html; charset=utf-8"}),
    ],
)
async def test_no_false_alarm(serve, context, page):
    result = await look(target(await serve(Pages({"/health": page}))), context)
    assert (result.health, result.cause) == (Health.HEALTHY, None), result.found


DISK = {"status": "UP", "details": {"total": 1, "free": 1, "exists": True}}
#: As they answer when all is well; shortened.
OF_OTHERS = {
    "spring": {
        "status": "UP",
        "components": {
            "discoveryComposite": {"description": "not initialized", "status": "UNKNOWN"},
            "diskSpace": DISK,
            "ping": {"status": "UP"},
        },
        "groups": ["liveness", "readiness"],
    },
    "asp.net": "Healthy",
    "asp.net, in json": {
        "Status": "Healthy",
        "TotalDuration": "00:00:00.0347",
        "Entries": {"sql": {"Data": {}, "Description": None, "Status": "Healthy", "Tags": []}},
    },
    "django": {"Cache backend: default": "working", "DatabaseBackend": "working"},
    "elasticsearch": {
        "cluster_name": "docs",
        "status": "yellow",
        "timed_out": False,
        "unassigned_shards": 1,
    },
    "rabbitmq": {"status": "ok"},
    "minio": "",
    "keycloak": {"status": "UP", "checks": [{"name": "Keycloak database", "status": "UP"}]},
    "kong": {"database": {"reachable": True}, "server": {"connections_active": 1}},
    "kong, ready": {"message": "ready"},
    "qdrant": "healthz check passed",
    "qdrant, ready": "all shards are ready",
    "etcd": {"health": "true", "reason": ""},
    "grafana": {"commit": "1e84fed", "database": "ok", "version": "11.1.0"},
    "influxdb": {"name": "influxdb", "message": "ready", "status": "pass", "checks": []},
    "terminus": {"status": "ok", "info": {"db": {"status": "up"}}, "error": {}, "details": {}},
    "vault": {"initialized": True, "sealed": False, "standby": False},
    "airflow": {"scheduler": {"status": "healthy"}, "triggerer": {"status": None}},
    "prometheus": "Prometheus Server is Healthy.\n",
    "kubernetes": "[+]ping ok\n[+]etcd ok\nlivez check passed\n",
    "consul": [{"Node": "one", "Name": "Serf Health", "Status": "passing"}],
    "a part that is switched off": {"ldap": {"enabled": False, "connected": False}},
    "nothing failed": {"jobs": "failed: 0, done: 12", "read_only": "no", "colour": "red"},
}


@pytest.mark.parametrize("said", OF_OTHERS.values(), ids=OF_OTHERS)
async def test_the_health_answers_of_well_known_servers(serve, context, said):
    result = await look(target(await serve(Pages({"/health": (200, said)}))), context)
    assert (result.health, result.cause, result.complaints) == (Health.HEALTHY, None, ())


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"status": "ok", "healthy": False}, "200: healthy: false"),
        ({"success": False, "message": "no disk"}, "200: success: false, no disk"),
        ({"Status": "Unhealthy"}, "200: status: Unhealthy"),
        ({"status": "UNHEALTHY: no disk"}, "200: status: UNHEALTHY: no disk"),
        ({"status": "NOK"}, "200: status: NOK"),
        ({"health": "false", "reason": "NO LEADER"}, "200: health: false, NO LEADER"),
        ({"status": "red", "timed_out": False}, "200: status: red"),
        ("UNHEALTHY: no disk", "200: UNHEALTHY: no disk"),
        ("Unhealthy\n", "200: Unhealthy"),
        ('"down"', "200: down"),
        ("false", "200: false"),
    ],
)
async def test_a_2xx_answer_that_says_it_is_not_well(serve, context, said, found):
    result = await look(target(await serve(Pages({"/health": (200, said)}))), context)
    assert (result.health, result.cause) == (Health.UNHEALTHY, Cause.UNHEALTHY)
    assert found in result.found


@pytest.mark.parametrize(
    ("page", "cause", "found"),
    [
        ((401, ""), Cause.AUTH, "401"),
        ((403, ""), Cause.NOT_AUTHORISED, "403"),
        ((404, ""), Cause.WRONG_PROGRAM, "path /health answers 404"),
        ((405, ""), Cause.WRONG_PROGRAM, "405"),
        ((400, "The plain HTTP request was sent to HTTPS port"), Cause.TLS, "HTTPS port"),
        ((400, {"type": "https://example.test/bad"}), Cause.UNHEALTHY, "400"),
        ((429, "slow down"), Cause.UNHEALTHY, "429: slow down"),
        ((500, "oh no"), Cause.UNHEALTHY, "500: oh no"),
        (
            (502, "<html>", {"Content-Type": "text/html", "Server": "nginx"}),
            Cause.UNHEALTHY,
            "gateway",
        ),
        (
            (503, {"status": "unhealthy", "database_status": "disconnected", "queue_status": "up"}),
            Cause.UNHEALTHY,
            "503: status: unhealthy, database_status: disconnected",
        ),
        (
            (503, {"schema_version": {"found": "a1", "expected": "b2"}}),
            Cause.UNHEALTHY,
            "schema_version: found a1, expected b2",
        ),
        ((503, {"title": "No", "detail": "cannot reach the database"}), Cause.UNHEALTHY, "cannot"),
        ((200, {"status": "DOWN"}), Cause.UNHEALTHY, "DOWN"),
        (
            (503, {"status": "unhealthy", "database": "connection failed: no such user"}),
            Cause.UNHEALTHY,
            "database: connection failed: no such user",
        ),
        (
            (503, {"checks": {"database": {"error": "could not connect"}}}),
            Cause.UNHEALTHY,
            "checks.database.error: could not connect",
        ),
        ((503, {"status": "unhealthy", "database": False}), Cause.UNHEALTHY, "database: false"),
        (
            (500, {"status": "down", "why": {"code": 17}}),
            Cause.UNHEALTHY,
            'status: down, {"why": {"code": 17}}',
        ),
        ((200, {"healthy": False}), Cause.UNHEALTHY, "false"),
        ((302, "", {"Location": "http://example.test/login"}), Cause.WRONG_PROGRAM, "elsewhere"),
        ((302, "", {"Location": "/health"}), Cause.WRONG_PROGRAM, "in circles"),
        ((302, "", {"Location": "http://[broken"}), Cause.WRONG_PROGRAM, "elsewhere"),
    ],
)
async def test_an_answer_that_is_not_well(serve, context, page, cause, found):
    result = await look(target(await serve(Pages({"/health": page}))), context)
    assert result.health is Health.UNHEALTHY
    assert result.cause is cause
    assert found in result.found
    assert "/health" in result.expected
    assert result.fix


async def test_degraded_in_plain_text_is_a_warning(serve, context):
    result = await look(target(await serve(Pages({"/health": (200, "Degraded")}))), context)
    assert (result.health, result.cause) == (Health.HEALTHY, Cause.UNHEALTHY)
    assert result.found == "200: Degraded"


async def test_what_it_complains_of_in_a_list_is_named(serve, context):
    said = {"components": [{"component": "queue", "healthy": False}, {"service": "db", "ok": True}]}
    result = await look(target(await serve(Pages({"/health": (503, said)}))), context)
    assert result.complaints == ("components.queue",)


async def test_what_it_complains_of_is_named(serve, context):
    said = {
        "status": "DOWN",
        "components": {"db": {"status": "DOWN"}, "disk": {"status": "UP"}},
        "checks": [{"name": "cache", "status": "fail"}],
    }
    result = await look(target(await serve(Pages({"/health": (503, said)}))), context)
    assert result.complaints == ("components.db", "checks.cache")


@pytest.mark.parametrize(
    "said",
    [
        {"status": "degraded", "queue_status": "disconnected"},
        {"database": "down"},
        {"database": {"reachable": False}},
        [{"name": "db", "status": "up"}, {"name": "queue", "status": "down"}],
        {"components": [{"component": "queue", "healthy": False}]},
    ],
)
async def test_a_doubtful_answer_is_a_warning(serve, context, said):
    result = await look(target(await serve(Pages({"/health": (200, said)}))), context)
    assert (result.health, result.cause) == (Health.HEALTHY, Cause.UNHEALTHY)
    assert result.complaints


@pytest.mark.parametrize(
    "said", [{"status": "ok", "errors": "no errors"}, {"status": "up", "maintenance": False}]
)
async def test_words_of_a_healthy_answer_are_not_weighed(serve, context, said):
    result = await look(target(await serve(Pages({"/health": (200, said)}))), context)
    assert (result.health, result.complaints) == (Health.HEALTHY, ())


async def test_passwords_are_not_quoted(serve, context):
    said = {"status": "down", "detail": "cannot reach postgresql://joe:s3cr3tpass@db/x"}
    result = await look(target(await serve(Pages({"/health": (503, said)}))), context)
    assert "postgresql://joe:***@db/x" in result.found


async def test_what_is_quoted_can_be_printed_and_does_nothing_to_a_terminal(serve, context):
    said = {"status": "down", "detail": "\x1b[2J\x07\x9b \ud800 für"}  # dumped as \uXXXX
    result = await look(target(await serve(Pages({"/health": (500, said)}))), context)
    assert result.found.encode().endswith(rb"\x1b[2J\x07\x9b \ud800 " + "für".encode())


async def test_a_catch_all_page_is_no_health_check(serve, context):
    page = (200, "<html>the app</html>", {"Content-Type": "text/html"})
    endpoint = await serve(Pages({"*": page}))
    result = await look(target(endpoint), context)
    assert (result.health, result.cause) == (Health.UNHEALTHY, Cause.WRONG_PROGRAM)
    assert (await look(target(endpoint, health="/"), context)).health is Health.HEALTHY


async def test_a_redirect_within_the_service_is_followed(serve, context):
    pages = Pages(
        {
            "/health": (307, "", {"Location": "/v1/health/"}),
            "/v1/health/": (308, "", {"Location": "status"}),
            "/v1/health/status": (200, "ok"),
        }
    )
    assert (await look(target(await serve(pages)), context)).health is Health.HEALTHY
    assert pages.asked == ["/health", "/v1/health/", "/v1/health/status"]


async def test_it_is_asked_by_the_name_that_it_knows(serve, context):
    pages = Pages({"/health/": (200, "ok")})
    endpoint = dataclasses.replace(await serve(pages), called="shop.test")
    for host in ("shop.test", endpoint.host):
        there = f"http://{host}:{endpoint.port}/health/"
        pages.pages["/health"] = (307, "", {"Location": there})
        assert (await look(target(endpoint), context)).health is Health.HEALTHY
    assert pages.asked == ["/health", "/health/"] * 2
    assert all(f"Host: shop.test:{endpoint.port}\r\n" in one for one in pages.requests)
    pages.pages["/health"] = (307, "", {"Location": there.replace(endpoint.host, "other.test")})
    assert (await look(target(endpoint), context)).health is Health.UNHEALTHY


async def test_a_redirect_to_another_port_is_not_followed(serve, context):
    other = Pages({"*": (200, "ok")})
    there = await serve(other)
    pages = Pages({"/health": (302, "", {"Location": there.url + "/health"})})
    result = await look(target(await serve(pages)), context)
    assert result.cause is Cause.WRONG_PROGRAM
    assert other.asked == []


@pytest.mark.parametrize("status", [200, 302, 401, 404])
async def test_without_a_health_path_any_answer_counts(serve, context, status):
    pages = Pages({"/base/": (status, "", {"Location": "http://example.test/"})})
    endpoint = await serve(pages, path="/base?x=1")
    assert (await look(target(endpoint, health=None), context)).health is Health.HEALTHY
    assert pages.asked == ["/base/"]


async def test_without_a_health_path_a_5xx_is_unhealthy(serve, context):
    result = await look(target(await serve(Pages({"/": (503, "no")})), health=None), context)
    assert result.cause is Cause.UNHEALTHY


async def test_the_path_and_login_of_the_endpoint_are_used(serve, context):
    pages = Pages({"/base/health": (200, "ok")})
    at = await serve(pages, path="/base/")
    at = Endpoint("http", at.host, at.port, at.path, "joe", "se cret")
    assert (await look(target(at), context)).health is Health.HEALTHY
    assert "Authorization: Basic am9lOnNlIGNyZXQ=" in pages.requests[0]


async def test_refused(free_port, context):
    result = await look(target(Endpoint("http", "127.0.0.1", free_port)), context)
    assert (result.health, result.cause) == (Health.UNHEALTHY, Cause.REFUSED)
    assert "connection refused" in result.found
    assert str(free_port) in result.expected
    assert "correct the endpoint of" in result.fix


async def test_who_may_see_its_health(serve, context):
    there = await serve(Pages({"/health": (401, "")}))
    elsewhere = (await look(target(there), context)).fix
    assert elsewhere.startswith("open /health to everybody, or give the endpoint of ")
    started = dataclasses.replace(target(there), states=(State.READY,))
    assert (await look(started, context)).fix == "open /health to everybody"
    named = dataclasses.replace(there, user="me", password="no")
    fix = (await look(target(named), context)).fix
    assert fix.startswith("correct user and password in the endpoint of ")


@pytest.mark.parametrize("host", ["no-such-host.invalid", "", "a..b", "x" * 80])
async def test_dns(context, host):
    result = await look(target(Endpoint("http", host, 80)), context)
    assert result.cause is Cause.DNS
    assert repr(host) in result.found


async def test_a_name_server_that_is_silent(context, monkeypatch):
    answered = threading.Event()
    monkeypatch.setattr(resolving, "_look_up", lambda *a: answered.wait(5) and [])
    began = time.monotonic()
    result = await look(target(Endpoint("http", "slow.invalid", 80), time_limit=0.2), context)
    assert result.cause is Cause.TIMEOUT
    assert "not resolved" in result.found
    assert time.monotonic() - began < 2
    (waiting,) = (t for t in threading.enumerate() if t.name == "resolve slow.invalid")
    assert waiting.daemon  # the program can end without it
    answered.set()
    await asyncio.to_thread(waiting.join)


async def test_a_full_backlog_is_a_time_out(context):
    """A port that takes no more connections drops their packets, as a black hole does."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        waiting = []
        for _ in range(4):
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", port))
            waiting.append(sock)
        result = await look(target(Endpoint("http", "127.0.0.1", port), time_limit=0.2), context)
        for sock in waiting:
            sock.close()
    assert result.cause is Cause.TIMEOUT
    assert "no connection" in result.found
    assert result.connection is Connection.DISCONNECTED


async def test_a_header_that_is_too_long(serve, context):
    async def long_winded(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nX-Debug: " + b"x" * 200_000 + b"\r\n\r\nok")
        await writer.drain()
        writer.close()

    result = await look(target(await serve(long_winded)), context)
    assert (result.health, result.cause) == (Health.UNHEALTHY, Cause.UNHEALTHY)
    assert "headers longer than the 65536 bytes" in result.found
    assert result.fix


async def test_accepted_but_silent(serve, context):
    async def silent(reader, writer):
        await asyncio.Event().wait()

    began = time.monotonic()
    result = await look(target(await serve(silent), time_limit=0.2), context)
    assert result.cause is Cause.TIMEOUT
    assert "nothing came back" in result.found
    assert time.monotonic() - began < 2


async def test_no_tls_handshake(serve, context):
    async def silent(reader, writer):
        await asyncio.Event().wait()

    there = await serve(silent)
    result = await look(target(Endpoint("https", there.host, there.port), time_limit=0.2), context)
    assert result.cause is Cause.TIMEOUT
    assert "no TLS handshake" in result.found


async def test_a_trickling_body(serve, context):
    async def trickle(reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.02)

    began = time.monotonic()
    result = await look(target(await serve(trickle), time_limit=0.2), context)
    assert (result.health, result.cause) == (Health.UNHEALTHY, Cause.TIMEOUT)
    assert "did not end" in result.found
    assert time.monotonic() - began < 2


async def test_an_endless_body_is_cut(serve, context):
    async def endless(reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    endpoint = await serve(endless)
    answer = await wire.get(endpoint, "/health", Deadline.after(5))
    assert len(answer.body) == wire.BODY_LIMIT
    assert not answer.complete
    assert answer.too_long
    assert not answer.timed_out


LARGE = b'{"status": "unhealthy", "more": "%s"}' % (b"x" * 100_000)
PIECES = {
    "nothing of it": (b"Content-Length: 5000\r\n\r\n", Cause.UNHEALTHY, "broke off after 0"),
    "a part": (b'Content-Length: 5000\r\n\r\n{"status"', Cause.UNHEALTHY, "broke off after 9"),
    "broken chunks": (
        b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\nzz\r\n", Cause.UNHEALTHY, "broke off"
    ),
    "long": (b"Content-Length: %d\r\n\r\n%s" % (len(LARGE), LARGE), Cause.UNHEALTHY, "unhealthy"),
    "too long": (b"\r\n" + b"x" * (wire.BODY_LIMIT + 1), Cause.NOT_MEASURED, "longer than"),
}  # fmt: skip


@pytest.mark.parametrize(("rest", "cause", "found"), PIECES.values(), ids=PIECES.keys())
async def test_an_answer_is_read_whole_or_is_not_healthy(serve, context, rest, cause, found):
    async def piece(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n" + rest)
        await writer.drain()
        writer.close()

    result = await look(target(await serve(piece)), context)
    assert result.cause is cause
    assert found in result.found
    assert result.health is (Health.UNKNOWN if cause is Cause.NOT_MEASURED else Health.UNHEALTHY)


async def test_a_failure_whose_body_hangs_keeps_its_status(serve, context):
    async def half(reader, writer):
        writer.write(b"HTTP/1.1 503 No\r\nContent-Length: 900\r\n\r\npart of it")
        await asyncio.Event().wait()

    result = await look(target(await serve(half), time_limit=0.2), context)
    assert result.cause is Cause.UNHEALTHY
    assert "503" in result.found


@pytest.mark.parametrize(
    "greeting", [b"AMQP\x00\x00\x09\x01", b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"-ERR unknown\r\n\r\n"]
)
async def test_another_protocol(serve, context, greeting):
    async def other(reader, writer):
        writer.write(greeting)
        await writer.drain()
        writer.write_eof()
        await reader.read()

    result = await look(target(await serve(other)), context)
    assert result.cause is Cause.WRONG_PROGRAM
    assert greeting[:3].decode() in result.found


async def test_hung_up_without_a_word(serve, context):
    async def close(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write_eof()
        await reader.read()

    result = await look(target(await serve(close)), context)
    assert result.cause is Cause.REFUSED
    assert "hangs up without an answer" in result.found


async def test_reset_without_a_word(serve, context):
    async def reset(reader, writer):
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await reader.readuntil(b"\r\n\r\n")

    result = await look(target(await serve(reset)), context)
    assert result.cause is Cause.REFUSED
    assert "reset" in result.found


async def test_tls_where_http_is_declared_and_the_reverse(serve, context, tls):
    encrypted = await serve(Pages({"*": (200, "ok")}), tls=tls)
    plain = Endpoint("http", encrypted.host, encrypted.port)
    result = await look(target(plain), context)
    assert result.cause is Cause.TLS
    assert "speaks TLS" in result.found
    contained = Words(images=(Image("x", "sha256:1"),))
    assert (
        await look(dataclasses.replace(target(plain), provider=contained), context)
    ).cause is None

    async def alert(reader, writer):
        writer.write(b"\x15\x03\x01\x00\x02\x02\x46")
        await writer.drain()
        await reader.read()

    assert (await look(target(await serve(alert)), context)).cause is Cause.TLS

    async def plain_only(reader, writer):
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        await reader.read()

    unencrypted = await serve(plain_only)
    result = await look(target(Endpoint("https", "127.0.0.1", unencrypted.port)), context)
    assert result.cause is Cause.TLS
    assert "does not speak TLS" in result.found


CONTAINED = Words(images=(Image("x", "sha256:1"),))
ALERT = b"\x15\x03\x01\x00\x02\x02\x28"  # of TLS


async def test_tls_within_tls_is_asked_twice_at_most(serve, context, tls):
    """A gateway ends TLS, and behind it somebody wants it once more."""
    asked = []

    async def alert(reader, writer):
        asked.append(writer)
        writer.write(ALERT)
        await writer.drain()

    there = await serve(alert, tls=tls)
    told = await look(target(dataclasses.replace(there, verified=False)), context)
    assert (told.health, told.cause) == (Health.UNHEALTHY, Cause.TLS)
    assert told.found.startswith("it speaks TLS within TLS")
    plain = target(dataclasses.replace(there, scheme="http"))
    asked.clear()
    unsaid = await look(dataclasses.replace(plain, provider=CONTAINED), context)
    assert (unsaid.cause, unsaid.found) == (Cause.TLS, told.found)
    assert len(asked) <= 2  # whether it speaks TLS, and a page


async def test_asked_twice_it_has_no_more_time(serve, context):
    asked = []

    async def late(reader, writer):
        asked.append(writer)
        if len(asked) == 1:
            await asyncio.sleep(0.3)  # of 0.6
            writer.write(ALERT)
            await writer.drain()
        await reader.read()
        await asyncio.Event().wait()

    late_one = dataclasses.replace(target(await serve(late), time_limit=0.4), provider=CONTAINED)
    result = await look(late_one, context)
    assert len(asked) == 2
    assert result.cause is Cause.TIMEOUT
    assert "no TLS handshake" in result.found
    assert "0.6 s" not in result.found


async def test_a_certificate_that_nobody_vouches_for(serve, context, tls):
    result = await look(target(await serve(Pages({"*": (200, "ok")}), tls=tls)), context)
    assert result.cause is Cause.TLS
    assert "certificate" in result.found


async def test_a_certificate_that_is_made_for_another_view(serve, context, tls):
    """As the containers of a project have it: made for their names there."""
    told = dataclasses.replace(await serve(Pages({"*": (200, "ok")}), tls=tls), verified=False)
    assert (await look(target(told), context)).health is Health.HEALTHY
    with HttpClient(target(told)) as client:
        assert (await client.aio.get("/")).text == "ok"


async def test_a_certificate_of_an_authority_of_ones_own(
    serve, context, tls, certificate, monkeypatch
):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    connecting.tls_context.cache_clear()
    result = await look(target(await serve(Pages({"*": (200, "ok")}), tls=tls)), context)
    connecting.tls_context.cache_clear()
    assert result.health is Health.HEALTHY, result.found


async def test_the_worst_replica_is_the_result(serve, free_port, context):
    good = await serve(Pages({"*": (200, "ok")}))
    result = await look(target(good, Endpoint("http", "127.0.0.1", free_port)), context)
    assert result.cause is Cause.REFUSED
    assert "replica 1 of api" in result.found


@pytest.mark.parametrize(
    ("wanted", "said", "health", "cause"),
    [
        (">=1.4,<2", {"version": "1.4.2"}, Health.HEALTHY, None),
        (">=2", {"version": "v1.4.2"}, Health.UNHEALTHY, Cause.WRONG_VERSION),
        ("1.4", {"version": "1.5.0"}, Health.UNHEALTHY, Cause.WRONG_VERSION),
        (">=2", {"status": "ok"}, Health.HEALTHY, Cause.NOT_MEASURED),
        (">=2", {"version": "main"}, Health.HEALTHY, Cause.NOT_MEASURED),
    ],
)
async def test_a_declared_version(serve, context, wanted, said, health, cause):
    at = target(await serve(Pages({"/health": (200, said)})), version=wanted)
    result = await look(at, context)
    assert (result.health, result.cause) == (health, cause)
    assert cause is None or "`version`" in result.fix


@pytest.mark.parametrize(
    ("states", "cause", "word"),
    [
        ((State.STOPPED,), Cause.STOPPED, "stopped on request"),
        ((State.PAUSED,), Cause.STOPPED, "paused"),
        ((State.EXITED,), Cause.EXITED, "seatrial logs api"),
        ((State.READY, State.EXITED), Cause.EXITED, "replica 1"),
        ((State.FAILED, State.EXITED), Cause.EXITED, "replica 1"),
    ],
)
async def test_what_the_keeper_knows_is_not_asked_again(serve, context, states, cause, word):
    pages = Pages({"*": (200, "ok")})
    at = target(await serve(pages))
    at = Target(at.name, at.kind, at.config, at.endpoints, states)
    result = await look(at, context)
    assert (result.health, result.cause) == (Health.UNHEALTHY, cause)
    assert word in result.found + result.fix
    assert pages.asked == []


@pytest.mark.parametrize("state", [State.STARTING, State.FAILED, State.READY, State.UNREACHABLE])
async def test_otherwise_the_service_is_asked(serve, context, state):
    pages = Pages({"*": (200, "ok")})
    at = target(await serve(pages))
    at = Target(at.name, at.kind, at.config, at.endpoints, (state,))
    assert (await look(at, context)).health is Health.HEALTHY
    assert pages.asked == ["/health"]


async def test_one_that_still_waits_is_unknown(serve, context):
    at = target(await serve(Pages({})))
    at = Target(at.name, at.kind, at.config, at.endpoints, (State.WAITING,))
    assert (await look(at, context)).health is Health.UNKNOWN


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that signed itself, and its key, in one file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    key, cert, both = folder / "key.pem", folder / "cert.pem", folder / "both.pem"
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True)
    both.write_text(key.read_text() + cert.read_text())
    return both


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.mark.parametrize(
    ("page", "cause", "believed"),
    [
        ((401, "who are you?"), Cause.AUTH, True),
        ((403, "not you"), Cause.NOT_AUTHORISED, True),
        ((404, "nothing here"), Cause.WRONG_PROGRAM, True),
        ((400, "Bad Request"), Cause.UNHEALTHY, True),
        ((500, "no database"), Cause.UNHEALTHY, False),
        ((200, {"status": "DOWN"}), Cause.UNHEALTHY, False),
    ],
)
async def test_its_own_health_check_is_believed_where_it_may_ask_better(
    serve, context, page, cause, believed
):
    asked = target(await serve(Pages({"/health": page})))
    alone = await look(asked, context)
    assert (alone.health, alone.cause) == (Health.UNHEALTHY, cause)
    well = by_itself(well="its own health check says healthy")
    result = await look(dataclasses.replace(asked, provider=well), context)
    assert (result.health is Health.HEALTHY, result.cause) == (believed, cause)
    assert ("its own health check says healthy" in result.found) is believed


@pytest.mark.parametrize("page", [(503, "who are you?"), (404, "none"), (421, "not here")])
async def test_what_its_own_health_check_asks_otherwise_is_as_well_as_that_says(
    serve, context, page
):
    asked = target(await serve(Pages({"/health": page})))
    aside = dataclasses.replace(asked, provider=by_itself(aside=True))
    assert (await look(aside, context)).health is Health.UNHEALTHY
    well = dataclasses.replace(asked, provider=by_itself(aside=True, well="it says so"))
    result = await look(well, context)
    assert (result.health, result.cause, result.found) == (Health.HEALTHY, None, "")


@pytest.mark.parametrize(
    ("status", "health", "image", "expected"),
    [
        (503, None, "nginxproxy/nginx-proxy:1", Health.HEALTHY),  # to a name that it does not know
        (503, None, "haproxy:2", Health.UNHEALTHY),
        (503, "/health", "nginxproxy/nginx-proxy:1", Health.UNHEALTHY),
        (502, None, "nginxproxy/nginx-proxy:1", Health.UNHEALTHY),
    ],
)
async def test_a_gateway_may_not_know_whom_it_is_asked_for(
    serve, context, status, health, image, expected
):
    pages = Pages({"/": (status, "no"), "/health": (status, "no")})
    asked = target(await serve(pages), health=health)
    words = Words(by_names=True, images=(Image(image, "sha256:1"),))
    result = await look(dataclasses.replace(asked, provider=words), context)
    assert result.health is expected
    assert (result.cause is Cause.NOT_MEASURED) is (expected is Health.HEALTHY)


@pytest.mark.parametrize(
    ("status", "asks", "quiet"),
    [(403, "/health", True), (429, "/health", True), (403, "/up", False), (500, "/health", False)],
)
async def test_whom_it_lets_in_its_own_health_check_has_said(serve, context, status, asks, quiet):
    asked = target(await serve(Pages({"/health": (status, "no")})))
    well = by_itself(path=asks, well="its own health check says healthy")
    result = await look(dataclasses.replace(asked, provider=well), context)
    assert (result.cause is None) is quiet
    assert (await look(dataclasses.replace(asked, provider=by_itself(path=asks)), context)).cause


async def test_a_redirect_to_https_is_well_to_a_health_check(context):
    async def onward(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        where = b"Location: https://shop.example/health\r\nContent-Length: 0\r\n"
        writer.write(b"HTTP/1.1 301 Moved\r\nConnection: close\r\n" + where + b"\r\n")
        writer.close()

    async with await asyncio.start_server(onward, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        asked = target(Endpoint("http", "127.0.0.1", port), health="/health")
        plain = await look(asked, context)
        assert (plain.health, plain.cause) == (Health.UNHEALTHY, Cause.WRONG_PROGRAM)
        well = await look(
            dataclasses.replace(asked, provider=by_itself(well="it says so")),
            context,
        )
    assert (well.health, well.cause) == (Health.HEALTHY, None)


@pytest.mark.parametrize("seconds", [0.0, 0.2, 30.0])
async def test_its_own_health_check_may_wait_longer(context, seconds):
    async def wait(reader, writer):
        await reader.read()
        writer.close()

    async with await asyncio.start_server(wait, "127.0.0.1", 0) as server:
        there = target(
            Endpoint("http", "127.0.0.1", server.sockets[0].getsockname()[1]), time_limit=0.2
        )
        words = by_itself(patience=seconds, well="its own health check says healthy")
        slow = await look(dataclasses.replace(there, provider=words), context)
        ill = await look(
            dataclasses.replace(there, provider=by_itself(patience=seconds)),
            context,
        )
    assert (ill.health, ill.cause) == (Health.UNHEALTHY, Cause.TIMEOUT)
    assert slow.cause is Cause.TIMEOUT
    assert slow.health is (Health.HEALTHY if seconds > 1 else Health.UNHEALTHY)
    assert ("raise components.api.time_limit" in slow.fix) is (seconds > 1)


async def test_a_gateway_that_hangs_up_may_know_names_of_its_own(context):
    async def hang_up(reader, writer):
        await reader.read(10)
        writer.transport.abort()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        there = target(Endpoint("http", "127.0.0.1", server.sockets[0].getsockname()[1]))

        async def seen(**words):
            return await look(dataclasses.replace(there, provider=Words(**words)), context)

        plain = await seen()
        assert (plain.health, plain.cause) == (Health.UNHEALTHY, Cause.REFUSED)
        gateway = await seen(by_names=True)
        assert (gateway.health, gateway.cause) == (Health.HEALTHY, Cause.NOT_MEASURED)
        why = "hangs up without an answer: it may answer only who asks for a name of its own"
        assert gateway.found.endswith(why)
        deaf = Listening(unheard="nothing listens")
        assert (await seen(by_names=True, listening=deaf)).cause is Cause.REFUSED
        aside = OwnCheck(aside=True, well="it says so")
        assert (await seen(own_check=aside)).health is Health.HEALTHY
        well = OwnCheck(well="it says so")
        declared = await seen(own_check=well)
        assert declared.health is Health.UNHEALTHY, "its health path is declared"
        there = dataclasses.replace(there, config=HttpConfig())
        assert (await seen(own_check=well)).health is Health.HEALTHY
        assert (await seen()).health is Health.UNHEALTHY, "nobody knows whether it listens"
        other = await seen(listening=Listening(heard=True))
        assert (other.health, other.cause) == (Health.HEALTHY, Cause.REFUSED)
        assert other.fix.startswith("if it is no HTTP server, it is of `kind: process`")
        asks = dataclasses.replace(well, path="/up")
        assert (await seen(own_check=asks)).health is Health.UNHEALTHY
        assert (await seen(own_check=well, listening=deaf)).health is Health.UNHEALTHY


@pytest.mark.parametrize(
    "words",
    [by_itself(well="it says so"), Words(by_names=True), Words(listening=Listening(heard=True))],
)
async def test_who_quotes_that_another_hangs_up_has_answered(serve, context, words):
    page = (500, "the store hangs up without an answer")
    asked = target(await serve(Pages({"/": page})), health=None)
    result = await look(dataclasses.replace(asked, provider=words), context)
    assert (result.health, result.cause) == (Health.UNHEALTHY, Cause.UNHEALTHY)


async def test_that_nothing_answers_is_seen_whatever_its_own_health_check_says(context, free_port):
    well = by_itself(well="its own health check says healthy")
    gone = target(Endpoint("http", "127.0.0.1", free_port))
    result = await look(dataclasses.replace(gone, provider=well), context)
    assert (result.health, result.cause) == (Health.UNHEALTHY, Cause.REFUSED)
