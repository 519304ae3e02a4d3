"""What a check says of components whose containers run, but not as their project has it."""

from __future__ import annotations

import asyncio
import http.server
import json
import math
import socket
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from seatrial.checks.look import Seen, _settled, look
from seatrial.checks.run import CheckReport, run_checks
from seatrial.compose.attach import Attached
from seatrial.compose.engine import Container, containers
from seatrial.compose.images import digests_of
from seatrial.compose.logs import unsettled
from seatrial.compose.project import read_project
from seatrial.compose.targets import targets
from seatrial.declaration.load import load
from seatrial.declaration.models import System
from seatrial.kinds.base import Context, Image, ProbeResult
from seatrial.kinds.registry import KINDS
from seatrial.listeners import Listener
from seatrial.outcome import Cause, Connection, Health, State
from seatrial.waiting import Deadline

from .test_targets import COMPOSE, DECLARED, of

ENGINE = """#!/bin/sh
test "$1" = ps && echo 0 || cat {inspected}
"""


TWO_WORKERS = COMPOSE.replace("worker: {build: .,", "worker: {build: ., deploy: {replicas: 2},")


def there(
    folder: Path, *found: Container, compose: str = COMPOSE, declared: str = DECLARED
) -> tuple[System, Context]:
    (folder / "compose.yaml").write_text(compose)
    (folder / "seatrial.yaml").write_text(declared)
    system = load(folder, KINDS, variables={})
    project = read_project(folder / "compose.yaml", {})
    return system, Context(folder, targets(system, project, found), folder)


def seen(folder: Path, name: str, *found: Container, compose: str = COMPOSE) -> Seen:
    system, context = there(folder, *found, compose=compose)
    one, target = system.components[name], context.targets[name]
    return asyncio.run(look(one, target, context, Deadline.after(5)))


@pytest.mark.parametrize("service", ["db", "web", "worker"])
def test_one_that_is_off_its_network_is_the_cause_itself(tmp_path: Path, service: str) -> None:
    probe = seen(tmp_path, service, of(service, cut_off="shop_back", networks={})).probe
    assert probe.cause is Cause.STOPPED
    assert "off its network shop_back" in probe.found
    fix = f"docker network connect --alias {service} shop_back shop-{service}-1"
    assert probe.fix == fix


def test_how_far_one_is_that_starts_is_told_by_who_started_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]  # closed when it is asked
    starting = of("web", health="starting", published={8000: ("127.0.0.1", port)})
    probe = seen(tmp_path, "web", starting).probe
    assert probe.cause is Cause.NOT_MEASURED
    assert probe.fix == "docker compose ps web   (shows when it is ready)"
    waiting = seen(tmp_path, "worker", of("worker", status="created")).probe
    assert waiting.fix == "docker compose ps worker   (shows what it waits for)"


@pytest.mark.parametrize(("cause", "more"), [(Cause.AUTH, True), (Cause.REFUSED, False)])
def test_what_waiting_does_not_mend_is_told_while_it_starts(
    tmp_path: Path, cause: Cause, more: bool
) -> None:
    _, context = there(tmp_path, of("db", health="starting"))
    found = ProbeResult(Health.UNHEALTHY, Connection.DISCONNECTED, 1.0, cause, fix="correct it")
    settled = _settled(found, context.targets["db"])
    assert settled.cause is Cause.NOT_MEASURED
    assert settled.fix.endswith("; if it stays so, correct it") is more


@pytest.mark.parametrize(("code", "may_end"), [(0, True), (1, False)])
def test_what_ends_well_and_is_started_again_may_have_to_end(
    tmp_path: Path, code: int, may_end: bool
) -> None:
    again = of("worker", status="restarting", exit_code=code, restarts=13)
    fix = seen(tmp_path, "worker", again).probe.fix
    way = 'if it is to end, say `restart: "no"` or on-failure in the service worker of compose.yaml'
    assert fix.startswith(f"{way}; else ") is may_end
    assert "mend what its log tells, then: docker compose up -d worker" in fix


