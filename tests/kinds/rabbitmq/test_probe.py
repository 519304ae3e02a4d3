"""Each cause is provoked for real, and must be named right and in time."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import socket
import ssl
import subprocess
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from seatrial.kinds.base import Address, Image, ProbeResult, Target, Words
from seatrial.kinds.logins import Logins
from seatrial.kinds.rabbitmq.client import RabbitmqClient
from seatrial.kinds.rabbitmq.installed import find_server
from seatrial.kinds.rabbitmq.meters import read
from seatrial.kinds.rabbitmq.probe import probe
from seatrial.kinds.trouble import Trouble
from seatrial.outcome import Cause, Connection, Health, State
from seatrial.waiting import Deadline, eventually
from tests.kinds.harness import Running, context_of, running
from tests.kinds.rabbitmq.admin import Admin
from tests.kinds.rabbitmq.conftest import Look, as_user, make_config, with_config, with_endpoint

PASSWORD = "a-made-up-password"


@contextmanager
def listening(answer: Callable[[socket.socket], None] | None = None) -> Iterator[int]:
    """A server that takes connections and does `answer` with each, or nothing."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        taken: list[socket.socket] = []
        answering: list[threading.Thread] = []

        def serve() -> None:
            while True:
                try:
                    one, _ = server.accept()
                except OSError:
                    return
                taken.append(one)
                if answer is not None:
                    answering.append(threading.Thread(target=answer, args=(one,)))
                    answering[-1].start()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            for one in (thread, *answering):
                one.join()
            for connection in taken:
                connection.close()


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<h1>It works!</h1>")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def web() -> Iterator[int]:
    """The port of an HTTP server that is no RabbitMQ."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def closed_port() -> Iterator[int]:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        yield one.getsockname()[1]


def faulty(result: ProbeResult, target: Target) -> Cause | None:
    """The cause of an unhealthy result that tells everything but the password."""
    assert result.health is Health.UNHEALTHY
    assert result.expected
    assert result.found
    assert result.fix
    text = f"{result.expected} {result.found} {result.fix}"
    assert not any(
        endpoint.password and endpoint.password in text
        for endpoints in target.endpoints.values()
        for endpoint in endpoints
    )
    return result.cause


def test_a_healthy_broker(target: Target, look: Look) -> None:
    result = look(target)
    assert (result.health, result.connection) == (Health.HEALTHY, Connection.CONNECTED)
    assert result.cause is None
    assert result.version == find_server(None).version
    assert result.response_time_ms < 1000


@pytest.mark.parametrize("name", ["amqp", "management"])
def test_nothing_listens(target: Target, look: Look, closed_port: int, name: str) -> None:
    broken = with_endpoint(target, name, port=closed_port)
    result = look(broken)
    assert faulty(result, broken) is Cause.REFUSED
    assert f"127.0.0.1:{closed_port}" in result.found
    assert f"{name} endpoint" in result.fix


@pytest.mark.parametrize("name", ["amqp", "management"])
def test_a_host_without_an_address(target: Target, look: Look, name: str) -> None:
    broken = with_endpoint(target, name, host="no-such-host.invalid")
    result = look(broken)
    assert faulty(result, broken) is Cause.DNS
    assert "no-such-host.invalid" in result.found


@pytest.mark.parametrize("name", ["amqp", "management"])
def test_a_black_hole(target: Target, look: Look, name: str) -> None:
    with listening() as port:
        broken = with_endpoint(with_config(target, time_limit=0.6), name, port=port)
        before = time.monotonic()
        result = look(broken)
        assert faulty(result, broken) is Cause.TIMEOUT
        assert time.monotonic() - before < 1.5  # 0.9 is its patience


def test_the_deadline_goes_before_the_patience(target: Target, look: Look) -> None:
    with listening() as port:
        broken = with_endpoint(target, "amqp", port=port)
        before = time.monotonic()
        assert faulty(look(broken, 0.3), broken) is Cause.TIMEOUT
        assert time.monotonic() - before < 0.8


def test_a_frozen_broker(target: Target, server: Running, look: Look) -> None:
    with server.paused():
        before = time.monotonic()
        frozen = with_config(target, time_limit=0.6)
        assert faulty(look(frozen), frozen) is Cause.TIMEOUT
        assert time.monotonic() - before < 1.5
    assert look(target).health is Health.HEALTHY


@pytest.mark.parametrize("name", ["amqp", "management"])
def test_a_wrong_password(target: Target, look: Look, name: str) -> None:
    broken = with_endpoint(target, name, password="not-the-password")
    result = look(broken)
    assert faulty(result, broken) is Cause.AUTH
    assert "quantum_user" in result.fix


def test_an_unknown_user(target: Target, look: Look) -> None:
    broken = with_endpoint(target, "amqp", user="nobody_knows_me")
    assert faulty(look(broken), broken) is Cause.AUTH


def test_a_virtual_host_that_is_not_there(target: Target, look: Look) -> None:
    broken = with_endpoint(target, "amqp", path="/no%2Fsuch")
    result = look(broken)
    assert faulty(result, broken) is Cause.WRONG_VHOST
    assert "no/such" in result.found


def test_a_user_without_permissions(target: Target, admin: Admin, look: Look) -> None:
    admin.user("plain")
    broken = with_endpoint(target, "amqp", user="plain", password=PASSWORD)
    result = look(broken)
    assert faulty(result, broken) is Cause.NOT_AUTHORISED
    assert "set_permissions" in result.fix
    admin.permit("plain")
    assert look(broken).health is Health.HEALTHY


def test_an_administrator_without_permissions(target: Target, admin: Admin, look: Look) -> None:
    """As a service's user looks whose permissions were forgotten."""
    admin.delete(f"permissions/{admin.vhost}/quantum_user")
    assert faulty(look(target), target) is Cause.NOT_AUTHORISED


