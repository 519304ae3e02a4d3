"""What services are told that leads nowhere."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from seatrial.checks.addressed import astray
from seatrial.compose.astray import listening_of
from seatrial.compose.project import read_project
from seatrial.compose.targets import targets
from seatrial.declaration.load import load
from seatrial.kinds.base import Astray, Target
from seatrial.kinds.base import load as load_kind
from seatrial.kinds.containers import Service
from seatrial.kinds.registry import KINDS
from seatrial.listeners import Listener
from seatrial.outcome import Cause, Priority, State

from .test_targets import of

#: What the image of web has set: nobody of the project has a say in it.
IMAGE = {"REDIS_HOST": "localhost", "BROKER_URL": "amqp://broker"}
DECLARED = """
system: shop
compose: compose.yaml
components:
  web: {kind: process}
  db: {kind: postgres}
  cache: {kind: redis}
  safe: {kind: redis}
  mq: {kind: rabbitmq}
"""


def told(
    folder: Path,
    environment: dict[str, str],
    default: object = None,
    *,
    web_networks: Sequence[str] = ("all",),
    db_networks: Sequence[str] | None = None,
    db_port: int = 5432,
    db_listens: Sequence[int] | None = None,
    web_listens: Sequence[int] = (),
    **web: object,
) -> list[Astray]:
    """`db_networks`: None where it has no container; `db_listens`: None where nobody knows."""
    inside = tuple(Listener("127.0.0.1", port, "") for port in web_listens)
    declared = {
        "image": "postgres:15",
        "container_name": "shop_db",
        "hostname": "db-host",
        "networks": {"back": {"aliases": ["database"]}},
    }
    services = {
        "db": declared,
        "cache": {
            "image": "redis:7",
            "command": "redis-server --port 6380 --tls-port 6390",
            "ports": ["6379:7000"],
        },
        "safe": {"image": "redis:7", "command": "redis-server --port 0 --tls-port 7379"},
        "mq": {"image": "rabbitmq:3-management"},
        "other": {"image": "x", "links": ["db:linked"]},
        "twin": {"image": "x", "networks": {"side": {"aliases": ["database", "alone"]}}},
        "web": {"image": "x", "environment": environment, **web},
    }
    networks = {"back": {}, "side": {}, "shared": {"external": True}, "default": default}
    whole = {"services": services, "networks": networks}
    (folder / "compose.yaml").write_text(json.dumps(whole))
    (folder / "seatrial.yaml").write_text(DECLARED)
    project = read_project(folder / "compose.yaml", {})
    system = load(folder, KINDS, variables={})
    command = str(web.get("command", ""))
    db = {"exposed": (5432,), "command": f"postgres -p {db_port}"}
    if db_listens is not None:
        db["listens"] = tuple(Listener("0.0.0.0", port, "") for port in db_listens)
    running = [
        of(name, networks=dict.fromkeys(networks, "10.0.0.9"), **{"exposed": ()} | changes)
        for name, networks, changes in (
            (
                "web",
                web_networks,
                {"command": command, "environment": IMAGE | environment, "listens": inside},
            ),
            ("db", db_networks, db),
        )
        if networks is not None
    ]
    return list(targets(system, project, running)["web"].astray)


@pytest.mark.parametrize(
    ("variable", "value", "found"),
    [
        ("DATABASE_URL", "postgres://u:p@dbb/shop", "there is no service dbb"),
        ("DATABASE_URL", "jdbc:postgresql://dbb:5432/shop", "there is no service dbb"),
        ("DB_HOST", "postgres", "there is no service postgres"),
        ("GF_DATABASE_HOST", "dbx:5432", "there is no service dbx"),
        ("GITEA__database__HOST", "dbx", "there is no service dbx"),
        ("RABBIT_ADDRESS", "mqx:5672", "there is no service mqx"),
        ("GF_DATABASE_HOST", "db:5433", "db listens at 5432 in its container"),
        ("REDIS_HOST", "redis", "there is no service redis"),
        ("DATABASE_URL", "postgres://u:p@db:5433/shop", "db listens at 5432 in its container"),
        ("CACHE_URL", "redis://cache", "cache listens at 6380"),
        ("BACKEND", "db+postgresql://u:p@dbb/shop", "there is no service dbb"),
        ("URLS", "redis://cache:6380 redis://u:p@cach", "there is no service cach"),
        ("DSN", "host=dbb user=u dbname=x", "there is no service dbb"),
        ("DSN", "host=db port=5433 dbname=x", "db listens at 5432 in its container"),
        ("Redis__Connection", "cach:6380,password=X", "there is no service cach"),
        ("Redis__Connection", "cache:6379,password=X", "cache listens at 6380"),
    ],
)
def test_a_host_or_port_that_is_none(tmp_path: Path, variable: str, value: str, found: str) -> None:
    (one,) = told(tmp_path, {variable: value})
    assert one.found.startswith(found)
    assert one.cause is (Cause.DNS if "no service" in found else Cause.REFUSED)
    assert one.where == f"{variable} of the service web of compose.yaml"
    assert one.fix.startswith(f"correct {one.where}")


def test_the_nearest_service_is_named(tmp_path: Path) -> None:
    (one,) = told(tmp_path, {"DATABASE_URL": "postgres://u:p@dbb/shop"})
    assert "db" in one.fix.partition(": ")[2]


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("postgres://u:p@shop-store/x", "db"),  # the only one, whatever it is called
        ("postgres://u:p@webb/x", "db"),
        ("redis://saf", "safe"),
        ("redis://othr", "other"),  # of two, none is near
    ],
)
def test_a_server_of_its_sort_is_meant(tmp_path: Path, url: str, server: str) -> None:
    (one,) = told(tmp_path, {"SOME_URL": url})
    assert one.fix.endswith(f": did you mean {server}?")


def test_a_port_in_a_variable_of_its_own(tmp_path: Path) -> None:
    (one,) = told(tmp_path, {"DB_HOST": "db", "DB_PORT": "5434"})
    assert "not at 5434" in one.found
    assert one.fix.startswith("correct DB_PORT of the service web of compose.yaml: the port is")
    for port in ("5432", "\N{SUPERSCRIPT TWO}", "${PORT}"):
        assert told(tmp_path, {"DB_HOST": "db", "DB_PORT": port}) == []


@pytest.mark.parametrize(
    "value",
    [
        *(f"postgres://u:p@{name}:5432/x" for name in ("db", "shop_db", "db-host", "database")),
        *("postgres://u:p@linked/x", "redis://cache:6380", "amqp://mq", "amqps://mq:5671"),
        *("rediss://cache:6390", "redis://cache:7000"),
        *("postgres://u:p@db.example.com/x", "redis://127.0.0.1:1", "http://localhost:5672"),
        *(
            "host=mail port=1025 user=u password=p",
            "host=db dbname=x",
            "postgresql://u:p@ss w#rd@db/x",
            "postgresql://u:p@ss,w#rd@db/x postgresql://u:p@db/x",
            "host=/run/pg user=u",
            "host=nowhere",
            "cache:6380,password=X",
            "nowhere:1,name=x",
            "host=a,b user=u",
        ),
        *("mysql://nowhere/x", "http://nowhere:8000", "postgres:///x", "redis://${HOST}/0"),
    ],
)
def test_what_leads_somewhere_or_cannot_be_known(tmp_path: Path, value: str) -> None:
    assert told(tmp_path, {"SOME_URL": value}) == []


@pytest.mark.parametrize(
    "variables",
    [
        {"MONGODB_HOST": "mongo"},
        {"INFLUXDB_HOST": "influx"},
        {"MYSQL_DB_HOST": "localhost"},
        {"MAIL_HOST": "mailpit"},
        {"HOST": "nowhere"},
        {"DB_HOST": ""},
        {"DB_NODE": "a b"},
    ],
)
def test_hosts_of_what_need_not_be_there(tmp_path: Path, variables: dict[str, str]) -> None:
    assert told(tmp_path, variables) == []


@pytest.mark.parametrize(
    "web",
    [
        {"extra_hosts": ["dbb:10.0.0.1"]},
        {"external_links": ["dbb"]},
        {"network_mode": "host"},
        {"networks": ["shared"]},
        {"dns": "10.0.0.1"},
    ],
)
def test_who_may_know_other_hosts(tmp_path: Path, web: dict[str, object]) -> None:
    url = {"DATABASE_URL": "postgres://u:p@dbb/shop"}
    assert told(tmp_path, url, **web) == []
    assert len(told(tmp_path, url, networks=["back"])) == 1


def test_a_server_that_runs_is_believed_once_it_listens(tmp_path: Path) -> None:
    """Its image exposes the usual port, at which nothing listens."""
    url = {"DATABASE_URL": "postgres://u:p@db:5432/shop"}
    (one,) = told(tmp_path, url, db_networks=["all"], db_port=5433, db_listens=[5433, 9187])
    assert one.found == "db listens at 5433 in its container, not at 5432"
    assert one.fix.endswith("of compose.yaml: the port is 5433")
    for listens in ([], [9187], [5432, 5433], None):
        assert told(tmp_path, url, db_networks=["all"], db_port=5433, db_listens=listens) == []
    right = {"DATABASE_URL": "postgres://u:p@db:5433/shop"}
    assert told(tmp_path, right, db_networks=["all"], db_port=5433, db_listens=[5433]) == []


def test_a_web_page_is_no_server(tmp_path: Path) -> None:
    (one,) = told(tmp_path, {"AMQP_URL": "amqp://mq:15672/"})
    assert one.found == "at 15672 of mq is its web page; it listens at 5672"
    kind = load_kind("rabbitmq")
    running = [Listener("::", port, "") for port in (4369, 5672, 15672)]
    service, config = Service("mq"), kind.config.model_validate({"kind": "rabbitmq"})
    ports = listening_of(kind, service, config, running)
    assert ports is not None
    assert (ports.told, ports.maybe) == ({5672}, {4369, 5672})
    assert 15672 in ports.web
    parts = {"RABBITMQ_HOST": "mq", "RABBITMQ_PORT": "15672"}
    assert told(tmp_path, parts) == [], "that may be what is meant"


def test_of_several_of_one_name_the_one_in_reach_is_meant(tmp_path: Path) -> None:
    url = {"DATABASE_URL": "postgres://u:p@database:5432/shop"}
    both = ["back", "side"]
    assert told(tmp_path, url, web_networks=[], networks=["back"]) == []
    assert told(tmp_path, url, web_networks=[], networks=["side"]) == [], "it is no server we know"
    assert told(tmp_path, url, web_networks=[], networks=["default"])[0].cause is Cause.DNS
    wrong = {"DATABASE_URL": "postgres://u:p@database:5433/shop"}
    assert "not at 5433" in told(tmp_path, wrong, web_networks=[], networks=["back"])[0].found
    assert told(tmp_path, wrong, web_networks=[], networks=both) == [], "of twin nobody knows"


def test_where_the_usual_network_is_that_of_others(tmp_path: Path) -> None:
    url = {"DATABASE_URL": "postgres://u:p@dbb/shop"}
    assert told(tmp_path, url, default={"external": True, "name": "all"}) == []
    assert len(told(tmp_path, url, default={"name": "all"})) == 1


@pytest.mark.parametrize(
    ("variables", "server"),
    [
        ({"DATABASE_URL": "postgres://u:p@localhost:5432/shop"}, "db"),
        ({"DATABASE_URL": "postgres://u:p@127.0.0.1/shop"}, "db"),
        ({"DB_HOST": "localhost"}, "db"),
        ({"REDIS_HOST": "127.0.0.1", "REDIS_PORT": "6380"}, "cache"),
        ({"CACHE_URL": "redis://localhost:6379"}, "cache"),  # as the host reaches it
        ({"BROKER": "amqp://[::1]"}, "mq"),
        ({"DSN": "host=localhost port=5432 user=u password=p dbname=shop"}, "db"),
        ({"DSN": "dbname=shop host=127.0.0.1"}, "db"),
        ({"BROKER": "amqp://localhost", "BROKER_USER": "mq"}, "mq"),
    ],
)
def test_localhost_is_the_container_itself(
    tmp_path: Path, variables: dict[str, str], server: str
) -> None:
    (one,) = told(tmp_path, variables)
    assert one.cause is Cause.REFUSED
    assert one.found.endswith(f"is there the container of web itself, not {server}")
    assert f": the host is {server}, the port " in one.fix


@pytest.mark.parametrize(
    ("variables", "plain"),
    [
        ({"SAFE_URL": "redis://safe:7379"}, True),
        ({"REDIS_HOST": "safe", "REDIS_PORT": "7379"}, True),
        ({"SAFE_URL": "rediss://safe:7379"}, False),
        ({"REDIS_HOST": "safe", "REDIS_PORT": "7379", "REDIS_TLS": "1"}, False),
        ({"REDIS_HOST": "safe", "REDIS_PORT": "7379", "REDIS_SCHEME": "tls"}, False),
        ({"SAFE_URL": "redis://cache:6380"}, False),
        ({"SAFE_URL": "redis://safe:7379", "REDIS_TLS_ENABLED": "true"}, False),
        ({"SAFE_URL": "redis://safe:7379?ssl=true"}, False),
        ({"SAFE_URL": "redis://safe:7379", "PROTOCOL": "rediss"}, False),
    ],
)
def test_who_asks_without_tls_where_nothing_else_is_taken(
    tmp_path: Path, variables: dict[str, str], plain: bool
) -> None:
    found = told(tmp_path, variables)
    assert [one.cause for one in found] == ([Cause.TLS] if plain else [])
    assert all("takes nothing but TLS at 7379" in one.found for one in found)


@pytest.mark.parametrize(
    ("variable", "spare"),
    [
        *((name, True) for name in ("DATABASE_REPLICA_URL", "PG_RO_URL", "PG_BACKUP_URL")),
        *((name, False) for name in ("DATABASE_URL", "DATABASE_ROOT_URL", "THREAD_REDIS_URL")),
    ],
)
def test_what_may_be_to_spare(tmp_path: Path, variable: str, spare: bool) -> None:
    (one,) = told(tmp_path, {variable: "postgres://u:p@pgg/shop"})
    assert one.spare is spare
    config = load_kind("process").config.model_validate({"kind": "process"})
    target = Target("web", "process", config, {}, (State.READY,), astray=(one,))
    (finding,) = astray(target)
    assert finding.priority is (Priority.P2 if spare else Priority.P1)


def test_a_file_of_settings_may_say_it(tmp_path: Path) -> None:
    (tmp_path / "app.toml").write_text('url = "postgres://u:p@db:5432/shop"')
    (tmp_path / "other.toml").write_text('url = "postgres://u:p@dbb:5432/shop"')
    url = {"DATABASE_URL": "postgres://u:p@localhost/shop"}
    assert told(tmp_path, url, volumes=["./app.toml:/app.toml"]) == []
    assert len(told(tmp_path, url, volumes=["./other.toml:/app.toml", "./gone:/x", "v:/y"])) == 1


@pytest.mark.parametrize(
    "web",
    [
        {"network_mode": "host"},
        {"network_mode": "service:db"},
        {"command": "wait-for db:5432 -- serve"},
        {"expose": [5432]},
    ],
)
def test_where_localhost_may_be_right(tmp_path: Path, web: dict[str, object]) -> None:
    assert told(tmp_path, {"DB_HOST": "localhost"}, **web) == []
    more = {"DB_HOST": "localhost", "DATABASE_URL": "postgres://u:p@db/shop"}
    assert told(tmp_path, more) == []


def test_where_a_server_is_in_the_container_too(tmp_path: Path) -> None:
    url = {"REDIS_URL": "redis://localhost:6380"}
    assert len(told(tmp_path, url, web_listens=[8000])) == 1
    assert told(tmp_path, url, web_listens=[8000, 6380]) == []


@pytest.mark.parametrize(
    ("variables", "chosen"),
    [
        ({"REDIS_HOST": "localhost", "CACHE_DRIVER": "file", "QUEUE_CONNECTION": "database"}, 0),
        ({"REDIS_HOST": "localhost", "CACHE_DRIVER": "file", "QUEUE_CONNECTION": "redis"}, 1),
        ({"REDIS_HOST": "localhost", "DB_CONNECTION": "mysql"}, 1),  # that is of the database
        ({"DB_HOST": "localhost", "DB_CONNECTION": "sqlite"}, 0),
        ({"DB_HOST": "localhost", "DB_CONNECTION": "mysql"}, 0),
        ({"DB_HOST": "localhost", "DB_CONNECTION": "pgsql"}, 1),
        ({"DB_HOST": "localhost", "DB_ENGINE": "django.db.backends.postgresql"}, 1),
        ({"DB_HOST": "localhost", "CACHE_DRIVER": "file"}, 1),
        ({"RABBITMQ_HOST": "localhost", "QUEUE_CONNECTION": "sync"}, 0),
        ({"DATABASE_URL": "postgres://u:p@localhost/x", "DATABASE_DSN": "host=db user=u"}, 0),
    ],
)
def test_what_others_choose_is_used(tmp_path: Path, variables: dict[str, str], chosen: int) -> None:
    assert len(told(tmp_path, variables)) == chosen


@pytest.mark.parametrize(
    ("variable", "host"),
    [
        ("TEST_DATABASE_URL", "testdb"),
        ("DATABASE_TEST_URL", "testdb"),
        ("DATABASE_URL", "DB"),
        ("DATABASE_URL", "shop-db-1"),  # as Compose calls containers
        ("DATABASE_URL", "shop_db_1"),
    ],
)
def test_hosts_that_are_there_or_need_not_be(tmp_path: Path, variable: str, host: str) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    assert told(folder, {variable: f"postgres://u:p@{host}:5432/x"}) == []
    (one,) = told(folder, {"LATEST_URL": "postgres://u:p@shop-dbb-1:5432/x"})
    assert one.found == "there is no service shop-dbb-1"


def test_a_service_may_be_written_large(tmp_path: Path) -> None:
    cases = {"DATABASE_URL": "postgres://u:p@LINKED/x", "DB_HOST": "Database"}
    assert told(tmp_path, cases) == []


def test_a_server_at_a_port_that_its_image_has_set(tmp_path: Path) -> None:
    """Nobody knows of it but the kernel: it does not listen where it should."""
    url = {"DATABASE_URL": "postgres://u:p@db:5433/shop"}
    (one,) = told(tmp_path, url, db_networks=["all"], db_listens=[9187])
    assert "not at 5433" in one.found
    assert told(tmp_path, url, db_networks=["all"], db_listens=[5433]) == []


def test_who_shares_no_network_has_no_way(tmp_path: Path) -> None:
    """As the file says where one of the two does not run, else as they were put on networks."""
    url = {"DATABASE_URL": "postgres://u:p@db:5432/shop"}
    (one,) = told(tmp_path, url, web_networks=["shop_front"], db_networks=["shop_back"])
    assert one.cause is Cause.DNS
    assert one.found == "web and db share no network: db has no address there"
    assert "networks of compose.yaml" in one.fix
    assert told(tmp_path, url, web_networks=["a", "b"], db_networks=["b", "c"]) == []
    assert told(tmp_path, url, web_networks=["a"]) == [], "of one nobody knows"
    assert told(tmp_path, url, web_networks=[], networks=["back"]) == []
    (one,) = told(tmp_path, url, web_networks=[], networks=["default"])
    assert "share no network" in one.found
    for free in ({"networks": ["shared"]}, {"extra_hosts": ["db:10.0.0.1"]}):
        assert told(tmp_path, url, web_networks=[], **free) == []
    elsewhere = {"DATABASE_URL": "postgres://u:p@db:5433/shop"}
    assert told(tmp_path, elsewhere) != []
    assert told(tmp_path, elsewhere, extra_hosts=["db:10.0.0.1"]) == []


@pytest.mark.parametrize("corrected", [True, False])
def test_a_file_for_programs_on_the_host_that_is_handed_on(tmp_path: Path, corrected: bool) -> None:
    """Where others say for themselves which host it is, the file's localhost is not theirs."""
    (tmp_path / ".env").write_text("POSTGRES_SERVER=localhost\n")
    own = {"environment": {"POSTGRES_SERVER": "db"}} if corrected else {}
    services = {
        "web": {"image": "x", "env_file": ".env", **own},
        "tests": {"image": "x", "env_file": ".env"},
        "db": {"image": "postgres:15"},
    }
    (tmp_path / "compose.yaml").write_text(json.dumps({"services": services}))
    (tmp_path / "seatrial.yaml").write_text(
        "system: shop\ncompose: compose.yaml\n"
        "components: {tests: {kind: process}, db: {kind: postgres}}\n"
    )
    project = read_project(tmp_path / "compose.yaml", {})
    found = targets(load(tmp_path, KINDS, variables={}), project, ())["tests"].astray
    assert len(found) == (0 if corrected else 1)


def test_who_shares_a_file_of_variables_with_a_server(tmp_path: Path) -> None:
    """The file is named, and the server itself, which has no use for them, is left out."""
    (tmp_path / "all.env").write_text("POSTGRES_HOST=dbb\nPOSTGRES_PASSWORD=X\n")
    services = {
        "web": {"image": "x", "env_file": "all.env"},
        "db": {"image": "postgres:15", "env_file": "all.env"},
    }
    (tmp_path / "compose.yaml").write_text(json.dumps({"services": services}))
    (tmp_path / "seatrial.yaml").write_text(
        "system: shop\ncompose: compose.yaml\n"
        "components: {web: {kind: process}, db: {kind: postgres}}\n"
    )
    project = read_project(tmp_path / "compose.yaml", {})
    found = targets(load(tmp_path, KINDS, variables={}), project, ())
    assert found["db"].astray == ()
    (wrong,) = found["web"].astray
    assert wrong.where == "POSTGRES_HOST of all.env, an env_file of the service web"
    assert wrong.fix.startswith(f"correct {wrong.where}")