def test_what_the_engine_could_not_start_has_no_log(tmp_path: Path) -> None:
    made = of("worker", status="created", error="error setting rlimit type 7")
    fix = seen(tmp_path, "worker", made).probe.fix
    mended = "correct the service worker of compose.yaml, then: docker compose up -d worker"
    assert fix.startswith(mended)


SAYING = "URLs of other services"


def checked(system: System, context: Context) -> CheckReport:
    return asyncio.run(run_checks(system, context.targets, context, 5))


ALONE = "system: shop\ncompose: compose.yaml\ncomponents: {{{}: {{kind: {}}}}}\n"


@pytest.mark.parametrize(
    ("service", "kind", "port", "told_by"),
    [
        ("db", "postgres", 5432, f"ports, environment, {SAYING}"),
        ("mq", "rabbitmq", 5672, f"ports, environment, {SAYING}"),
        ("cache", "redis", 6379, f"ports, command, its file, environment, {SAYING}"),
        ("web", "http", 8000, "healthcheck, ports, command"),
    ],
)
def test_what_is_to_be_corrected_stands_in_the_compose_file(
    tmp_path: Path, service: str, kind: str, port: int, told_by: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = taken.getsockname()[1]
    system, context = there(
        tmp_path,
        of(service, published={port: ("127.0.0.1", closed)}),
        compose=f"{COMPOSE}  mq: {{image: 'rabbitmq:3'}}\n",
        declared=ALONE.format(service, kind),
    )
    (finding,) = checked(system, context).findings
    assert (finding.cause, finding.fix) == (
        Cause.REFUSED,
        f"docker compose restart {service}, or correct the service {service} of compose.yaml "
        f"({told_by})",
    )


def test_what_has_no_port_is_to_be_given_one_there(tmp_path: Path) -> None:
    container = of("worker", exposed=())
    system, context = there(tmp_path, container, declared=ALONE.format("worker", "http"))
    (finding,) = checked(system, context).findings
    assert (finding.cause, finding.found) == (
        Cause.NOT_MEASURED,
        "no endpoint of worker is known here",
    )
    told = "the service worker of compose.yaml (healthcheck, ports, command)"
    assert finding.fix == f"say where worker is reached: {told}"


def test_a_replica_that_is_missing_is_a_warning(tmp_path: Path) -> None:
    one, other = of("worker"), of("worker", number=2)
    probe = seen(tmp_path, "worker", one, compose=TWO_WORKERS).probe
    assert (probe.health, probe.cause) == (Health.HEALTHY, Cause.STOPPED)
    assert probe.found == ("there is 1 container of the service worker, and compose.yaml says 2")
    assert probe.fix == "docker compose up -d worker"
    whole = seen(tmp_path, "worker", one, other, compose=TWO_WORKERS).probe
    assert whole.cause is None
    more = seen(tmp_path, "worker", one, other).probe  # `--scale worker=2`
    assert more.cause is None


@pytest.mark.parametrize(
    ("made_on", "networks", "cut_off"),
    [
        ("shop_back", ["shop_back", "shop_front"], ""),
        ("shop_back", ["shop_front"], ""),
        ("shop_back", [], "shop_back"),
        ("container:17", [], ""),
        ("default", ["bridge"], ""),
        ("bridge", ["shop_back"], ""),  # as Podman says it
        ("host", ["host"], ""),
    ],
)
def test_an_engine_tells_which_network_a_container_was_made_on(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    made_on: str,
    networks: list[str],
    cut_off: str,
) -> None:
    inspected = {
        "Id": "0",
        "Image": "sha256:17",
        "State": {"Status": "running"},
        "Config": {"Image": "postgres:15", "Labels": {"com.docker.compose.service": "db"}},
        "NetworkSettings": {"Networks": {name: {"IPAddress": "172.20.0.2"} for name in networks}},
        "HostConfig": {"NetworkMode": made_on},
    }
    answering(tmp_path, monkeypatch, [inspected])
    (one,) = asyncio.run(containers("shop"))
    assert one.cut_off == cut_off
    assert one.image == Image("postgres:15", "sha256:17")


def with_health(health: Mapping[str, object]) -> dict[str, object]:
    """Of a container that runs."""
    return {
        "Id": "0",
        "State": {"Status": "running", "Health": health},
        "Config": {"Labels": {"com.docker.compose.service": "db"}},
        "NetworkSettings": {},
        "HostConfig": {},
    }


@pytest.mark.parametrize(
    ("said", "failed", "codes", "told"),
    [
        ("unhealthy", 3, [0, 1], "unhealthy"),
        ("unhealthy", 0, [1, 0], "healthy"),  # it was paused, and is not looked at again yet
        ("unhealthy", 0, [], "unhealthy"),
        ("unhealthy", None, [0], "unhealthy"),
        ("starting", 0, [0], "starting"),
        ("none", 0, [], ""),
    ],
)
def test_what_was_paused_is_as_well_as_before(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    said: str,
    failed: int | None,
    codes: list[int],
    told: str,
) -> None:
    health = {"Status": said, "Log": [{"ExitCode": code, "Output": ""} for code in codes]}
    health |= {} if failed is None else {"FailingStreak": failed}
    answering(tmp_path, monkeypatch, [with_health(health)])
    (one,) = asyncio.run(containers("shop"))
    assert one.health == told


@pytest.mark.parametrize(
    ("output", "told"),
    [
        ("curl: (22) error: 404\n", "curl: (22) error: 404"),
        ("  % Total  % Received\r  0  0  0\rcurl: (7) refused\n", "curl: (7) refused"),
        ('{\n  "status": "down"\n}\n', '{ "status": "down" }'),
        ("Traceback (most recent call last):\n  File\nOSError: no route\n", "OSError: no route"),
        ("x" * 400, "..." + "x" * 300),
    ],
)
def test_what_a_health_check_says_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str, told: str
) -> None:
    health = {"Status": "unhealthy", "Log": [{"ExitCode": 1, "Output": output}]}
    answering(tmp_path, monkeypatch, [with_health(health)])
    (one,) = asyncio.run(containers("shop"))
    assert one.health_output == told