def test_a_user_who_only_observes(target: Target, admin: Admin, look: Look) -> None:
    """The tag monitoring and no right at all in the virtual host, but to enter it."""
    admin.user("watcher", "monitoring")
    watched = as_user(target, "watcher", PASSWORD)
    result = look(watched)
    assert faulty(result, watched) is Cause.NOT_AUTHORISED
    assert "'^$'" in result.fix
    admin.permit("watcher", "^$")
    assert (look(watched).health, look(watched).cause) == (Health.HEALTHY, None)


def test_endpoints_that_are_not_declared(target: Target, look: Look, closed_port: int) -> None:
    for name in ("amqp", "management"):
        only = replace(target, endpoints={name: target.endpoints[name]})
        result = look(only)
        assert (result.health, result.cause) == (Health.HEALTHY, None)
        assert (result.connection, result.version) == (
            Connection.CONNECTED,
            find_server(None).version,
        )
        broken = with_endpoint(only, name, port=closed_port)
        assert faulty(look(broken), broken) is Cause.REFUSED
        assert look(broken).connection is Connection.DISCONNECTED


def test_a_management_endpoint_without_a_login_has_that_of_amqp(target: Target, look: Look) -> None:
    assert look(with_endpoint(target, "management", user=None)).health is Health.HEALTHY


def test_a_management_user_without_a_tag(target: Target, admin: Admin, look: Look) -> None:
    admin.user("untagged")
    broken = with_endpoint(target, "management", user="untagged", password=PASSWORD)
    result = look(broken)
    assert faulty(result, broken) is Cause.NOT_AUTHORISED
    assert "set_user_tags untagged monitoring" in result.fix
    assert result.connection is Connection.CONNECTED  # AMQP works


def test_the_systems_own_user_needs_no_tag(target: Target, admin: Admin, look: Look) -> None:
    admin.user("service")
    own = as_user(target, "service", PASSWORD)
    assert faulty(look(own), own) is Cause.NOT_AUTHORISED  # nothing is permitted
    admin.permit("service")
    result = look(own)
    assert (result.health, result.cause) == (Health.HEALTHY, Cause.NOT_AUTHORISED)
    assert "cannot be seen" in result.found
    assert "set_user_tags service monitoring" in result.fix
    assert result.version == find_server(None).version
    contained = replace(own, provider=Words(images=(Image("rabbitmq:3", "sha256:1"),)))
    quiet = look(contained)
    assert (quiet.health, quiet.cause, quiet.found) == (Health.HEALTHY, None, "")


def test_who_is_let_in_is_so_at_both_endpoints(
    target: Target, admin: Admin, tmp_path: Path
) -> None:
    admin.user("lost_now")
    lost = as_user(target, "lost_now", "another-since")
    right = Address("", "", target.endpoint("amqp"))
    told, logins = replace(lost, addresses=(right,)), Logins()
    context = context_of(tmp_path, tmp_path, told)
    assert asyncio.run(logins.ask(told, context, Deadline.after(10)))
    assert logins.known(told).endpoints == target.endpoints


