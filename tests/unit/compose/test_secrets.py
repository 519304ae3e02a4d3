"""What a compose file tells services and must be shown nowhere."""

from __future__ import annotations

import json
import os
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
        (["redis-server", "--user", "me", "on", ">sesame", "~*"], "sesame"),
        (["sh", "-c", "exec redis-cli ACL SETUSER me on '>sesame'"], "sesame"),
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


LOGINS = [
    ("BASIC_AUTH", "me:sesame", ["sesame"]),
    ("HTTP_BASIC", "me:sesame", ["sesame"]),
    ("MYSQL_DSN", "me:sesame@tcp(db:3306)/x", ["sesame"]),
    ("S3", "key:sesame@minio:9000", ["sesame"]),
    ("BASE", "redis:7-alpine@sha256:12345678" + "9a" * 28, []),
    ("BASE", "python:3.12-slim@sha256:0aa" + "12" * 30, []),
    ("MIRROR", "git@host:22/me:x@y", []),
    ("TIMES", "12:30@noon", []),
    ("TRAEFIK_BASICAUTH_USERS", "me:sesame,you:o:pen", ["sesame,you:o:pen", "sesame", "o:pen"]),
    ("PROMETHEUS_AUTH", "'me:sesame'", ["sesame"]),
    ("ADMIN_LOGIN", "me@example.org:sesame", ["sesame"]),
    ("HTPASSWD", "a:sesame\nb:open", ["a:sesame\nb:open", "sesame\nb:open", "sesame", "open"]),
    ("NGINX_AUTH_BASIC", "me:s:same//", ["s:same//"]),
    ("NEO4J_AUTH", "neo4j/ses/a:me", ["ses/a:me"]),
    ("CREDENTIALS", "me:sesame", ["sesame", "me:sesame"]),
    ("USERPWD", "me:sesame", ["sesame", "me:sesame"]),
    ("AUTH", "ldap", []),
    ("NEO4J_AUTH", "none", []),
    ("PROXY_AUTH", "http://auth/realm", []),
    ("AUTH", '{"mode": "ldap"}', []),
    ("OAUTH", "google:orders", []),
    ("AUTH_MODE", "a:b", []),
    ("AUTHOR", "name: Me", []),
    ("USERS", "a:b", []),
]


@pytest.mark.parametrize(("name", "value", "told"), LOGINS)
def test_logins(secrets, name: str, value: str, told: list[str]) -> None:  # type: ignore[no-untyped-def]
    assert set(secrets(environment={name: value})) == set(told)
    assert set(secrets(labels=[f"traefik.{name}={value}"])) == set(told)
    assert set(secrets(deploy={"labels": {f"it.{name.lower()}": value}})) == set(told)


def test_a_login_that_is_but_a_password(secrets) -> None:  # type: ignore[no-untyped-def]
    for name in ("REDISCLI_AUTH", "VAULT_DEV_ROOT_TOKEN_ID"):
        assert secrets(environment={name: "sesame"}) == ("sesame",)


def test_what_a_shell_takes_where_a_variable_is_not_set(secrets) -> None:  # type: ignore[no-untyped-def]
    assert "sesame" in secrets(command="sh -c 'serve to-$${DB_PASSWORD:-sesame}'")


MD5 = "$apr1$H6uskkkW$IgXLP6ewTrSuBkTrqE8wj/"
BCRYPT = "$2y$05$" + "b" * 53
ARGON = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$" + "h" * 40


@pytest.mark.parametrize("one", [MD5, BCRYPT, ARGON])
def test_hashes_of_passwords(secrets, one: str) -> None:  # type: ignore[no-untyped-def]
    users = f"me:{one},you:x".replace("$", "$$")
    label = {"traefik.http.middlewares.auth.basicauth.users": users}
    assert one in secrets(labels=label)
    for told in (f"hashes: {users}", f"{users}\n"):
        assert secrets(environment={"CONFIG": told}) == (one,)
    assert secrets(labels={"price": "$$5 or $$6$$", "of": "$$1$$FILE"}) == ()


def test_in_labels_and_arguments_of_a_build(secrets) -> None:  # type: ignore[no-untyped-def]
    label = "traefik.http.middlewares.a.headers.customrequestheaders.Authorization"
    assert secrets(labels={label: "Bearer sesame"}) == ("sesame",)
    assert secrets(labels=["db=postgresql://me:sesame@db"]) == ("sesame",)
    assert secrets(deploy={"labels": {"api-token": "sesame"}}) == ("sesame",)
    for args in ({"NPM_TOKEN": "sesame"}, ["NPM_TOKEN=sesame"]):
        assert secrets(build={"context": ".", "args": args}) == ("sesame",)
    assert secrets(build=".", labels=[], deploy={}) == ()