def test_who_shares_a_network_is_reached_where_its_owner_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = {"8000/tcp": [{"HostIp": "0.0.0.0", "HostPort": "80"}]}
    exposed = {"9000": {}, "9001/tcp": {}, "9002/udp": {}}
    networks = {"shop_default": {"IPAddress": "172.20.0.2"}}
    sides = (("1", "web", "shop_default", ports, networks), ("2", "side", "container:1", {}, {}))
    inspected = [
        {
            "Id": number,
            "State": {"Status": "running"},
            "Config": {
                "Labels": {"com.docker.compose.service": service},
                "ExposedPorts": exposed,
            },
            "NetworkSettings": {"Ports": there, "Networks": known},
            "HostConfig": {"NetworkMode": mode},
        }
        for number, service, mode, there, known in sides
    ]
    answering(tmp_path, monkeypatch, inspected)
    side, web = asyncio.run(containers("shop"))
    assert side.address == web.address == "172.20.0.2"
    assert side.published == web.published == {8000: ("0.0.0.0", 80)}
    assert (side.networks, side.cut_off) == ({}, "")
    assert (side.host, web.host) == ("1", "")
    assert web.exposed == (9000, 9001)


def answering(folder: Path, monkeypatch: pytest.MonkeyPatch, inspected: object) -> None:
    """Let an engine say this to whoever inspects something."""
    (folder / "inspected").write_text(json.dumps(inspected))
    program = folder / "docker"
    program.write_text(ENGINE.format(inspected=folder / "inspected"))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_images_are_known_by_the_digests_of_registries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert asyncio.run(digests_of(())) == {}  # nobody is asked
    pulled, built = f"postgres@sha256:{'d' * 64}", "sha256:18"
    answer = [{"Id": "sha256:17", "RepoDigests": [pulled]}, {"Id": built, "RepoDigests": None}]
    answering(tmp_path, monkeypatch, answer)
    found = asyncio.run(digests_of({"sha256:17", built, "sha256:gone"}))
    assert found == {"sha256:17": (pulled,), built: ()}
    answering(tmp_path, monkeypatch, {"what": "is this"})
    assert asyncio.run(digests_of({built})) == {}
    monkeypatch.setenv("PATH", str(tmp_path / "nothing is here"))
    assert asyncio.run(digests_of({built})) == {}, "no run depends on it"