def test_a_management_user_who_cannot_see_alarms(target: Target, admin: Admin, look: Look) -> None:
    admin.user("half_blind", "management")
    result = look(with_endpoint(target, "management", user="half_blind", password=PASSWORD))
    assert (result.health, result.cause) == (Health.HEALTHY, Cause.NOT_AUTHORISED)
    assert "alarms" in result.found


@pytest.mark.parametrize("name", ["amqp", "management"])
def test_a_web_server_instead(target: Target, look: Look, web: int, name: str) -> None:
    broken = with_endpoint(target, name, port=web)
    result = look(broken)
    assert faulty(result, broken) is Cause.WRONG_PROGRAM
    assert "HTTP" in result.found or "management API" in result.found


def test_swapped_ports(target: Target, look: Look) -> None:
    amqp, management = target.endpoint("amqp").port, target.endpoint("management").port
    broken = with_endpoint(target, "amqp", port=management)
    result = look(broken)
    assert faulty(result, broken) is Cause.WRONG_PROGRAM
    assert "an HTTP server" in result.found
    broken = with_endpoint(target, "management", port=amqp)
    result = look(broken)
    assert faulty(result, broken) is Cause.WRONG_PROGRAM
    assert "an AMQP broker" in result.found


def _greet_as_ssh(one: socket.socket) -> None:
    one.sendall(b"SSH-2.0-OpenSSH_9.2p1\r\n")


def _greet_as_amqp_1(one: socket.socket) -> None:
    one.sendall(b"AMQP\x00\x01\x00\x00")


def _answer_with_tls_alert(one: socket.socket) -> None:
    one.recv(8)
    one.sendall(b"\x15\x03\x03\x00\x02\x02\x46")


@pytest.mark.parametrize(
    ("answer", "cause", "word"),
    [
        (_greet_as_ssh, Cause.WRONG_PROGRAM, "SSH"),
        (_greet_as_amqp_1, Cause.WRONG_PROGRAM, "AMQP 1.0"),
        (_answer_with_tls_alert, Cause.TLS, "TLS"),
        (socket.socket.close, Cause.REFUSED, "hangs up"),
    ],
)
def test_another_program_instead(
    target: Target,
    look: Look,
    answer: Callable[[socket.socket], None],
    cause: Cause,
    word: str,
) -> None:
    with listening(answer) as port:
        broken = with_endpoint(target, "amqp", port=port)
        result = look(broken)
        assert faulty(result, broken) is cause
        assert word in result.found


