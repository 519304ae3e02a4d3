"""Servers that speak TLS in a project: how they are asked, by what they and others are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from seatrial.compose.project import read_project
from seatrial.compose.targets import targets
from seatrial.declaration.load import load
from seatrial.kinds.base import Target
from seatrial.kinds.registry import KINDS

from .test_targets import of

COMPOSE = """
name: shop
services:
  db: {image: "postgres:15"}
  cache: {image: "redis:7", volumes: ["./etc:/etc/redis"]}
  api: {image: x}
  worker: {image: x}
"""
DECLARED = """
system: shop
compose: compose.yaml
components:
  db: {kind: postgres}
  cache: {kind: redis}
  api: {kind: process}
  worker: {kind: process}
"""
REDIS, POSTGRES = "docker-entrypoint.sh redis-server", "docker-entrypoint.sh postgres"
Look = Callable[..., Mapping[str, Target]]


@pytest.fixture
def look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Look:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "tls.conf").write_text("port 0\ntls-port 6390\n")
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    (tmp_path / "seatrial.yaml").write_text(DECLARED)
    system, project = (
        load(tmp_path, KINDS, variables={}),
        read_project(tmp_path / "compose.yaml", {}),
    )

    def one(
        command: str = REDIS,
        told: Mapping[str, str] = {},
        others: Mapping[str, str] | None = None,
    ) -> Mapping[str, Target]:
        cache = of("cache", command=command, environment={})
        worker = of("worker", environment=told if others is None else others)
        services = [of("db"), cache, of("api", environment=told), worker]
        return targets(system, project, services)

    return one


@pytest.mark.parametrize(
    ("command", "told", "asked"),
    [
        # Only with TLS, as its command or its file says, whatever others are told:
        (f"{REDIS} --port 0 --tls-port 6379", {}, "rediss 6379"),
        (f"{REDIS} --tls-port 6380 --port 0", {"URL": "redis://cache"}, "rediss 6380"),
        (f"{REDIS} /etc/redis/tls.conf", {}, "rediss 6390"),
        # With and without:
        (f"{REDIS} --port 6379 --tls-port 6380", {"URL": "redis://cache"}, "redis 6379"),
        (f"{REDIS} --tls-port 6380", {"URL": "rediss://cache:6380"}, "rediss 6380"),
        # As others are told, where its own settings are not to be seen:
        (REDIS, {"URL": "rediss://cache"}, "rediss 6379"),
        (REDIS, {"URL": "rediss://cache:6380/1"}, "rediss 6380"),
        (REDIS, {"CACHE_HOST": "cache", "CACHE_TLS": "true"}, "rediss 6379"),
        (REDIS, {"CACHE_HOST": "cache", "CACHE_TLS": "false"}, "redis 6379"),
        (REDIS, {"URL": "redis://cache"}, "redis 6379"),
        (REDIS, {"URL": "rediss://elsewhere"}, "redis 6379"),
        (f"{REDIS} --port 0", {}, "redis 6379"),
    ],
)
def test_how_redis_is_asked(look: Look, command: str, told: Mapping[str, str], asked: str) -> None:
    found = look(command, told)["cache"].endpoint()
    assert f"{found.scheme} {found.port}" == asked
    any_certificate = "?ssl_cert_reqs=none" if asked.startswith("rediss") else ""
    assert found.path.removeprefix("/0").removeprefix("/1") == any_certificate


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("?sslmode=require", "/shop?sslmode=require"),
        ("?sslmode=verify-full&sslrootcert=/ca.pem", "/shop?sslmode=require"),
        ("?sslmode=disable", "/shop?sslmode=disable"),
        ("?sslmode=allow", "/shop"),  # with TLS where the server offers it
        ("?application_name=require", "/shop"),
        ("", "/shop"),
    ],
)
def test_how_postgresql_is_asked(look: Look, query: str, asked: str) -> None:
    db = look(told={"DATABASE_URL": f"postgresql://app:pw@db/shop{query}"})["db"]
    assert db.endpoint().path == asked


def test_everybody_who_is_told_an_address_is_asked_for_likewise(look: Look) -> None:
    """A login of the project must not be turned away because of a certificate."""
    cache = look(told={"URL": "rediss://app:pw@cache/3"})["cache"]
    (address,) = (one for one in cache.addresses if one.of == "api")
    assert address.endpoint == cache.endpoint()
    assert address.endpoint.path == "/3?ssl_cert_reqs=none"


@pytest.mark.parametrize(
    ("command", "addresses"),
    [
        (REDIS, ["redis 6379 /0", "rediss 6379 /0?ssl_cert_reqs=none"]),
        (f"{REDIS} --tls-port 6380", ["redis 6379 /0", "rediss 6380 /0?ssl_cert_reqs=none"]),
    ],
)
def test_of_two_each_is_asked_for_as_it_is_told(
    look: Look, command: str, addresses: list[str]
) -> None:
    secure, plain = {"URL": "rediss://:pw@cache/0"}, {"URL": "redis://:pw@cache/0"}
    told = {one.of: one.endpoint for one in look(command, secure, plain)["cache"].addresses}
    both = told["worker"], told["api"]
    assert [f"{one.scheme} {one.port} {one.path}" for one in both] == addresses
    assert {one.password for one in both} == {"pw"}


def test_of_two_logins_one_asks_for_tls(look: Look) -> None:
    secure = {"DB_URL": "postgresql://app:pw@db/shop?sslmode=verify-full"}
    db = look(told=secure, others={"DB_URL": "postgresql://app:pw@db/shop"})["db"]
    told = {one.of: one.endpoint.url for one in db.addresses if one.of}
    assert told["api"].endswith("/shop?sslmode=require")
    assert told["worker"].endswith("/shop")


@pytest.mark.parametrize(
    ("variables", "query"),
    [
        ({"DB_HOST": "db", "DB_SSLMODE": "require"}, "?sslmode=require"),
        ({"PGHOST": "db", "PGSSLMODE": "verify-full"}, "?sslmode=require"),
        ({"DB_HOST": "db", "DB_SSL_MODE": "disable"}, "?sslmode=disable"),
        ({"DB_HOST": "db", "DB_NAME": "shop"}, ""),
    ],
)
def test_what_asks_for_tls_beside_a_host(
    look: Look, variables: Mapping[str, str], query: str
) -> None:
    db = look(told=variables, others={})["db"]
    (address,) = (one for one in db.addresses if one.of)
    assert address.endpoint.path.partition("?")[2] == query.removeprefix("?")
    named = [name for name in variables if "SSL" in name]
    assert all(name in address.where for name in named)


def test_without_tls_and_login_it_is_asked_too(look: Look) -> None:
    """Where that is how it lets in, who is told otherwise is told wrongly."""
    cache = look(told={"URL": "rediss://cache"})["cache"]
    assert cache.endpoint().scheme == "rediss"
    (own,) = (one.endpoint for one in cache.addresses if not one.of)
    assert (own.scheme, own.port, own.path) == ("redis", 6379, "/0")
    plain = look(told={"URL": "redis://cache"})["cache"]
    assert not [one for one in plain.addresses if not one.of]