def test_one_that_could_not_be_started_is_not_looked_for(tmp_path: Path) -> None:
    taken = "Ports are not available: port is already allocated"
    container = of("web", status="created", error=taken, networks={})
    one = seen(tmp_path, "web", container)
    assert one.probe.cause is Cause.PORT_IN_USE
    assert "publish another port, or end who has this one" in one.probe.fix
    assert taken in one.probe.found
    assert "where that is docker-proxy), then: docker compose up -d web" in one.probe.fix


def test_one_that_was_restarted_lately_is_not_known_to_stay(tmp_path: Path) -> None:
    ones = [
        of("worker", restarts=restarts, ran_for=ran, age=age, status=status)
        for restarts, ran, age, status in (
            (0, 1.0, 1.0, "running"),
            (3, 11.0, 14.0, "running"),
            (3, 1.0, 4.0, "restarting"),
            (2, 27.0, 53.0, "running"),  # it lives for 13 s each time
            (2, 25.0, 51.0, "running"),
            (1, 61.0, 9000.0, "running"),
            (1, 59.0, 9000.0, "running"),
            (1, 9.0, math.inf, "running"),
            (1, 11.0, math.inf, "running"),
            (3, 1.0, 4.0, "running"),
        )
    ]
    marked = unsettled(ones)
    stays = [one.ran_for for one in marked if not one.unsettled]
    assert stays == [1.0, 11.0, 1.0, 27.0, 61.0, 11.0]
    probe = seen(tmp_path, "worker", marked[-1]).probe
    assert (probe.health, probe.cause) == (Health.UNKNOWN, Cause.NOT_MEASURED)
    assert "was restarted 3 times" in probe.found
    assert "docker compose logs worker" in probe.fix


def test_an_attached_project_knows_how_long_its_containers_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system, _ = there(tmp_path)

    def state(began: datetime, made: str = "") -> State:
        inspected = {
            "Id": "0",
            "Created": made,
            "RestartCount": 3,
            "State": {"Status": "running", "StartedAt": began.isoformat()},
            "Config": {"Labels": {"com.docker.compose.service": "worker"}},
            "NetworkSettings": {"Networks": {"shop_default": {"IPAddress": "172.20.0.2"}}},
            "HostConfig": {},
        }
        answering(tmp_path, monkeypatch, [inspected])
        (found,) = asyncio.run(Attached.to(system).targets())["worker"].states
        return found

    now = datetime.now(UTC)
    assert state(now) is State.STARTING
    assert state(now - timedelta(seconds=25)) is State.READY
    made = now - timedelta(seconds=90)
    assert state(now - timedelta(seconds=25), made.isoformat()) is State.STARTING


