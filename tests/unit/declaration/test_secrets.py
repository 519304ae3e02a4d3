"""What a declaration tells the programs that Seatrial starts, and must be shown nowhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.declaration.fake_kinds import load_text


@pytest.fixture
def secrets(tmp_path: Path):  # type: ignore[no-untyped-def]
    def found(variables: dict[str, str] | None = None, **settings: object) -> tuple[str, ...]:
        web = {"kind": "web", "run": "true", **settings}
        components = {"store": {"kind": "db"}, "web": web}
        text = json.dumps({"system": "s", "components": components})
        return load_text(tmp_path, text, variables=variables or {}).secrets

    return found


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("host=db user=me password=sesame dbname=shop", ["sesame"]),
        ("host=db password='open sesame'", ["open sesame"]),
        (r"host=db password='o\'pen'", [r"o\'pen", "o'pen"]),
        ("jdbc:postgresql://db/shop?user=me&password=sesame", ["sesame"]),
        ("jdbc:postgresql://db/shop?password=p%40ss&user=me", ["p%40ss", "p@ss"]),
        ('{"db": {"user": "me", "password": "sesame"}}', ["sesame"]),
        (r'{"password": "\u00e9sam\"e"}', ['ésam"e']),
        ("Authorization: Bearer sesame", ["sesame"]),
        ('{"Authorization": "Bearer sesame"}', ["sesame"]),
        ("--user me --password sesame", ["sesame"]),
        ("Server=db;User=me;Password=sesame;", ["sesame"]),
        ("redis://:in%2Furl@h", ["in/url"]),
        ("Server=db;Password=ses(a,)me;", ["ses", "ses(a,)me"]),
    ],
)
def test_within_values(secrets, value: str, told: list[str]) -> None:  # type: ignore[no-untyped-def]
    for found in (secrets(env={"IT": value}), secrets({"ITS": value}, env={"IT": "${ITS}"})):
        assert set(told) <= set(found)
    if "'" not in value and "\\" not in value:  # else the shell's reading is known too
        assert set(secrets(env={"IT": value})) == set(told)


@pytest.mark.parametrize(
    "command",
    [
        "serve --password sesame",
        "serve --port 1 --db-password=sesame",
        "sh -c 'sleep 1; exec serve --password sesame'",
        "sh -c 'DB_PASSWORD=sesame serve'",
        """sh -c "exec sh -c 'serve --password sesame'" """,
        "redis-cli -a sesame ping",
        "sh -c 'rabbitmqctl add_user me sesame'",
        ["serve", "--password", "sesame"],
        ["curl", "-u", "me:sesame", "http://a"],
        "mysqladmin -psesame ping",
        ["sh", "-c", "serve --password sesame"],
        ["serve", "host=db password=sesame"],
        ["/usr/bin/redis-cli", "-a", "sesame"],
    ],
)
def test_in_commands(secrets, command: object) -> None:  # type: ignore[no-untyped-def]
    assert "sesame" in secrets(run=command)
    assert set(secrets(run=command)) <= {"sesame", "sesame serve"}


def test_logins(secrets) -> None:  # type: ignore[no-untyped-def]
    assert secrets(env={"BASIC_AUTH": "me:sesame", "MODE_AUTH": "ldap"}) == ("sesame",)
    assert secrets({"MY_AUTH": "me:sesame"}, env={"IT": "${MY_AUTH}"}) == ("sesame",)
    assert secrets(env={"SHOP_AUTH": "me:{store.password}"}) == ()


def test_what_an_endpoint_has_is_no_text_of_a_declaration(secrets) -> None:  # type: ignore[no-untyped-def]
    refers = {
        "A": "host={store.host} password={store.password} token=sesame",
        "B": '{"password": "{store.password}"}',
        "C": "--password {store.password}",
        "DB_PASSWORD": "{store.password}",
        "E": "postgresql://u:{store.password}@h",
    }
    run = ["serve", "--password", "{store.password}", "--token={store.password}"]
    assert secrets(env=refers, run=run) == ("sesame",)


def test_what_looks_like_a_reference_is_known_as_it_is(secrets) -> None:  # type: ignore[no-untyped-def]
    env = {"DSN": "{store.host} password='a {{store.password}}'"}
    assert secrets(env=env) == ("a {store.password}", "a")


@pytest.mark.parametrize(
    "command",
    [
        "serve --token-count 5000 --password-file /run/secrets/password -a option",
        ["serve", "--password", "--port", "1"],
        "sh -c 'TOKEN=$(cat /run/secrets/token) serve'",
        ["serve", "--password"],
        'python -c \'import os; token = os.environ["TOKEN"]; key = os.getenv("KEY")\'',
        "node -e 'const token = process.env.TOKEN'",
        "gunicorn 'shop:app' --bind 127.0.0.1:8000 --access-logformat '%(h)s %(t)s'",
    ],
)
def test_nothing_else_is_one(secrets, command: object) -> None:  # type: ignore[no-untyped-def]
    assert secrets(run=command, env={"PATH": "/a:/b", "KEY": "orders", "MODE": "a=b c"}) == ()


def test_hostile_values_are_read_in_good_time(secrets) -> None:  # type: ignore[no-untyped-def]
    import time

    started = time.perf_counter()
    for piece in ("-a ' ", "\\ ", "a\u00a0", "\"' ", "password= "):
        secrets({"LONG": piece * (900_000 // len(piece))}, env={"A": "${LONG}", "B": piece * 9_000})
    assert time.perf_counter() - started < 20  # a second or two; without bounds it takes minutes