def _answer_as_a_gateway(one: socket.socket) -> None:
    one.recv(1024)
    one.sendall(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
    one.shutdown(socket.SHUT_WR)


def _answer_with_deep_json(one: socket.socket) -> None:
    one.recv(1024)
    body = b"[" * 100_000
    with contextlib.suppress(OSError):  # who has seen enough hangs up
        one.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        one.shutdown(socket.SHUT_WR)


def test_an_answer_nested_without_end(target: Target, look: Look) -> None:
    with listening(_answer_with_deep_json) as port:
        broken = with_endpoint(target, "management", port=port)
        assert faulty(look(broken), broken) is Cause.WRONG_PROGRAM


def test_a_gateway_that_cannot_reach_the_management_api(target: Target, look: Look) -> None:
    with listening(_answer_as_a_gateway) as port:
        broken = with_endpoint(target, "management", port=port)
        result = look(broken)
        assert faulty(result, broken) is Cause.UNHEALTHY
        assert "503" in result.found
        assert result.connection is Connection.CONNECTED  # AMQP works


def test_tls_that_the_broker_does_not_speak(target: Target, look: Look) -> None:
    broken = with_endpoint(target, "amqp", scheme="amqps")
    result = look(broken)
    assert faulty(result, broken) is Cause.TLS
    assert "amqps" in result.found


@contextmanager
def encrypted(port: int, folder: Path) -> Iterator[int]:
    """A relay to that port which speaks TLS, with a certificate that nobody knows."""
    key, own = str(folder / "key.pem"), str(folder / "own.pem")
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    make += ["-nodes", "-days", "2", "-subj", "/CN=mq", "-keyout", key, "-out", own]
    subprocess.run(make, check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(own, key)

    async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
        sink.close()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind, there = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(copy(reader, there), copy(behind, writer))

    loop, began = asyncio.new_event_loop(), threading.Event()
    ports, ended = [], asyncio.Event()

    async def serve() -> None:
        async with await asyncio.start_server(pass_on, "127.0.0.1", 0, ssl=context) as server:
            ports.append(server.sockets[0].getsockname()[1])
            began.set()
            await ended.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        assert began.wait(10)
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()


def test_tls_with_a_certificate_that_only_its_project_knows(
    target: Target, look: Look, tmp_path: Path
) -> None:
    with encrypted(target.endpoint("amqp").port, tmp_path) as port:
        strict = with_endpoint(target, "amqp", scheme="amqps", port=port)
        assert faulty(look(strict), strict) is Cause.TLS
        assert look(with_endpoint(strict, "amqp", verified=False)).health is Health.HEALTHY


def test_a_wrong_version(target: Target, look: Look) -> None:
    installed = find_server(None).version
    assert look(with_config(target, version=f">={installed}")).health is Health.HEALTHY
    broken = with_config(target, version=f">{installed}")
    result = look(broken)
    assert faulty(result, broken) is Cause.WRONG_VERSION
    assert result.connection is Connection.CONNECTED
    assert installed in result.found


@contextmanager
def relayed(port: int, pause: float) -> Iterator[int]:
    """A relay to that port which holds the first connection's bytes back for some time."""
    pauses = iter([pause])

    def copy(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)

    def pass_on(one: socket.socket) -> None:
        time.sleep(next(pauses, 0))
        with socket.create_connection(("127.0.0.1", port)) as behind:
            back = threading.Thread(target=copy, args=(behind, one))
            back.start()
            copy(one, behind)
            with contextlib.suppress(OSError):
                behind.shutdown(socket.SHUT_RDWR)
            back.join()

    with listening(pass_on) as relay:
        yield relay


@pytest.mark.parametrize("name", ["amqp", "management"])
def test_a_slow_broker(target: Target, look: Look, name: str) -> None:
    """It is silent for long enough to be asked whether it is somebody else."""
    with relayed(target.endpoint(name).port, 1.1) as port:
        slow = with_config(with_endpoint(target, name, port=port), time_limit=1.0)
        result = look(slow)
        assert (result.health, result.cause) == (Health.HEALTHY, Cause.SLOW)
        assert "1 s" in result.expected


def test_too_many_connections(target: Target, admin: Admin, look: Look) -> None:
    admin.put(f"vhost-limits/{admin.vhost}/max-connections", {"value": 0})
    result = look(target)
    assert faulty(result, target) is Cause.EXHAUSTED


def test_a_broker_that_blocks_its_publishers(cache: Path, look: Look) -> None:
    """It is over its memory limit from the start, and notices within some seconds."""
    config = make_config(options=["vm_memory_high_watermark.absolute = 1MB"])
    with running(config, component="rabbitmq", cache=cache) as full:
        result = eventually(
            lambda: look(full.target), lambda seen: seen.health is Health.UNHEALTHY, timeout=10
        )
        assert faulty(result, full.target) is Cause.BLOCKED_PUBLISHERS
        assert "memory alarm" in result.found
        assert result.connection is Connection.CONNECTED
        assert asyncio.run(read(full.target, Deadline.after(5)))["alarms"] == 1
        Admin(full.endpoints["management"], "%2F").queue("tasks")
        with (
            RabbitmqClient(full.target, timeout=0.5) as client,
            pytest.raises(Trouble, match="publishers are blocked: low on memory"),
        ):
            client.publish("x", "tasks")


def test_the_states_of_its_keeper_come_first(target: Target, look: Look) -> None:
    for state, cause in ((State.EXITED, Cause.EXITED), (State.PAUSED, Cause.STOPPED)):
        down = replace(target, states=(state,))
        assert faulty(look(down), down) is cause


def test_nothing_leaks_from_a_probe(target: Target, cache: Path, web: int) -> None:
    """No task, socket or warning is left, whatever was found."""
    before = len(os.listdir("/proc/self/fd"))
    with listening() as hole, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        variants = [
            target,
            with_endpoint(target, "amqp", password="wrong"),
            with_endpoint(target, "amqp", path="/nowhere"),
            with_endpoint(target, "amqp", port=hole),
            with_endpoint(target, "amqp", port=web),
            with_endpoint(target, "management", port=hole),
        ]

        async def look_at_all() -> None:
            for variant in variants:
                await probe(variant, context_of(cache, cache, variant), Deadline.after(0.8))
                assert asyncio.all_tasks() == {asyncio.current_task()}

        asyncio.run(look_at_all())
        gc.collect()
    assert [str(one.message) for one in caught] == []
    assert len(os.listdir("/proc/self/fd")) == before
