"""What services are told of a server, and as whom it is looked at."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from seatrial.compose.engine import Container
from seatrial.compose.mentions import mentions, urls
from seatrial.compose.project import read_project
from seatrial.compose.targets import targets
from seatrial.declaration.load import load
from seatrial.kinds.base import Target
from seatrial.kinds.registry import KINDS

from .test_targets import of

TOLD = """
name: shop
services:
  first: {image: x, environment: {DATABASE_URL: "postgres://app:wrong@db/shop"}}
  db: {image: "postgres:15", environment: {POSTGRES_PASSWORD: its-own}}
  second: {image: x, environment: {DATABASE_URL: "postgres://app:right@db/shop"}}
  third: {image: x, environment: {DSN: "postgres://app:right@db/shop?sslmode=disable"}}
  fourth: {image: x, environment: {DSN: "postgres://app:right@db/shop"}}
  other: {image: x, environment: {DSN: "postgres://other@db"}}
"""


def server(folder: Path, project: object, kind: str, *runs: Container) -> Target:
    """What is found of the server `it` of a project, beside which a process `web` runs."""
    (folder / "compose.yaml").write_text(json.dumps(project))
    declared = f"it: {{kind: {kind}}}\n  web: {{kind: process}}\n"
    (folder / "seatrial.yaml").write_text(
        f"system: shop\ncompose: compose.yaml\ncomponents:\n  {declared}"
    )
    read, system = read_project(folder / "compose.yaml", {}), load(folder, KINDS, variables={})
    return targets(system, read, runs)["it"]


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Target]:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    (tmp_path / "compose.yaml").write_text(TOLD)
    names = "db: {kind: postgres}\n  first: {kind: process}\n  third: {kind: process}"
    declared = f"system: shop\ncompose: compose.yaml\ncomponents:\n  {names}\n"
    named = "  two: {kind: process, service: second}\n  other: {kind: process}\n"
    (tmp_path / "seatrial.yaml").write_text(declared + named)
    project = read_project(tmp_path / "compose.yaml", {})
    system = load(tmp_path, KINDS, variables={})
    return lambda *containers: targets(system, project, containers)["db"]


def test_the_login_that_most_are_told_is_taken(told: Callable[..., Target]) -> None:
    assert told(of("db")).endpoint().url == "postgresql://app:right@172.20.0.2:5432/shop"


def test_what_components_are_told_is_seen_each_as_it_is_told(
    told: Callable[..., Target],
) -> None:
    assert {(one.of, one.where, one.endpoint.url) for one in told(of("db")).addresses} == {
        (of, f"{variable} of the service {service} of compose.yaml", f"postgresql://{url}")
        for of, service, variable, url in (
            ("first", "first", "DATABASE_URL", "app:wrong@172.20.0.2:5432/shop"),
            ("two", "second", "DATABASE_URL", "app:right@172.20.0.2:5432/shop"),
            ("third", "third", "DSN", "app:right@172.20.0.2:5432/shop?sslmode=disable"),
        )
    } | {("", "", "postgresql://postgres:as-it-runs@172.20.0.2:5432/postgres")}


@pytest.mark.parametrize(
    ("kind", "image", "environment", "url", "variables"),
    [
        (
            "postgres",
            "postgres:15",
            {"DB_HOST": "it", "DB_USER": "u", "DB_PASSWORD": "p/w", "DB_NAME": "wiki"},
            "postgresql://u:p%2Fw@192.0.2.2:5432/wiki",
            "DB_HOST with DB_USER, DB_PASSWORD, DB_NAME",
        ),
        (
            "postgres",
            "postgres:15",
            {"PGHOST": "it:5432", "PGUSER": "u", "PGPASSWORD": "p", "PGDATABASE": "wiki"},
            "postgresql://u:p@192.0.2.2:5432/wiki",
            "PGHOST with PGUSER, PGPASSWORD, PGDATABASE",
        ),
        (
            "redis",
            "redis:7",
            {"redis_host": "it", "redis_password": "p", "redis_db": "3", "DB_NAME": "wiki"},
            "redis://:p@192.0.2.2:6379/3",
            "redis_host with redis_password, redis_db",
        ),
        (
            "rabbitmq",
            "rabbitmq:3",
            {"MQ_HOST": "it", "MQ_USERNAME": "u", "MQ_PASS": "p", "MQ_VHOST": "/jobs"},
            "amqp://u:p@192.0.2.2:5672/jobs",
            "MQ_HOST with MQ_USERNAME, MQ_PASS, MQ_VHOST",
        ),
        (
            "postgres",
            "postgres:15",
            {
                "SPRING_DATASOURCE_URL": "jdbc:postgresql://it:5432/wiki",
                "SPRING_DATASOURCE_USERNAME": "u",
                "SPRING_DATASOURCE_PASSWORD": "p",
            },
            "postgresql://u:p@192.0.2.2:5432/wiki",
            "SPRING_DATASOURCE_URL with SPRING_DATASOURCE_USERNAME, SPRING_DATASOURCE_PASSWORD",
        ),
        (
            "redis",
            "redis:7",
            {"CACHE_URL": "redis://it:6379/1", "CACHE_PASSWORD": "p"},
            "redis://:p@192.0.2.2:6379/1",
            "CACHE_URL with CACHE_PASSWORD",
        ),
        (
            "postgres",
            "postgres:15",
            {"DB_URL": "postgres://u:p@it/wiki", "DB_USER": "other", "DB_PASSWORD": "other"},
            "postgresql://u:p@192.0.2.2:5432/wiki",
            "DB_URL",
        ),
        (
            "postgres",
            "postgres:15",
            {"DB_HOST": "first", "DB_RO_HOST": "it", "DB_USER": "u", "DB_PASSWORD": "p"},
            "postgresql://u:p@192.0.2.2:5432/postgres",
            "DB_RO_HOST with DB_USER, DB_PASSWORD",
        ),
        ("postgres", "postgres:15", {"APP_DB_HOST": "it", "APP_NAME": "wiki"}, "", ""),
        (
            "postgres",
            "postgres:15",
            {"DSN": "host=it port=5432 user=u password=p dbname=wiki"},
            "postgresql://u:p@192.0.2.2:5432/wiki",
            "DSN",
        ),
        (
            "postgres",
            "postgres:15",
            {"AIRFLOW__CELERY__RESULT_BACKEND": "db+postgresql://u:p@it/wiki"},
            "postgresql://u:p@192.0.2.2:5432/wiki",
            "AIRFLOW__CELERY__RESULT_BACKEND",
        ),
        (
            "postgres",
            "postgres:15",
            {"JDBC": "jdbc:postgresql://it/wiki?user=u&password=p"},
            "postgresql://u:p@192.0.2.2:5432/wiki",
            "JDBC",
        ),
        (
            "rabbitmq",
            "rabbitmq:3",
            {"MQ_URI": "amqp://it:5672", "MQ_USER": "u", "MQ_PASSWORD": "p", "MQ_VHOST": "shop"},
            "amqp://u:p@192.0.2.2:5672/shop",
            "MQ_URI with MQ_USER, MQ_PASSWORD, MQ_VHOST",
        ),
        (
            "postgres",
            "postgres:15",
            {"DATABASE_URL": "ecto://u:p@it/wiki"},
            "postgresql://u:p@192.0.2.2:5432/wiki",
            "DATABASE_URL",
        ),
        (
            "rabbitmq",
            "rabbitmq:3",
            {"CELERY_BROKER_URL": "pyamqp://u:p@it/jobs"},
            "amqp://u:p@192.0.2.2:5672/jobs",
            "CELERY_BROKER_URL",
        ),
        (
            "rabbitmq",
            "rabbitmq:3",
            {"RabbitMQ__Host": "it", "RabbitMQ__Username": "u", "RabbitMQ__Password": "p"}
            | {"RabbitMQ__VirtualHost": "jobs"},
            "amqp://u:p@192.0.2.2:5672/jobs",
            "RabbitMQ__Host with RabbitMQ__Username, RabbitMQ__Password, RabbitMQ__VirtualHost",
        ),
        (
            "postgres",
            "postgres:15",
            {
                "A_db__host": "it",
                "A_db__user": "u",
                "A_db__password": "p",
                "A_db__database": "wiki",
            },
            "postgresql://u:p@192.0.2.2:5432/wiki",
            "A_db__host with A_db__user, A_db__password, A_db__database",
        ),
        (
            "rabbitmq",
            "rabbitmq:3",
            {"MESSENGER_TRANSPORT_DSN": "amqp://u:p@it:5672/%2f/messages"},
            "amqp://u:p@192.0.2.2:5672/%2f",
            "MESSENGER_TRANSPORT_DSN",
        ),
        (
            "redis",
            "redis:7",
            {"MESSENGER_TRANSPORT_DSN": "redis://u:p@it:6379/messages/symfony/consumer"},
            "redis://u:p@192.0.2.2:6379/0",
            "MESSENGER_TRANSPORT_DSN",
        ),
        (
            "redis",
            "redis:7",
            {"CACHE_URL": "redis://u:p@it:6379/2/cache"},
            "redis://u:p@192.0.2.2:6379/2",
            "CACHE_URL",
        ),
        (
            "redis",
            "redis:7",
            {"REDIS_HOST": "it", "REDIS_PASSWORD": "null", "REDIS_DB": "2"},
            "redis://192.0.2.2:6379/2",
            "REDIS_HOST with REDIS_DB",
        ),
        (
            "redis",
            "redis:7",
            {"REDIS_HOST": "it", "REDIS_AUTH": "p"},
            "redis://:p@192.0.2.2:6379/0",
            "REDIS_HOST with REDIS_AUTH",
        ),
        ("redis", "redis:7", {"REDIS_HOST": "it", "REDIS_AUTH": "True"}, "", ""),
        ("postgres", "postgres:15", {"DB_HOST": "it", "DB_AUTH": "scram"}, "", ""),
        ("postgres", "postgres:15", {"DB_HOST": "other", "DB_NAME": "wiki"}, "", ""),
        (
            "postgres",
            "postgres:15",
            {"HOST": "it", "NAME": "wiki", "USER": "me", "PASSWORD": "p"},
            "",
            "",
        ),
        ("postgres", "postgres:15", {"DB_HOST": "it", "DB_USER": ""}, "", ""),
    ],
)
def test_a_login_in_parts(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    image: str,
    environment: dict[str, str],
    url: str,
    variables: str,
) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    services = {"it": {"image": image}, "web": {"image": "x", "environment": environment}}
    runs = of("it", environment={}, networks={"n": "192.0.2.2"})
    found = server(tmp_path, {"services": services}, kind, runs)
    where = [one.where.partition(" of the service")[0] for one in found.addresses]
    assert (found.endpoint().url if where else "", "".join(where)) == (url, variables)


@pytest.mark.parametrize(
    ("variables", "spare"),
    [
        ({"RELYT_HOST": "it", "RELYT_PASSWORD": "p"}, True),
        ({"DB_HOST": "it", "DB_PASSWORD": "p"}, False),
        ({"SHOP_POSTGRES_HOST": "it", "SHOP_POSTGRES_PASSWORD": "p"}, False),
        ({"CELERY_BROKER_HOST": "it", "CELERY_BROKER_PASSWORD": "p"}, False),
        ({"RELYT_URL": "postgresql://it", "RELYT_PASSWORD": "p"}, False),
        ({"RELYT_URL": "postgresql://u:p@it/x"}, False),
    ],
)
def test_what_may_be_one_of_many_stores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], spare: bool
) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    services = {"it": {"image": "postgres:15"}, "web": {"image": "x", "environment": variables}}
    runs = of("it", environment={}, networks={"n": "192.0.2.2"})
    found = server(tmp_path, {"services": services}, "postgres", runs)
    (address,) = (one for one in found.addresses if one.of)
    assert address.spare is spare


def test_a_login_in_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    (tmp_path / "cache.txt").write_text("from-a-file\n")
    environment = {
        "CACHE_HOST": "it",
        "CACHE_USERNAME": "u",
        "CACHE_PASSWORD_FILE": "/run/secrets/cache",
    }
    web = {"image": "x", "environment": environment, "secrets": ["cache"]}
    project = {
        "services": {"it": {"image": "redis:7"}, "web": web},
        "secrets": {"cache": {"file": "./cache.txt"}},
    }
    (tmp_path / "compose.yaml").write_text(json.dumps(project))
    (tmp_path / "seatrial.yaml").write_text(
        "system: shop\ncompose: compose.yaml\ncomponents: {it: {kind: redis}}\n"
    )
    system = load(tmp_path, KINDS, variables={})
    found = targets(system, read_project(tmp_path / "compose.yaml", {}), [])["it"]
    assert found.endpoint().url == "redis://u:from-a-file@it:6379/0"


def test_of_replicas_nobody_knows_which_is_meant(told: Callable[..., Target]) -> None:
    assert told(of("db"), of("db", number=2)).addresses == ()


PLACES = """
name: shop
services:
  web: {image: x, environment: {DB: "postgres://app:a@db/shop", MQ: "amqp://app:a@mq/jobs"}}
  mail: {image: x, environment: {DB: "postgres://mail:m@db/mail", MQ: "amqp://mail:m@mq"}}
  more: {image: x, environment: {DB: "postgres://app:a@db/shop", MQ: "amqp://app:a@mq/jobs"}}
  typo: {image: x, environment: {DB: "postgres://app:a@db/shpo", MQ: "amqp://app:a@mq/jobs"}}
  db: {image: "postgres:15"}
  mq: {image: "rabbitmq:3"}