def test_in_files_of_secrets(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sesame\n")
    (tmp_path / "settings").write_text("db_password=open\nmode: a\n")
    (tmp_path / "pem").write_text("-----BEGIN KEY-----\nMIIB\n-----END KEY-----\n")
    (tmp_path / "store").write_bytes(b"\xff\xfe binary")
    named = ("key", "settings", "pem", "store", "missing")
    files = {name: {"file": f"./{name}"} for name in named}
    one = {"image": "x", "secrets": [*files]}
    compose = {"services": {"one": one}, "secrets": {**files, "of-another": {"file": "./other"}}}
    (tmp_path / "compose.yaml").write_text(json.dumps(compose))
    (tmp_path / "seatrial.yaml").write_text(DECLARED)
    found = secrets_of(load(tmp_path, KINDS, variables={}))
    assert found == ("sesame", "db_password=open", "open", "mode: a", "MIIB")


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("curl -u me:sesame http://a", {"sesame"}),
        ("curl -fsSu me:sesame http://a", {"sesame"}),
        ("curl -ume:sesame http://a", {"sesame"}),
        ("curl --user me:sesame http://a", {"sesame"}),
        ("curl -x http://p -U me:sesame --oauth2-bearer open http://a", {"open", "sesame"}),
        ("sh -c 'curl -u $$ME:$$SET http://a || exit 1'", {"as it is set"}),
        ("sh -c 'curl -u \"$$ME:$${SET}\" http://a'", {"as it is set"}),
        ("mysqladmin ping -h localhost -u root -psesame", {"sesame"}),
        ("sh -c 'mysqladmin ping -p$$SET || exit 1'", {"as it is set"}),
        ('sh -c \'exec mariadb -uroot -p"$${SET}" -e "select 1"\'', {"as it is set"}),
        ("/usr/bin/mysql -psesame shop", {"sesame"}),
        ("mongosh -u root -p sesame --eval 1", {"sesame"}),
        ("sshpass -p sesame ssh -p 2222 host", {"sesame", "2222"}),
        ("/opt/mssql-tools18/bin/sqlcmd -S localhost -U sa -P sesame -Q 'select 1'", {"sesame"}),
        ("ldapsearch -x -D cn=admin -w sesame -b dc=example", {"sesame"}),
        ("http -a me:sesame :8000/health", {"sesame"}),
        ("sh -c 'mc alias set mine http://minio:9000 me sesame; mc mb mine/a'", {"sesame"}),
        ("sh -c 'PGPASSWORD=sesame psql -h db -c 1'", {"sesame", "sesame psql -h db -c 1"}),
        ("sh -c 'psql; REDISCLI_AUTH=sesame redis-cli ping'", {"sesame"}),
        ("sh -c 'psql -h db ; serve --password sesame'", {"sesame"}),
        ("sh -c 'psql -h db -c 1 serve --password sesame'", {"sesame"}),
        ("sh -c 'mc admin user add mine me sesame'", {"sesame"}),
        (["sh", "-c", "mongodump --uri a\nmkdir -p /backups/today"], set()),
        (["sh", "-c", "redis-cli \\\n  -a sesame ping"], {"sesame"}),
        ("curl http://host/mysql -u me:sesame", {"sesame"}),
        # to look at, for each, all behind it takes minutes
        ("etcdctl --user=me:sesame get a", {"sesame"}),
        ("etcdctl --user me:sesame get a", {"sesame"}),
        ("vault server -dev -dev-root-token-id=sesame", {"sesame"}),
        ("serve --basic-auth me:sesame", {"sesame"}),
        ("serve --auth.basicauth.users=me:sesame", {"sesame"}),
    ],
)
def test_of_programs(secrets, command: str | list[str], told: set[str]) -> None:  # type: ignore[no-untyped-def]
    for service in ({"command": command}, {"healthcheck": {"test": command}}):
        assert set(secrets(**service, environment={"SET": "as it is set"})) == told


@pytest.mark.parametrize(
    "command",
    [
        "curl -o out -H 'Accept: text/plain' -sS http://a:80/u",
        "curl -fu --verbose http://a",
        "mysql -p -u root shop",
        "sh -c 'mysqladmin -p$$NOT_SET_PASSWORD version'",
        "redis-cli -a --raw",
        "sh -c 'mysqladmin ping && ssh -pport host'",
        "docker run -p 80:8080 --user me:staff image",
        "mongosh --port 27017 --quiet",
        "grep -a pattern file",
        "mc ls mine",
    ],
)
def test_options_of_other_programs(secrets, command: str) -> None:  # type: ignore[no-untyped-def]
    assert [one for one in secrets(command=command) if one] == []


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
        "serve --no-credentials inventory --without-auth me:inventory",
        "pg_dump -h db --password inventory",
        "sh -c 'exec pg_dump --format custom --password inventory > /backup/it'",
        "sh -c 'echo usage: serve --password PASSWORD, --auth-token without'",
        "sh -c 'TOKEN=$$(cat /run/secrets/token) serve'",
        "sh -c 'serve --password $$NOT_SET'",
        ["NONE"],
        None,
    ],
)
def test_nothing_else_is_one(secrets, command: object) -> None:  # type: ignore[no-untyped-def]
    assert [one for one in secrets(command=command) if one] == []
    assert secrets(healthcheck={"disable": True}) == ()


@pytest.mark.timeout(30)  # nobody waits for a pipe
def test_what_a_project_declares_as_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one.txt").write_text("of a file\n")
    (tmp_path / "many.json").write_text('{\n  "user": "sesame-open"\n}\n')
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setenv("OF_A_VARIABLE", "by-variable")
    declared = {
        "one": {"file": "./one.txt"},
        "many": {"file": "./many.json"},
        "pipe": {"file": "./pipe"},
        "gone": {"file": "./gone.txt"},
        "variable": {"environment": "OF_A_VARIABLE"},
        "unset": {"environment": "OF_NO_VARIABLE"},
        "elsewhere": {"external": True},
    }
    compose = {"services": {"one": {"image": "x"}}, "secrets": declared}
    (tmp_path / "compose.yaml").write_text(json.dumps(compose))
    (tmp_path / "seatrial.yaml").write_text(DECLARED)
    told = secrets_of(load(tmp_path, KINDS, variables={}))
    assert {"of a file", '"user": "sesame-open"', "by-variable"} <= set(told)


@pytest.mark.timeout(30)  # to look, for each program, at all behind it would take minutes
def test_a_long_command_is_read_once(secrets) -> None:  # type: ignore[no-untyped-def]
    assert secrets(command=f"{'ab ' * 20_000}-A me:sesame") == ("sesame",)