def test_one_that_is_restarted_and_does_not_answer_has_ended(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    ended = {"unsettled": True, "restarts": 3, "last_words": "no such module"}
    probe = seen(tmp_path, "web", of("web", published={8000: ("127.0.0.1", port)}, **ended)).probe
    assert probe.cause is Cause.EXITED
    assert "; its log: no such module" in probe.found


def test_what_its_own_health_check_says_is_told_though_it_answers(tmp_path: Path) -> None:
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        ailing = {"health": "unhealthy", "health_output": "no /up"}
        published = {8000: ("127.0.0.1", server.server_address[1])}
        probe = seen(tmp_path, "web", of("web", published=published, **ailing)).probe
        server.shutdown()
    assert (probe.health, probe.cause) == (Health.HEALTHY, Cause.UNHEALTHY)
    assert "its health check says unhealthy: no /up" in probe.found
    worker = seen(tmp_path, "worker", of("worker", **ailing)).probe
    assert (worker.health, worker.cause) == (Health.UNHEALTHY, Cause.UNHEALTHY)


@pytest.mark.parametrize(
    ("service", "status", "code", "fix"),
    [
        (
            "worker",
            "exited",
            3,
            "mend what its log tells, then: docker compose up -d worker; its la",
        ),
        ("worker", "exited", 0, "docker compose start worker; what is to end is of kind: task"),
        ("db", "exited", 0, "docker compose start db"),
    ],
)
def test_what_to_do_about_what_has_ended(
    tmp_path: Path, service: str, status: str, code: int, fix: str
) -> None:
    probe = seen(tmp_path, service, of(service, status=status, exit_code=code)).probe
    assert probe.fix.startswith(fix)
    assert ("task" in probe.fix) is ("task" in fix)


def test_a_worker_that_nobody_hears_at_what_it_publishes_is_a_warning(tmp_path: Path) -> None:
    published = {9100: ("0.0.0.0", 9100)}
    ports = COMPOSE.replace("worker: {build: .,", "worker: {build: ., ports: [9100],")
    inside = of("worker", published=published, listens=(Listener("127.0.0.1", 9100, ""),))
    probe = seen(tmp_path, "worker", inside, compose=ports).probe
    assert (probe.health, probe.cause) == (Health.HEALTHY, Cause.UNHEALTHY)
    assert "listens at 127.0.0.1:9100 only" in probe.found
    assert probe.fix.startswith("let worker listen at 0.0.0.0")
    outside = of("worker", published=published, listens=(Listener("0.0.0.0", 9100, ""),))
    assert seen(tmp_path, "worker", outside, compose=ports).probe.cause is None


@pytest.mark.parametrize(("health", "well"), [("healthy", True), ("starting", False), ("", False)])
def test_a_health_check_that_says_healthy_is_told(tmp_path: Path, health: str, well: bool) -> None:
    _, context = there(tmp_path, of("web", health=health))
    assert bool(context.targets["web"].provider.own_check.well) is well


@pytest.mark.parametrize(
    "second", [{"health": "unhealthy"}, {"status": "created", "error": "address already in use"}]
)
def test_of_several_that_are_down_the_first_is_told_with_its_cause(
    tmp_path: Path, second: dict[str, str]
) -> None:
    both = [of("worker", status="exited", exit_code=1), of("worker", number=2, **second)]
    probe = seen(tmp_path, "worker", *both, compose=TWO_WORKERS).probe
    assert probe.cause is Cause.EXITED
    assert "shop-worker-1 has exited with code 1" in probe.found


def test_what_was_restarted_is_told_so_before_its_health(tmp_path: Path) -> None:
    one = of("worker", health="unhealthy", unsettled=True, restarts=2)
    assert seen(tmp_path, "worker", one).probe.cause is Cause.NOT_MEASURED


def test_one_replica_without_its_port(tmp_path: Path) -> None:
    lacking = of("web", number=2, status="created", error="port is already allocated", networks={})
    both = COMPOSE.replace("web: {build: .,", "web: {build: ., deploy: {replicas: 2},")
    assert seen(tmp_path, "web", of("web"), lacking, compose=both).probe.cause is Cause.PORT_IN_USE


def test_one_of_several_that_ended_is_told_as_one(tmp_path: Path) -> None:
    ended = of("worker", number=2, status="exited", exit_code=3)
    one = seen(tmp_path, "worker", of("worker"), ended, compose=TWO_WORKERS)
    assert one.probe.found == "its container shop-worker-2 has exited with code 3; 1 of 2 is down"
    alone = seen(tmp_path, "worker", ended)
    assert alone.probe.found == "its container shop-worker-2 has exited with code 3"
