"""What a service is not told of a server: at which place it is, and with which password."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.kinds.base import Endpoint, Image, Target

from .test_mentions import server
from .test_targets import of


@pytest.fixture(autouse=True)
def an_engine_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)


def as_told_to_web(found: Target) -> Endpoint:
    (told,) = (one.endpoint for one in found.addresses if one.of == "web")
    return told


@pytest.mark.parametrize(
    ("image", "kind", "made", "environment", "path"),
    [
        ("postgres:15", "postgres", "POSTGRES_DB", {"DB_HOST": "it", "DB_USER": "u"}, "/shop"),
        ("postgres:15", "postgres", "POSTGRES_DB", {"PGURL": "postgres://u:p@it:5432/"}, "/shop"),
        ("postgres:15", "postgres", "POSTGRES_DB", {"PGURL": "postgres://u:p@it/wiki"}, "/wiki"),
        (
            "postgres:15",
            "postgres",
            "POSTGRES_DB",
            {"DSN": "host=it user=u password=p sslmode=disable"},
            "/shop?sslmode=disable",
        ),
        ("rabbitmq:3", "rabbitmq", "RABBITMQ_DEFAULT_VHOST", {"DB_HOST": "it"}, "/shop"),
        ("rabbitmq:3", "rabbitmq", "RABBITMQ_DEFAULT_VHOST", {"MQ": "amqp://u:p@it"}, ""),
    ],
)
def test_who_is_told_no_place_may_have_it_in_its_code(
    tmp_path: Path, image: str, kind: str, made: str, environment: dict[str, str], path: str
) -> None:
    own = {made: "shop"}
    more = {"DB_PASSWORD": "p"} if "DB_HOST" in environment else {}
    web = {"image": "x", "environment": environment | more}
    services = {"it": {"image": image, "environment": own}, "web": web}
    found = server(tmp_path, {"services": services}, kind, of("it", environment=own))
    assert as_told_to_web(found).path == path


@pytest.mark.parametrize(
    ("image", "environment", "path"),
    [
        ("rabbitmq:3", {"MQ_HOST": "it", "MQ_PASSWORD": "p", "MQ_NAME": "orders"}, "/"),
        ("rabbitmq:3", {"MQ_HOST": "it", "MQ_PASSWORD": "p", "MQ_VHOST": "shop"}, "/shop"),
        ("rabbitmq:3", {"MQ_HOST": "it", "MQ_PASSWORD": "p", "MQ_VHOST": "/"}, "/%2F"),
        ("redis:7", {"CACHE_HOST": "it", "CACHE_PASSWORD": "p", "CACHE_NAME": "default"}, "/0"),
        ("redis:7", {"CACHE_HOST": "it", "CACHE_PASSWORD": "p", "CACHE_DB": "2"}, "/2"),
        ("postgres:15", {"DB_HOST": "it", "DB_PASSWORD": "p", "DB_NAME": "one,two"}, "/one"),
        ("postgres:15", {"DB_HOST": "it", "DB_PASSWORD": "p", "DB_NAME": "*"}, "/postgres"),
        ("postgres:15", {"PG_HOST": "it", "PG_PASSWORD": "p", "PG_NAME": "Mine"}, "/postgres"),
        ("postgres:15", {"PG_HOST": "it", "PG_PASSWORD": "p", "PG_DATABASE": "x"}, "/x"),
        (
            "postgres:15",
            {"DB_HOST": "it", "DB_PASSWORD": "p", "DB_NAME": "default", "DB_DATABASE": "shop"},
            "/postgres",
        ),
    ],
)
def test_what_is_called_so_and_is_a_place(
    tmp_path: Path, image: str, environment: dict[str, str], path: str
) -> None:
    web = {"image": "x", "environment": environment}
    kind = image.partition(":")[0]
    whole = {"services": {"it": {"image": image}, "web": web}}
    found = server(tmp_path, whole, kind, of("it", environment={}))
    assert (as_told_to_web(found).path or "/") == path


@pytest.mark.parametrize(
    ("environment", "tried"),
    [
        ({"DATABASE_URL": "postgres://u:p@it/x"}, True),
        ({"TEST_DATABASE_URL": "postgres://u:p@it/x"}, False),
        ({"DATABASE_URL_TEST": "postgres://u:p@it/x"}, False),
        ({"SHADOW_DATABASE_URL": "postgres://u:p@it/x"}, False),
        ({"DATABASE_URL_EXAMPLE": "postgres://u:p@it/x"}, False),
        ({"LEGACY_DATABASE_URL": "postgres://u:p@it/x"}, False),
        ({"CI_DATABASE_URL": "postgres://u:p@it/x"}, False),
        ({"LATEST_DATABASE_URL": "postgres://u:p@it/x"}, True),
        ({"DATABASE_URL": "postgres://$${DB_U}:$${DB_P}@it/x"}, False),
        ({"DATABASE_URL": "postgres://u:{password}@it/x"}, False),
        ({"DATABASE_URL": "postgres://u:p@it/{name}"}, False),
        ({"DB_HOST": "it", "DB_PASSWORD": "<your password>"}, False),
        ({"DB_HOST": "it", "DB_PASSWORD": "ENC(abc)"}, False),
        ({"DB_HOST": "it", "DB_PASSWORD": "vault:secret/data/db#password"}, False),
        ({"DB_HOST": "it", "DB_PASSWORD": "op://prod/db/password"}, False),
        ({"DB_HOST": "it", "DB_PASSWORD": "$$SECRET_FROM_VAULT"}, False),
        ({"DB_HOST": "it", "DB_PASSWORD": "$$ecret"}, True),
        ({"DB_HOST": "it", "DB_PASSWORD": "vaulted{x}"}, True),
    ],
)
def test_what_is_not_in_use_or_filled_in_by_the_program(
    tmp_path: Path, environment: dict[str, str], tried: bool
) -> None:
    web = {"image": "x", "environment": {k: v.replace("$$", "$") for k, v in environment.items()}}
    services = {"it": {"image": "postgres:15"}, "web": {"image": "x"}}
    runs = [of("it", environment={}), of("web", **web | {"image": Image("x", "")})]
    found = server(tmp_path, {"services": services}, "postgres", *runs)
    assert any(one.of == "web" for one in found.addresses) is tried


@pytest.mark.parametrize(
    ("settings", "knows"),
    [
        ({}, False),
        ({"environment": {"MODE": "production"}}, False),
        ({"environment": {"CACHE_PASS": "p"}}, True),
        ({"environment": {"API_TOKEN_FILE": "/x", "CACHE_SECRET": "p"}}, True),
        ({"volumes": ["./app.toml:/app.toml"]}, True),
        ({"secrets": ["cache"]}, True),
        ({"configs": ["app"]}, True),
        ({"build": "."}, True),
        ({"environment": {"REDIS_WORD": "sesame"}}, True),
        ({"command": "exporter -redis.password sesame"}, True),
    ],
)
def test_who_can_know_no_password_of_redis(
    tmp_path: Path, settings: dict[str, dict[str, str]], knows: bool
) -> None:
    environment = {"REDIS_URL": "redis://it:6379/0", **settings.get("environment", {})}
    web = {"image": "x", **settings, "environment": environment}
    it = {"image": "redis:7", "command": "redis-server --requirepass sesame"}
    (tmp_path / "cache.txt").write_text("sesame")
    file = {"file": "./cache.txt"}
    services = {"it": it, "web": web}
    whole = {"services": services, "secrets": {"cache": file}, "configs": {"app": file}}
    runs = of("it", environment={}, command="redis-server --requirepass sesame")
    found = server(tmp_path, whole, "redis", runs)
    assert found.endpoint().password == "sesame"
    assert as_told_to_web(found).password == ("sesame" if knows else None)


def test_to_a_client_of_a_broker_there_is_a_usual_login(tmp_path: Path) -> None:
    web = {"image": "x", "environment": {"MQ_URL": "amqp://it"}}
    services = {"it": {"image": "rabbitmq:3"}, "web": web}
    found = server(tmp_path, {"services": services}, "rabbitmq", of("it", environment={}))
    told = as_told_to_web(found)
    assert (told.user, told.password) == ("guest", "guest")


@pytest.mark.parametrize(
    ("made", "told", "path"),
    [
        ("/shop", "/shop", "/%2Fshop"),
        ("shop", "shop", "/shop"),
        ("shop", "/shop", "/shop"),  # as if it were of a URL
        ("shop", "other", "/other"),
    ],
)
def test_a_virtual_host_may_have_a_slash_of_its_own(
    tmp_path: Path, made: str, told: str, path: str
) -> None:
    own = {"RABBITMQ_DEFAULT_VHOST": made}
    web = {"image": "x", "environment": {"MQ_HOST": "it", "MQ_PASSWORD": "p", "MQ_VHOST": told}}
    services = {"it": {"image": "rabbitmq:3", "environment": own}, "web": web}
    found = server(tmp_path, {"services": services}, "rabbitmq", of("it", environment=own))
    assert found.endpoint().path == path
    assert as_told_to_web(found).path == path


def test_the_root_is_a_place_of_its_own(tmp_path: Path) -> None:
    told = {"MQ_HOST": "it", "MQ_PASSWORD": "p", "MQ_VHOST": "/"}
    own = {"RABBITMQ_DEFAULT_VHOST": "orders"}
    services = {
        "it": {"image": "rabbitmq:3", "environment": own},
        "web": {"image": "x", "environment": told},
        "more": {"image": "x", "environment": {"MQ": "amqp://u:p@it/orders"}},
        "most": {"image": "x", "environment": {"MQ": "amqp://u:p@it/orders"}},
    }
    runs = of("it", environment=own)
    found = server(tmp_path, {"services": services}, "rabbitmq", runs)
    assert found.endpoint().path == "/orders"
    assert as_told_to_web(found).path == "/%2F"