"""
PROCESSES = "".join(f"  {name}: {{kind: process}}\n" for name in ("web", "mail", "more", "typo"))


@pytest.fixture
def placed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, Target]]:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    (tmp_path / "compose.yaml").write_text(PLACES)

    def of_declared(components: str) -> dict[str, Target]:
        (tmp_path / "seatrial.yaml").write_text(
            f"system: shop\ncompose: compose.yaml\ncomponents:\n{components}{PROCESSES}"
        )
        project = read_project(tmp_path / "compose.yaml", {})
        made = [of(name, environment={}) for name in ("db", "mq")]
        return targets(load(tmp_path, KINDS, variables={}), project, made)

    return of_declared


@pytest.mark.parametrize(
    ("declared", "login"),
    [
        ("  it: {kind: postgres, service: db}\n", "app:a@172.20.0.2:5432/shop"),
        ("  it: {kind: postgres, service: db, database: mail}\n", "mail:m@172.20.0.2:5432/mail"),
        ("  it: {kind: postgres, service: db, database: other}\n", "app:a@172.20.0.2:5432/shop"),
        ("  it: {kind: rabbitmq, service: mq}\n", "app:a@172.20.0.2:5672/jobs"),
        ("  it: {kind: rabbitmq, service: mq, vhost: /}\n", "mail:m@172.20.0.2:5672"),
    ],
)
def test_the_place_that_is_declared_counts_where_services_are_told_of_it(
    placed: Callable[[str], dict[str, Target]], declared: str, login: str
) -> None:
    found = placed(declared)["it"]
    assert found.endpoint().url.partition("://")[2] == login
    assert {one.of for one in found.addresses} - {""} == {"web", "mail", "more", "typo"}


def test_two_places_of_one_server_are_held_to_their_own_addresses(
    placed: Callable[[str], dict[str, Target]],
) -> None:
    found = placed(
        "  shop: {kind: postgres, service: db, database: shop}\n"
        "  post: {kind: postgres, service: db, database: mail}\n"
        "  jobs: {kind: rabbitmq, service: mq}\n"
    )
    assert {name: [one.of for one in found[name].addresses] for name in ("shop", "post")} == {
        "shop": ["web", "more", "typo"],
        "post": ["mail"],
    }
    assert len([one for one in found["jobs"].addresses if one.of]) == 4


def test_a_server_by_whichever_name_of_dotnets(tmp_path: Path) -> None:
    told = "Server=it;Database=shop;User Id=app;Password=X"
    web = {"image": "x", "environment": {"ConnectionStrings__Shop": told}}
    project = {"name": "shop", "services": {"it": {"image": "postgres:15"}, "web": web}}
    endpoint = server(tmp_path, project, "postgres", of("it")).endpoint()
    assert (endpoint.user, endpoint.password, endpoint.path) == ("app", "X", "/shop")


def test_a_server_of_many_names_is_told_by_its_own(tmp_path: Path) -> None:
    aliases = [f"a{number}" for number in range(100)]
    db = {"image": "postgres:15", "networks": {"default": {"aliases": aliases}}}
    web = {"image": "x", "environment": {"DB_HOST": "a7", "DB_PASSWORD": "p"}}
    (tmp_path / "compose.yaml").write_text(json.dumps({"services": {"db": db, "web": web}}))
    read = read_project(tmp_path / "compose.yaml", {})
    (told,) = mentions(read, read.services["db"], KINDS["postgres"])
    assert told.endpoint.url == "postgresql://:p@db:0"


@pytest.mark.parametrize("beside", [{"DB_NAME": "shop"}, {"DB_NAME": "shop", "DB_USER": "me"}])
def test_a_login_that_nobody_is_told(tmp_path: Path, beside: dict[str, str]) -> None:
    (tmp_path / "file").write_text("of nobody")
    environment = {"DB_HOST": "db", "_FILE": "/run/secrets/file", **beside}
    web = {"image": "x", "environment": environment, "secrets": ["file"]}
    services = {"db": {"image": "postgres:15"}, "web": web}
    secrets = {"file": {"file": "./file"}}
    (tmp_path / "compose.yaml").write_text(json.dumps({"services": services, "secrets": secrets}))
    read = read_project(tmp_path / "compose.yaml", {})
    (told,) = mentions(read, read.services["db"], KINDS["postgres"])
    assert (told.endpoint.user, told.endpoint.password) == (beside.get("DB_USER"), None)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("see redis://a:1/0, redis://b:2", ["redis://a:1/0", "redis://b:2"]),
        ("-1.redis://a:1", ["redis://a:1"]),
        ("jdbc:postgresql://a:1/x", ["postgresql://a:1/x"]),
        ("Xredis://a:1", ["redis://a:1"]),
        ("1://a ://b redis:// redis:/a", []),
        ("a" * 900_000, []),
        ("1" * 900_000, []),
    ],
)
def test_urls(value: str, found: list[str]) -> None:
    assert [one.without_login.url for one in urls(value)] == found
