"""Where components of a project are reached, and in what state they are, from what an engine says
of its containers."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from seatrial.compose.engine import Container
from seatrial.compose.project import read_project
from seatrial.compose.targets import targets
from seatrial.declaration.load import load
from seatrial.errors import UsageError
from seatrial.kinds.base import Endpoint, Image, Target
from seatrial.kinds.containers import Mount, Port, Service
from seatrial.kinds.programs import down_by_states
from seatrial.kinds.redis.config import RedisConfig
from seatrial.kinds.registry import KINDS
from seatrial.listeners import Listener
from seatrial.outcome import Cause, State

COMPOSE = """
name: shop
services:
  db: {image: "postgres:15", environment: {POSTGRES_PASSWORD: of-the-file}}
  web: {build: ., ports: ["8000:8000"], healthcheck: {test: "curl http://localhost:8000/up"}}
  worker: {build: ., healthcheck: {test: "true"}}
  migrate: {build: ., command: migrate}
  cache: {image: "redis:7", command: redis-server --requirepass of-the-file}
"""
DECLARED = """
system: shop
compose: compose.yaml
components:
  db: {kind: postgres}
  web: {kind: http, needs: [db]}
  worker: {kind: process}
  migrate: {kind: task}
  cache: {kind: redis}
"""
RUNNING = Container(
    id="0",
    image=Image("postgres:15", "sha256:1"),
    name="shop-db-1",
    service="db",
    number=1,
    status="running",
    exit_code=0,
    oom_killed=False,
    error="",
    health="",
    health_output="",
    restarts=0,
    ran_for=60.0,
    lived=math.inf,
    age=60.0,
    command="docker-entrypoint.sh postgres",
    environment={"POSTGRES_PASSWORD": "as-it-runs"},
    published={},
    exposed=(5432,),
    address="172.20.0.2",
    networks={"shop_default": "172.20.0.2"},
    links={},
    on_host=False,
    host="",
    cut_off="",
    compose_version="2.26.1",
)


def of(service: str, **changes: object) -> Container:
    name = f"shop-{service}-{changes.get('number', 1)}"
    if isinstance(networks := changes.get("networks"), dict):
        changes["address"] = next(iter(networks.values()), "")
    return replace(RUNNING, service=service, name=name, **changes)  # type: ignore[arg-type]


@pytest.fixture
def look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    (tmp_path / "seatrial.yaml").write_text(DECLARED)
    system = load(tmp_path, KINDS, variables={})
    project = read_project(tmp_path / "compose.yaml", {})

    def one(*containers: Container) -> dict[str, Target]:
        return targets(system, project, containers)

    return one


def test_a_published_port_is_reached_at_the_host(look) -> None:  # type: ignore[no-untyped-def]
    web = look(of("web", published={8000: ("0.0.0.0", 32768)}))["web"]
    assert web.endpoint().url == "http://127.0.0.1:32768"
    bound = look(of("web", published={8000: ("192.0.2.7", 80)}))["web"]
    assert bound.endpoint().url == "http://192.0.2.7:80"
    assert (web.endpoint().called, bound.endpoint().called) == ("", "")


def test_at_a_containers_address_it_is_asked_as_it_asks_itself(look) -> None:  # type: ignore[no-untyped-def]
    web = look(of("web")).get("web").endpoint()
    assert (web.host, web.authority) == ("172.20.0.2", f"localhost:{web.port}")
    assert not web.verified


def test_any_other_at_the_containers_address_as_it_was_made(look) -> None:  # type: ignore[no-untyped-def]
    db = look(of("db"))["db"]
    assert db.endpoint().url == "postgresql://postgres:as-it-runs@172.20.0.2:5432/postgres"


@pytest.mark.parametrize(
    "command",
    [
        "docker-entrypoint.sh redis-server --requirepass as-it-runs",
        "docker-entrypoint.sh sh -c redis-server --requirepass ${SECRET}",
        'docker-entrypoint.sh sh -c redis-server --requirepass "$SECRET"',
    ],
)
def test_so_does_its_command_with_its_variables(look, command: str) -> None:  # type: ignore[no-untyped-def]
    cache = look(of("cache", command=command, environment={"SECRET": "as-it-runs"}))["cache"]
    assert cache.endpoint().password == "as-it-runs"


def test_and_what_other_containers_say_of_it(look) -> None:  # type: ignore[no-untyped-def]
    told = {"DATABASE_URL": "postgresql://app:as-it-runs@db/shop"}
    assert look(of("db"), of("web", environment=told))["db"].endpoint().path == "/shop"
    stopped = of("web", environment=told, status="exited")
    assert look(of("db"), stopped)["db"].endpoint().path == "/postgres"


def test_an_engine_elsewhere(look, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("DOCKER_HOST", "ssh://me@far.example")
    found = look(of("db"), of("web", published={8000: ("0.0.0.0", 8000)}))
    assert found["db"].endpoints == {}  # its address means nothing here
    assert found["web"].endpoint().url == "http://far.example:8000"


def test_replicas_are_all_of_them(look) -> None:  # type: ignore[no-untyped-def]
    web = look(
        of("web", published={8000: ("", 1)}), of("web", number=2, published={8000: ("", 2)})
    )["web"]
    assert [one.port for one in web.endpoints["http"]] == [1, 2]
    assert web.states == (State.READY, State.READY)


@pytest.mark.parametrize(
    ("service", "changes", "state", "found", "start"),
    [
        ("db", {}, State.READY, "", "docker compose restart db"),
        (
            "db",
            {"status": "exited", "exit_code": 0},
            State.STOPPED,
            "its container shop-db-1 has exited with code 0",
            "docker compose start db",
        ),
        (
            "db",
            {"status": "exited", "exit_code": 1},
            State.EXITED,
            "its container shop-db-1 has exited with code 1",
            "docker compose up -d db",
        ),
        (
            "db",
            {"status": "exited", "exit_code": 137, "oom_killed": True},
            State.EXITED,
            "its container shop-db-1 was killed for want of memory (exit code 137)",
            "docker compose up -d db",
        ),
        (
            "db",
            {"status": "paused"},
            State.PAUSED,
            "its container shop-db-1 is paused",
            "docker compose unpause db",
        ),
        (
            "worker",
            {"status": "restarting", "exit_code": 3, "restarts": 7},
            State.EXITED,
            "its container shop-worker-1 ends with exit code 3 and is restarted, 7 times so far",
            "docker compose up -d worker",
        ),
        (
            "worker",
            {"unsettled": True, "restarts": 3, "ran_for": 1.25, "last_words": "KeyError"},
            State.STARTING,
            "its container shop-worker-1 was restarted 3 times, and has run for 1.2 s since; "
            "its log: KeyError",
            "docker compose restart worker",
        ),
        (
            "web",
            {"unsettled": True, "restarts": 1, "ran_for": 2},
            State.FAILED,
            "its container shop-web-1 was restarted once, and has run for 2.0 s since",
            "docker compose restart web",
        ),
        (
            "web",
            {"unsettled": True, "restarts": 3, "ran_for": 2, "health": "starting"},
            State.FAILED,
            "its container shop-web-1 was restarted 3 times, and has run for 2.0 s since",
            "docker compose restart web",
        ),
        (
            "web",
            {"unsettled": True, "restarts": 2, "ran_for": 2, "health": "starting"},
            State.STARTING,
            "its container shop-web-1 was restarted 2 times, and has run for 2.0 s since",
            "docker compose restart web",
        ),
        ("db", {"unsettled": True, "restarts": 3}, State.READY, "", "docker compose restart db"),
        (
            "worker",
            {"health": "unhealthy", "health_output": "no queue"},
            State.FAILED,
            "its container shop-worker-1 runs, but its health check says unhealthy: no queue",
            "docker compose restart worker",
        ),
        (
            "db",
            {"cut_off": "shop_back", "networks": {}},
            State.UNREACHABLE,
            "its container shop-db-1 runs, but it was taken off its network shop_back",
            "docker network connect --alias db shop_back shop-db-1",
        ),
        (
            "web",
            {"status": "created", "error": "bind: address already in use"},
            State.EXITED,
            "its container shop-web-1 was made, but not started: bind: address already in use",
            "docker compose up -d web",
        ),
        ("web", {"health": "unhealthy"}, State.READY, "", "docker compose restart web"),
        ("migrate", {"status": "exited"}, State.DONE, "", "docker compose start migrate"),
        (
            "migrate",
            {"status": "exited", "exit_code": 2},
            State.EXITED,
            "its container shop-migrate-1 has exited with code 2",
            "docker compose up -d migrate",
        ),
    ],
)
def test_states(  # type: ignore[no-untyped-def]
    look, service: str, changes: dict[str, object], state: State, found: str, start: str
) -> None:
    target = look(of(service, **changes))[service]
    assert target.states == (state,)
    assert target.provider.found == found
    assert target.start == start
    assert target.logs == f"docker compose logs {service}"
    assert target.provider.commands.inside == f"docker compose exec {service}"


KILLED = {"exit_code": 137, "oom_killed": True}


@pytest.mark.parametrize("changes", [{"status": "exited"}, {"status": "restarting", "restarts": 2}])
def test_what_was_killed_for_want_of_memory_needs_more_of_it(look, changes) -> None:  # type: ignore[no-untyped-def]
    died = down_by_states(look(of("worker", **KILLED, **changes))["worker"])
    assert died is not None
    assert (died.cause, died.own) == (Cause.EXITED, True)
    assert died.fix.startswith(
        "raise the limit on memory (mem_limit, deploy.resources.limits.memory) of the service "
        "worker of compose.yaml, or see what eats it (docker stats), then: docker compose up -d"
    )


@pytest.mark.parametrize(
    "containers",
    [
        (of("worker", status="exited", exit_code=1, last_words="MemoryError"),),
        (of("worker", status="exited", exit_code=137),),  # docker kill
        # The first one that is down is told of:
        (of("worker", status="exited", exit_code=1), of("worker", number=2, status="exited")),
        (of("worker", status="paused"), of("worker", number=2, status="exited", **KILLED)),
    ],
)
def test_what_ended_otherwise_does_not(look, containers) -> None:  # type: ignore[no-untyped-def]
    died = down_by_states(look(*containers)["worker"])
    assert died is not None
    assert not died.own
    assert "memory" not in died.fix


def test_who_is_left_in_an_old_network_is_out_of_reach(look) -> None:  # type: ignore[no-untyped-def]
    worker = look(of("worker", stranded="web", health="unhealthy"))["worker"]
    assert worker.states == (State.UNREACHABLE,)
    assert "in the network that web had before that was started again" in worker.provider.found
    assert worker.start == "docker compose restart worker"


def test_a_health_check_of_an_image_is_called_so(look) -> None:  # type: ignore[no-untyped-def]
    words = look(of("cache", health="unhealthy", health_output="no PONG"))["cache"].provider
    assert words.own_check.ailing == (
        "its container shop-cache-1 runs, but the health check of its image, which `healthcheck` "
        "may replace, says unhealthy: no PONG"
    )


def test_one_that_runs_was_not_killed_though_memory_lacked_in_it(look) -> None:  # type: ignore[no-untyped-def]
    worker = look(of("worker", oom_killed=True, health="unhealthy", health_output="busy"))["worker"]
    assert worker.provider.found == (
        "its container shop-worker-1 runs, but its health check says unhealthy: busy"
    )


def test_what_its_containers_were_made_of_is_told_once(look) -> None:  # type: ignore[no-untyped-def]
    one, other = Image("shop-web", "sha256:1"), Image("shop-web", "sha256:2")

    def told(*images: Image) -> tuple[Image, ...]:
        made = [of("web", number=n, image=image) for n, image in enumerate(images)]
        return look(*made)["web"].provider.images  # type: ignore[no-any-return]

    assert told(one, one) == (one,)
    assert told(one, other) == (one, other)  # one replica was not made anew
    assert told() == ()


def test_no_container_at_all(look) -> None:  # type: ignore[no-untyped-def]
    db = look(of("web"))["db"]
    assert db.states == (State.STOPPED,)
    assert db.provider.found == "the project shop has no container of the service db"
    assert db.start == "docker compose up -d db"
    assert db.provider.own_check.well == ""


def test_the_old_compose_is_named_as_it_is_called(look) -> None:  # type: ignore[no-untyped-def]
    assert look(of("db", compose_version="1.29.2"))["db"].start == "docker-compose restart db"


def test_a_service_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    (tmp_path / "seatrial.yaml").write_text(DECLARED.replace("db: {kind", "database: {kind")
                                            .replace("[db]", "[database]"))  # fmt: skip
    system = load(tmp_path, KINDS, variables={})
    with pytest.raises(UsageError, match="has no service database"):
        targets(system, read_project(tmp_path / "compose.yaml", {}), [])


@pytest.mark.parametrize(
    ("runs", "password"),
    [
        ("redis-server --requirepass two words", "two words"),
        ("redis-server --requirepass earlier", "earlier"),  # made of an earlier file
    ],
)
def test_a_password_with_a_space_is_one(runs: str, password: str) -> None:
    words = ("redis-server", "--requirepass", "two words")
    service = Service("cache", command=f"docker-entrypoint.sh {runs}", commands=(words, ()))
    made = KINDS["redis"].containers.endpoints(service, RedisConfig(), ())  # type: ignore[union-attr]
    assert made["redis"].password == password


@pytest.mark.parametrize("name", ["REDIS_ARGS", "REDIS_EXTRA_FLAGS", "VALKEY_EXTRA_FLAGS"])
def test_a_password_among_further_options(name: str) -> None:
    told = {name: "--maxmemory 1gb --requirepass sesame"}
    service = Service("cache", image="redis/redis-stack", environment=told)
    made = KINDS["redis"].containers.endpoints(service, RedisConfig(), ())  # type: ignore[union-attr]
    assert made["redis"].password == "sesame"


@pytest.mark.parametrize(
    ("where", "settings", "password"),
    [
        (
            "/etc/redis",
            "# requirepass no\nrequirepass first\nRequirePass 'two words'\n",
            "two words",
        ),
        ("/etc/redis/redis.conf", 'port 1\n  requirepass "sesame"', "sesame"),
        ("/etc/redis.d", "requirepass sesame\n", None),  # the file is not the one it names
        ("/etc/redis", "masterauth sesame\n", None),
        ("/etc/redis", "tls-port " + "9" * 5000 + "\nrequirepass sesame", "sesame"),
    ],
    ids=["a folder", "the file", "elsewhere", "none", "no port"],
)
def test_the_password_in_the_file_of_redis(
    tmp_path: Path, where: str, settings: str, password: str | None
) -> None:
    file = tmp_path / "redis.conf"
    file.write_text(settings)
    mount = Mount(str(file if where.endswith(".conf") else tmp_path), where, bind=True)
    command = "docker-entrypoint.sh redis-server /etc/redis/redis.conf --port 6379"
    service = Service("cache", command=command, mounts=(mount,))
    made = KINDS["redis"].containers.endpoints(service, RedisConfig(), ())  # type: ignore[union-attr]
    assert made["redis"].password == password


@pytest.mark.parametrize(
    ("kind", "command", "environment", "port"),
    [
        ("redis", "docker-entrypoint.sh redis-server --port 6380", {}, 6380),
        ("redis", "docker-entrypoint.sh redis-server", {}, 6379),
        ("redis", "/entrypoint.sh", {"REDIS_ARGS": "--port 6380"}, 6380),
        ("redis", "redis-server --port 99999", {}, 6379),
        ("postgres", "docker-entrypoint.sh postgres -p 5433", {}, 5433),
        ("postgres", "docker-entrypoint.sh postgres -c port=5433 -c fsync=off", {}, 5433),
        ("postgres", "docker-entrypoint.sh postgres", {"PGPORT": "5433"}, 5433),
        ("postgres", "docker-entrypoint.sh postgres -c fsync=off", {}, 5432),
    ],
)
def test_the_port_that_a_server_is_told(
    kind: str, command: str, environment: dict[str, str], port: int
) -> None:
    service = Service("it", command=command, environment=environment)
    config = KINDS[kind].config.model_validate({"kind": kind})
    made = KINDS[kind].containers.endpoints(service, config, ())  # type: ignore[union-attr]
    assert next(iter(made.values())).port == port


@pytest.mark.parametrize("kind", ["redis", "postgres"])
@pytest.mark.parametrize(
    ("heard", "published", "command", "port"),
    [
        ((7000,), None, "", 7000),
        ((7000, 9121), None, "", 0),
        ((), None, "", 0),
        ((7000,), 80, "", 0),  # what it publishes it does not hear at
        ((7000,), None, "redis-server --port 7001 postgres -p 7001", 7001),
    ],
)
def test_settings_within_an_image_are_seen_once_it_runs(
    kind: str, heard: tuple[int, ...], published: int | None, command: str, port: int
) -> None:
    usual = {"redis": 6379, "postgres": 5432}[kind]
    ports = (Port(usual, published),)
    service = Service("it", command=command, ports=ports, heard=frozenset(heard))
    config = KINDS[kind].config.model_validate({"kind": kind})
    made = KINDS[kind].containers.endpoints(service, config, ())  # type: ignore[union-attr]
    assert next(iter(made.values())).port == (port or usual)


@pytest.mark.parametrize(
    ("told", "heard", "url"),
    [
        ([], (), "amqp://guest:guest@mq:5672"),
        (["amqps://u:p@mq:5671"], (), "amqps://u:p@mq:5671"),
        (["amqps://u:p@mq:5999", "http://mq:15672"], (), "amqps://u:p@mq:5999"),
        (["amqps://u:p@mq:5671", "amqp://u:p@mq"], (), "amqp://u:p@mq:5672"),
        ([], (5671,), "amqps://guest:guest@mq:5671"),
        ([], (5671, 5672), "amqp://guest:guest@mq:5672"),
    ],
)
def test_a_broker_with_tls(told: list[str], heard: tuple[int, ...], url: str) -> None:
    said = [Endpoint.parse(one) for one in told]
    service = Service("mq", heard=frozenset(heard))
    config = KINDS["rabbitmq"].config.model_validate({"kind": "rabbitmq"})
    made = KINDS["rabbitmq"].containers.endpoints(service, config, said)  # type: ignore[union-attr]
    assert made["amqp"].url == url
    assert not made["amqp"].verified


def test_a_password_in_a_mounted_file(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("of-the-file\n")
    mount = Mount(str(tmp_path), "/run/pg", bind=True)
    environment = {"POSTGRES_PASSWORD_FILE": "/run/pg/pw"}
    service = Service("db", environment=environment, mounts=(mount,))
    config = KINDS["postgres"].config.model_validate({"kind": "postgres"})
    made = KINDS["postgres"].containers.endpoints(service, config, ())  # type: ignore[union-attr]
    assert made["sql"].password == "of-the-file"


@pytest.mark.parametrize(
    ("declared", "paths", "database"),
    [
        ({}, ["/2", "/0"], "/2"),
        ({}, ["", "/", "/cache?x=/3"], "/0"),
        ({"database": 0}, ["/2"], "/0"),
    ],
    ids=["the first URL's", "none", "declared"],
)
def test_the_database_of_redis(declared: dict[str, int], paths: list[str], database: str) -> None:
    said = [Endpoint("redis", "cache", 6379, path) for path in paths]
    config = RedisConfig.model_validate(declared)
    made = KINDS["redis"].containers.endpoints(Service("cache"), config, said)  # type: ignore[union-attr]
    assert made["redis"].path == database


def test_why_it_is_not_heard_though_it_runs(look) -> None:  # type: ignore[no-untyped-def]
    inside = (Listener("127.0.0.1", 8000, "1"),)
    words = look(of("web", listens=inside))["web"].provider
    assert "at 127.0.0.1:8000 only" in words.listening.unheard
    assert words.listening.fix.startswith("let web listen at 0.0.0.0")
    assert (
        look(of("web", listens=(Listener("::", 8000, "1"),)))["web"].provider.listening.unheard
        == ""
    )
