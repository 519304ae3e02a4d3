"""What a compose file tells services and must be shown nowhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seatrial.compose.secrets import secrets_of
from seatrial.declaration.load import load
from seatrial.kinds.registry import KINDS

DECLARED = "system: shop\ncompose: compose.yaml\ncomponents: {one: {kind: process}}\n"


@pytest.fixture
def secrets(tmp_path: Path):  # type: ignore[no-untyped-def]
    def found(**service: object) -> tuple[str, ...]:
        services = {"one": {"image": "x", **service}}
        (tmp_path / "compose.yaml").write_text(json.dumps({"services": services}))
        (tmp_path / "seatrial.yaml").write_text(DECLARED)
        return secrets_of(load(tmp_path, KINDS, variables={}))

    return found


def test_in_environments(secrets) -> None:  # type: ignore[no-untyped-def]
    headers = {"OTEL_EXPORTER_OTLP_HEADERS": "key=of-a-list,x=y"}
    assert secrets(environment=headers) == ("of-a-list", "y")
    url = {"DB": "postgresql://me:by%20url@db", "TO": "nobody"}
    assert secrets(environment=url) == ("by url",)


@pytest.mark.parametrize(
    "value",
    [
        "host=db user=me password=sesame dbname=shop",
        "jdbc:postgresql://db/shop?user=me&password=sesame",
        '{"db": {"user": "me", "password": "sesame"}}',
    ],
)
def test_within_values(secrets, value: str) -> None:  # type: ignore[no-untyped-def]
    assert secrets(environment={"DATABASE": value}) == ("sesame",)
    assert secrets(command=["serve", value]) == ("sesame",)


def test_in_headers(secrets) -> None:  # type: ignore[no-untyped-def]
    asks = "curl -fsS -H 'Authorization: Bearer sesame' http://localhost/health"
    assert secrets(healthcheck={"test": ["CMD-SHELL", asks]}) == ("sesame",)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("redis-server --requirepass sesame", "sesame"),
        ("redis-server --requirepass 'open sesame' --port 7", "open sesame"),
        (["redis-server", "--requirepass", "open sesame"], "open sesame"),
        (["sh", "-c", 'redis-server --requirepass "$$SET"'], "as it is set"),
        (["sh", "-c", "exec redis-server --requirepass $${SET}; true"], "as it is set"),
        ("redis-server --requirepass=sesame", "sesame"),
        ("redis-server --requirepass ${OF_DOTENV}", "of-dotenv"),
        ("redis-server --requirepass ${NOWHERE:-by-default}", "by-default"),
        ("sh -c 'redis-server --requirepass $${NOWHERE:-by-default}'", "by-default"),
        ("redis-server --replicaof a 1 --masterauth sesame", "sesame"),
        ("sh -c 'sleep 1 && /usr/bin/redis-cli -h cache -a sesame ping'", "sesame"),
        ("serve --password sesame", "sesame"),
        ("sh -c 'serve --password se#same --port 1'", "se#same"),
        ("serve --db-password=sesame", "sesame"),
        ("env PGPASSWORD=sesame psql", "sesame"),
        ("sh -c 'exec env PGPASSWORD=sesame psql'", "sesame"),
        ("celery --broker amqp://me:sesame@mq", "sesame"),
        ("sh -c 'rabbitmqctl add_user me sesame'", "sesame"),
        ("serve --requirepass 'it never ends", "'it"),
    ],
)
def test_in_commands(  # type: ignore[no-untyped-def]
    secrets, tmp_path: Path, command: object, told: str
) -> None:
    (tmp_path / ".env").write_text("OF_DOTENV=of-dotenv\n")
    for key in ("command", "entrypoint"):
        assert secrets(**{key: command}, environment={"SET": "as it is set"}) == (told,)


@pytest.mark.parametrize(
    "test",
    [
        "redis-cli -a sesame ping",
        ["CMD", "redis-cli", "-a", "sesame"],
        ["CMD-SHELL", "redis-cli -a sesame"],
    ],
)
def test_in_health_checks(secrets, test: object) -> None:  # type: ignore[no-untyped-def]
    assert secrets(healthcheck={"test": test}) == ("sesame",)


@pytest.mark.parametrize(
    "command",
    [
        "gunicorn -a option --token-count 5000 --password-file /run/secrets/password",
        "psql --password --command 'select 1'",
        "serve --requirepass",
        "psql --no-password inventory",
        "sh -c 'TOKEN=$$(cat /run/secrets/token) serve'",
        "sh -c 'serve --password $$NOT_SET'",
        ["NONE"],
        None,
    ],
)
def test_nothing_else_is_one(secrets, command: object) -> None:  # type: ignore[no-untyped-def]
    assert [one for one in secrets(command=command) if one] == []
    assert secrets(healthcheck={"disable": True}) == ()
