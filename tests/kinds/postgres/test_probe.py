"""Every cause provoked for real, and named right."""

from __future__ import annotations

import asyncio
import re
import socket
import socketserver
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from seatrial.kinds.base import Commands, Image, OwnCheck, ProbeResult, Target, Words
from seatrial.kinds.containers import Guess
from seatrial.kinds.postgres import launch
from seatrial.kinds.postgres.binaries import run_as
from seatrial.kinds.postgres.config import PostgresExpect
from seatrial.kinds.postgres.diagnosis import Diagnostician
from seatrial.kinds.postgres.expect import check
from seatrial.kinds.postgres.probe import is_standby
from seatrial.kinds.registry import KINDS as REGISTERED
from seatrial.outcome import Cause, Connection, Health, Outcome, State
from seatrial.waiting import Deadline, eventually
from tests.kinds.harness import Reserved, Running, at, context_of, running
from tests.kinds.postgres.conftest import Look, as_superuser, make_config


def expect(result: ProbeResult, cause: Cause, target: Target, *words: str) -> None:
    """The cause is right, every part is said, the component is named, no secret is told."""
    assert (result.cause, result.health) == (cause, Health.UNHEALTHY), result
    for text in (result.expected, result.found, result.fix):
        assert text
        assert str(target.endpoint().password) not in text
    assert target.name in result.fix
    for word in words:
        assert word in f"{result.expected}\n{result.found}\n{result.fix}"


def test_healthy(server: Running, look: Look) -> None:
    result = look(server.target)
    assert asyncio.run(is_standby(server.target, Deadline.after(10))) is False
    assert (result.health, result.connection) == (Health.HEALTHY, Connection.CONNECTED)
    assert (result.cause, result.found, result.fix) == (None, "", "")
    assert re.fullmatch(r"\d+\.\d+", result.version or "")
    assert 0 < result.response_time_ms < 2000


def test_a_name_with_several_addresses_needs_one_that_answers(server: Running, look: Look) -> None:
    assert look(at(server.target, host="localhost")).health is Health.HEALTHY


@pytest.fixture
def free_port() -> Iterator[int]:
    ports = Reserved()
    yield ports()
    ports.release()


def test_refused(server: Running, look: Look, free_port: int) -> None:
    target = at(server.target, port=free_port)
    expect(look(target), Cause.REFUSED, target, f"127.0.0.1:{free_port}")


def test_dns(server: Running, look: Look) -> None:
    target = at(server.target, host="no-such-host.invalid")
    expect(look(target), Cause.DNS, target, "no-such-host.invalid")


def test_a_name_server_that_never_answers_is_a_timeout(
    server: Running, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, release = threading.Event(), threading.Event()

    def hang(*args: object, **kwargs: object) -> list[object]:
        asked.set()
        release.wait(20)
        raise socket.gaierror("too late")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    target = at(server.target, host="hangs.example")
    started = time.monotonic()
    result = look(target, 0.5)
    took = time.monotonic() - started
    release.set()
    assert asked.is_set()
    expect(result, Cause.TIMEOUT, target)
    assert took < 2


@contextmanager
def listening(handle: Callable[[socket.socket], None]) -> Iterator[int]:
    """A TCP server that treats every connection so."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with self.request:
                handle(self.request)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as tcp:
        thread = threading.Thread(target=tcp.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield tcp.server_address[1]
        finally:
            tcp.shutdown()
            thread.join()


def test_black_hole(server: Running, look: Look) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hole:  # takes connections and never reads
        target = at(server.target, port=hole.getsockname()[1])
        started = time.monotonic()
        result = look(target, 1.0)
        took = time.monotonic() - started
    expect(result, Cause.TIMEOUT, target, "pg_isready -h 127.0.0.1 -p")
    assert 0.9 < took < 2.0


def test_patience_ends_before_a_distant_deadline(server: Running, look: Look) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hole:
        target = at(server.target, port=hole.getsockname()[1])
        target = replace(target, config=make_config(time_limit=0.6))
        started = time.monotonic()
        expect(look(target, 30), Cause.TIMEOUT, target)
        assert time.monotonic() - started < 2.5


def test_a_server_that_asks_for_endless_work_to_log_in(
    server: Running, look: Look, cache: Path, tmp_path: Path
) -> None:
    """Neither our own client nor the driver's, which no deadline would end, does that work."""

    def message(content: bytes) -> bytes:
        return b"R" + struct.pack("!i", len(content) + 4) + content

    def scram(one: socket.socket) -> None:
        hello = one.recv(1024)
        if hello[4:8] == struct.pack("!i", 80877103):
            one.sendall(b"N")
            one.recv(1024)
        one.sendall(message(struct.pack("!i", 10) + b"SCRAM-SHA-256\0\0"))
        nonce = one.recv(1024).partition(b"r=")[2]
        answer = b"r=" + nonce + b"x,s=c2FsdA==,i=30000000"  # some 15 s
        one.sendall(message(struct.pack("!i", 11) + answer))
        one.recv(1024)

    with listening(scram) as port:
        target = at(server.target, port=port)
        started = time.monotonic()
        expect(look(target, 2.0), Cause.AUTH, target, "iterations")
        expectations = PostgresExpect.model_validate({"enums": {"mood": ["good"]}})
        context = context_of(cache, tmp_path, target)
        checking = check(target, expectations, context, Deadline.after(2.0))
        (result,) = asyncio.run(checking)
        assert time.monotonic() - started < 5
    assert result.outcome is Outcome.NOT_MEASURED
    assert "iterations" in result.found


def test_stopped_server(server: Running, look: Look) -> None:
    with server.paused():
        started = time.monotonic()
        result = look(server.target, 1.0)
        took = time.monotonic() - started
    expect(result, Cause.TIMEOUT, server.target)
    assert took < 2.0
    assert look(server.target).health is Health.HEALTHY


def test_what_the_keeper_knows_outweighs_a_timeout(server: Running, look: Look) -> None:
    paused = replace(server.target, states=(State.PAUSED,))
    expect(look(paused), Cause.STOPPED, paused)
    exited = replace(server.target, states=(State.EXITED,))
    expect(look(exited), Cause.EXITED, exited)
    ready = replace(server.target, states=(State.READY,))
    assert look(ready).health is Health.HEALTHY


class Hello(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_an_http_server_answers_there(server: Running, look: Look) -> None:
    with HTTPServer(("127.0.0.1", 0), Hello) as http:
        # Two connections at once, so that the second does not wait behind the silent first.
        threads = [threading.Thread(target=serve_one, args=(http,), daemon=True) for _ in range(2)]
        for thread in threads:
            thread.start()
        target = at(server.target, port=http.server_address[1])
        result = look(target)
        for thread in threads:
            thread.join(5)
    expect(result, Cause.WRONG_PROGRAM, target, "an HTTP server", "ss -ltnp")


def serve_one(http: HTTPServer) -> None:
    request, address = http.get_request()
    with request:
        Hello(request, address, http)


@pytest.mark.parametrize(
    ("banner", "name"),
    [
        (b"220 mail.example ESMTP\r\n", "mail"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH"),
        (b"J\0\0\0\x0a8.0.36\0", "another program"),
        (b"N\r\n", "another program"),
        (b"R\xff\xff\xff\xff", "another program"),
        (b"R\0\0\0\x06\0\0", "another program"),
        (b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05ID\0\0\0\x05\0Z\0\0\0\x05I", "another program"),
        (b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05IZ\0\0\0\x05I", "another program"),
    ],
)
def test_another_program_speaks_first(
    server: Running, look: Look, banner: bytes, name: str
) -> None:
    def greet(link: socket.socket) -> None:
        link.sendall(banner)
        for _ in range(2):  # it does not understand what it gets, and hangs up
            link.recv(100)

    with listening(greet) as port:
        for mode in ("prefer", "disable"):
            target = at(server.target, port=port, path=f"/quantum_db?sslmode={mode}")
            expect(look(target), Cause.WRONG_PROGRAM, target, name)


def test_a_proxy_without_a_server_hangs_up(server: Running, look: Look) -> None:
    with listening(lambda link: None) as port:
        target = at(server.target, port=port)
        expect(look(target), Cause.REFUSED, target, "hangs up")


def test_wrong_password(server: Running, look: Look) -> None:
    target = at(server.target, password="not-the-password")
    expect(look(target), Cause.AUTH, target, "quantum_user", "28P01")


def test_unknown_user(server: Running, look: Look) -> None:
    target = at(server.target, user="nobody_here")
    expect(look(target), Cause.AUTH, target, "nobody_here")
    made = 'after CREATE ROLE "nobody_here" LOGIN where \\du lists no such role'
    assert look(target).fix.endswith(made)


def test_no_password(server: Running, look: Look) -> None:
    target = at(server.target, password=None)
    expect(look(target), Cause.AUTH, target, "none is declared")
    contained = replace(target, provider=Words(images=(Image("postgres:15", "sha256:1"),)))
    assert look(contained).health is Health.UNKNOWN
    assert "nothing in the project tells a login" in look(contained).found


def test_a_login_that_its_volume_does_not_know(server: Running, look: Look) -> None:
    target = at(server.target, password="of-today")
    assert "volume" not in look(target).fix
    contained = replace(target, provider=Words(commands=Commands(inside="docker compose exec db")))
    assert (
        "(those with which its volume was made: its image looks at none later)"
        in look(contained).fix
    )


def test_wrong_database(server: Running, look: Look) -> None:
    target = at(server.target, path="/quantum_bd")
    expect(look(target), Cause.WRONG_DATABASE, target, "quantum_bd", "createdb -h")
    assert re.search(r"-p \d+ -U \w+ quantum_bd$", look(target).fix)
    contained = replace(target, provider=Words(commands=Commands(inside="docker compose exec db")))
    assert "as a user who may: docker compose exec db createdb -U " in look(contained).fix


def test_not_authorised(
    database: Target, server: Running, look: Look, role: Callable[..., str]
) -> None:
    target = at(database, user=role())
    assert look(target).health is Health.HEALTHY
    name = database.endpoint().path[1:]
    as_superuser(server, f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC")
    expect(look(target), Cause.NOT_AUTHORISED, target, f'GRANT CONNECT ON DATABASE "{name}"')


def test_read_only(database: Target, server: Running, look: Look) -> None:
    name = database.endpoint().path[1:]
    as_superuser(server, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    reading = look(database)
    expect(reading, Cause.READ_ONLY, database, f'ALTER DATABASE "{name}" RESET')
    assert reading.connection is Connection.CONNECTED
    assert look(replace(database, config=make_config(standby=True))).health is Health.HEALTHY
    by_command = Diagnostician("db", "db:5432").read_only("command line").fix
    assert by_command.startswith("start db without default_transaction_read_only in its command")


def test_a_user_of_checks_may_be_read_only(
    database: Target, server: Running, look: Look, role: Callable[..., str]
) -> None:
    name = role()
    as_superuser(server, f"ALTER ROLE {name} SET default_transaction_read_only = on")
    target = at(database, user=name)
    assert look(target).health is Health.HEALTHY
    declared = replace(target, config=make_config(user=name))  # nobody else writes
    expect(look(declared), Cause.READ_ONLY, declared, "set by: user")


def test_exhausted(server: Running, look: Look, role: Callable[..., str]) -> None:
    target = at(server.target, user=role("LOGIN CONNECTION LIMIT 0"))
    expect(look(target), Cause.EXHAUSTED, target, "max_connections")


def test_wrong_version(server: Running, look: Look) -> None:
    target = replace(server.target, config=make_config(version=">=99"))
    result = look(target)
    expect(result, Cause.WRONG_VERSION, target, "PostgreSQL >=99", str(result.version))
    assert result.connection is Connection.CONNECTED
    fine = replace(server.target, config=make_config(version=">=10, <99"))
    assert look(fine).health is Health.HEALTHY


def test_bad_url(server: Running, look: Look) -> None:
    target = at(server.target, path="/quantum_db?sslmode=often")
    expect(look(target), Cause.NOT_MEASURED, target, "often")


@contextmanager
def delayed(port: int, seconds: float) -> Iterator[int]:
    """A relay to a local port that keeps every connection waiting first."""

    def relay(link: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", port)) as far:
            threading.Event().wait(seconds)
            back = threading.Thread(target=pump, args=(far, link))
            back.start()
            pump(link, far)
            back.join()

    with listening(relay) as own:
        yield own


def pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def test_slow_is_a_warning(server: Running, look: Look) -> None:
    with delayed(server.endpoints["sql"].port, 2.1) as port:
        result = look(at(server.target, port=port))
    assert (result.health, result.cause) == (Health.HEALTHY, Cause.SLOW)
    assert result.response_time_ms > 2000
    assert "2 s" in result.expected
    assert "time_limit" in result.fix


@pytest.fixture(scope="module")
def guarded(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server with TLS, and users that must log in in different ways."""
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "server.key", folder / "server.crt"
    subject = ["-subj", "/CN=elsewhere.example", "-days", "2", "-nodes"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", *subject, *files]
    subprocess.run(make, check=True, capture_output=True)
    with running(make_config(), component="postgres", cache=cache) as one:
        data, user = launch.data_folder(one.site), run_as()
        for file in (key, certificate):
            copy = data / file.name
            copy.write_bytes(file.read_bytes())
            copy.chmod(0o600)
            user.give(copy)
        hba = data / "pg_hba.conf"
        hba.write_text(
            "host all md5_user 127.0.0.1/32 md5\n"
            "host all plain_user 127.0.0.1/32 password\n"
            "host all trusted 127.0.0.1/32 trust\n"
            "hostssl all tls_user 127.0.0.1/32 scram-sha-256\n"
            "hostnossl all tls_user 127.0.0.1/32 reject\n" + hba.read_text()
        )
        password = one.endpoints["sql"].password
        as_superuser(
            one,
            "SET password_encryption = 'md5'",
            f"CREATE ROLE md5_user LOGIN PASSWORD '{password}'",
            "SET password_encryption = 'scram-sha-256'",
            f"CREATE ROLE plain_user LOGIN PASSWORD '{password}'",
            f"CREATE ROLE tls_user LOGIN PASSWORD '{password}'",
            "CREATE ROLE trusted LOGIN",
            "ALTER SYSTEM SET ssl = on",
            "SELECT pg_reload_conf()",
        )
        eventually(lambda: as_superuser(one, "SHOW ssl") == [("on",)], timeout=10)
        yield one


@pytest.mark.parametrize("user", ["md5_user", "plain_user", "trusted", "tls_user"])
def test_ways_to_log_in(guarded: Running, look: Look, user: str) -> None:
    assert look(at(guarded.target, user=user)).health is Health.HEALTHY
    wrong = at(guarded.target, user=user, password="wrong-password")
    if user != "trusted":
        expect(look(wrong), Cause.AUTH, wrong, user)


def test_pg_hba_lets_nobody_in(guarded: Running, look: Look) -> None:
    target = at(guarded.target, user="seatrial_keeper")
    expect(look(target), Cause.AUTH, target, "pg_hba.conf", "28000")


def test_tls_not_offered(server: Running, look: Look) -> None:
    target = at(server.target, path="/quantum_db?sslmode=require")
    expect(look(target), Cause.TLS, target, "sslmode=require", "does not offer")


def test_tls_certificate_not_trusted(guarded: Running, look: Look) -> None:
    trusting = at(guarded.target, path="/quantum_db?sslmode=require")
    assert look(trusting).health is Health.HEALTHY
    target = at(guarded.target, path="/quantum_db?sslmode=verify-full")
    expect(look(target), Cause.TLS, target, "certificate")


def test_its_own_health_check_is_believed_about_tls_alone(guarded: Running, look: Look) -> None:
    said = Words(own_check=OwnCheck(well="its own health check says healthy"))
    well = replace(guarded.target, provider=said)
    result = look(at(well, path="/quantum_db?sslmode=verify-full"))
    assert (result.health, result.cause) == (Health.HEALTHY, Cause.TLS)
    assert result.found.endswith("; its own health check says healthy")
    wrong = at(well, user="tls_user", path="/quantum_db?sslmode=require", password="wrong-password")
    assert (look(wrong).health, look(wrong).cause) == (Health.UNHEALTHY, Cause.AUTH)


def test_tls_certificate_of_another_host(guarded: Running, look: Look) -> None:
    root = launch.data_folder(guarded.site) / "server.crt"
    right = f"/quantum_db?sslmode=verify-ca&sslrootcert={root}"
    assert look(at(guarded.target, path=right)).health is Health.HEALTHY
    target = at(guarded.target, path=right.replace("verify-ca", "verify-full"))
    expect(look(target), Cause.TLS, target, "not valid for '127.0.0.1'")


def test_server_wants_tls(guarded: Running, look: Look) -> None:
    target = at(guarded.target, user="tls_user", path="/quantum_db?sslmode=disable")
    expect(look(target), Cause.TLS, target, "sslmode=require")
    well = replace(target, provider=Words(own_check=OwnCheck(well="it says healthy")))
    assert look(well).health is Health.UNHEALTHY  # the server has said so itself


def becomes_standby(one: Running) -> None:
    one.end()
    signal_file = launch.data_folder(one.site) / "standby.signal"
    signal_file.touch()
    run_as().give(signal_file)
    one.start_anyhow()


def test_standby(cache: Path, look: Look) -> None:
    with running(make_config(), component="postgres", cache=cache) as one:
        becomes_standby(one)
        target = one.target
        reading = eventually(lambda: look(target), lambda r: r.connection is Connection.CONNECTED)
        expect(reading, Cause.MIGRATING, target, "recovery", "pg_promote")
        assert asyncio.run(is_standby(target, Deadline.after(10))) is True
        wanted = replace(target, config=make_config(standby=True))
        assert look(wanted).health is Health.HEALTHY
        one.end()
        (launch.data_folder(one.site) / "postgresql.auto.conf").write_text("hot_standby = off\n")
        one.start_anyhow()
        starting = eventually(lambda: look(target), lambda r: r.cause is not Cause.REFUSED)
        expect(starting, Cause.MIGRATING, target, "57P03")
        assert asyncio.run(is_standby(target, Deadline.after(10))) is None


def test_a_guess_is_settled_by_what_it_says_it_is(cache: Path, server: Running) -> None:
    facet = REGISTERED["postgres"].containers
    assert facet is not None
    by_name = Guess("its name says replica", 1, {"standby": True})

    def settled(guess: Guess, target: Target) -> Mapping[str, str | bool]:
        found = asyncio.run(facet.settle(guess, target, Deadline.after(10)))
        assert found is not None
        return found.settings

    assert settled(by_name, server.target) == {}
    assert settled(by_name, at(server.target, password="wrong-password")) == {"standby": True}
    with running(make_config(), component="postgres", cache=cache) as one:
        becomes_standby(one)
        guess = Guess("image postgres:15", 1)
        eventually(lambda: settled(guess, one.target), lambda found: found == {"standby": True})


def test_cancelled_probe_leaves_nothing_behind(server: Running) -> None:
    from seatrial.kinds.postgres.probe import probe
    from seatrial.waiting import Deadline

    async def cancelled(port: int) -> set[asyncio.Task[object]]:
        target = at(server.target, port=port)
        task = asyncio.ensure_future(probe(target, server.context, Deadline.after(30)))
        await asyncio.sleep(0.7)  # past the moment at which a second connection is opened
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0)
        return asyncio.all_tasks() - {asyncio.current_task()}  # type: ignore[arg-type]

    with socket.create_server(("127.0.0.1", 0)) as hole:
        assert asyncio.run(cancelled(hole.getsockname()[1])) == set()
