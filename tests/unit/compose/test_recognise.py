"""What services are taken for, and as whom they are reached."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from seatrial.compose.mentions import mentions
from seatrial.compose.project import Project, read_project
from seatrial.compose.recognise import recognise
from seatrial.kinds.containers import Service
from seatrial.kinds.registry import KINDS

PROJECTS = Path(__file__).parents[2] / "compose" / "projects"


def project(folder: Path, text: str) -> Project:
    (folder / "compose.yaml").write_text(text)
    return read_project(folder / "compose.yaml", {})


@pytest.mark.parametrize(
    ("service", "kind"),
    [
        ("{image: postgres}", "postgres"),
        ("{image: 'ghcr.io/a/postgis:15-3.4@sha256:00'}", "postgres"),
        ("{image: 'pgvector/pgvector:pg16'}", "postgres"),
        ("{build: db, ports: [5432], environment: {POSTGRES_PASSWORD: x}}", "postgres"),
        ("{image: 'postgres-exporter', ports: [9187]}", "process"),
        ("{image: 'bitnami/rabbitmq:3.12'}", "rabbitmq"),
        ("{image: 'kbudde/rabbitmq-exporter:1.0', ports: [9419]}", "process"),
        ("{image: 'postgres:15', command: postgres -c max_connections=9}", "postgres"),
        ("{image: 'postgres:15', command: -c max_connections=9}", "postgres"),
        ("{image: 'postgres:15', command: sh -c 'pg_dump -h db -U postgres shop'}", "process"),
        ("{image: 'redis:7', command: redis-server --appendonly yes}", "redis"),
        ("{image: 'redis:7', command: redis-cli -h cache ping}", "process"),
        ("{image: 'redis:7', command: sh -c 'redis-server & redis-cli ping; wait'}", "redis"),
        ("{image: 'postgres:15', command: 'docker-entrypoint.sh postgres & psql'}", "postgres"),
        ("{image: 'redis:7', command: redis-server /s.conf --sentinel}", "process"),
        ("{image: 'mysql:8', ports: [3306]}", "process"),
        ("{build: ., command: uvicorn app:app, ports: [8000]}", "http"),
        ("{build: ., ports: [8000]}", "http"),
        ("{build: ., ports: [50051]}", "process"),
        ("{build: ., ports: [9000]}", "http"),
        ("{build: ., expose: [9000]}", "process"),
        ("{build: ., expose: [8000]}", "http"),
        ("{build: ., ports: [5000]}", "http"),
        ("{image: 'ghcr.io/a/shop:3', ports: [8000]}", "http"),
        ("{image: 'ghcr.io/a/shop:3', ports: [5000]}", "process"),
        ("{build: ., command: celery -A app worker}", "process"),
        ("{build: ., command: alembic upgrade head}", "task"),
        ("{build: ., command: sh -c 'migrate && gunicorn app', ports: [8000]}", "http"),
        ("{build: ., command: node worker.js}", "process"),
        (
            "{image: 'postgres:15', command: 'sh -c \"psql -h db -c \\\"create table t()\\\"\"'}",
            "task",
        ),
        ("{image: 'postgres:15', command: psql -h db -f /seed.sql}", "task"),
        ("{image: 'redis:7', command: redis-cli -h cache set a b}", "task"),
        ("{image: 'redis:7', command: redis-cli -h cache monitor}", "process"),
        ("{image: 'redis:7', command: redis-cli -a x --cluster create a:1 b:1}", "task"),
        (
            "{image: 'rabbitmq:3', entrypoint: rabbitmqadmin declare queue name=a}",
            "task",
        ),
        (
            "{image: 'rabbitmq:3', command: rabbitmqctl add_vhost a, restart: on-failure}",
            "task",
        ),
        (
            "{image: 'rabbitmq:3', command: sh -c 'rabbitmq-server & rabbitmqctl add_vhost a'}",
            "rabbitmq",
        ),
        ("{image: 'minio/mc', entrypoint: sh -c 'mc mb s3/files'}", "task"),
        ("{build: ., command: psql -f /x.sql, restart: always}", "process"),
        ("{image: alpine, command: chown -R 1000 /data}", "task"),
        ("{image: alpine, command: sh -c 'chown -R 1 /d && exec bot'}", "process"),
        ("{build: ., command: sh -c 'alembic upgrade head && python -m bot'}", "process"),
        (
            "{build: ., command: sh -c 'createsuperuser || true; python bot.py'}",
            "process",
        ),
        ("{build: ., command: sh -c 'createsuperuser --noinput || true'}", "task"),
        ("{build: ., command: train --seed 42}", "process"),
        ("{image: minio/mc, command: mc admin trace s3}", "process"),
        (
            "{image: postgres, command: psql -c 'create table t(); insert into t values (1);'}",
            "task",
        ),
        (
            "{image: minio/mc, entrypoint: sh -c 'until mc ls; do sleep 1; done; mc mb a; exit 0'}",
            "task",
        ),
        ("{build: ., command: npx prisma db push}", "task"),
        ("{build: ., command: bundle exec rake db:setup}", "task"),
        ("{build: ., command: bash /app/prestart.sh}", "task"),
        ("{build: ., command: npm run build}", "task"),
        ("{image: 'migrate/migrate:v4', command: -path /m up, restart: on-failure}", "task"),
        ("{image: 'migrate/migrate:v4', restart: always}", "process"),
        ("{build: ., command: yarn build --watch}", "process"),
        ("{build: ., command: sleep infinity, ports: ['3000:3000']}", "process"),
        ("{build: ., command: ./run, ports: ['3000:3000']}", "http"),
        ("{build: ., command: npm run build -- -w}", "process"),
        ("{build: ., command: yarn build:css}", "process"),
        ("{build: ., command: vite build}", "task"),
        ("{build: ., command: 'npm run seed:watch'}", "process"),
        ("{build: ., command: sh -c 'npm run build && npm start'}", "process"),
        ("{build: ., command: kafka-topics --bootstrap-server k:9092 --create --topic a}", "task"),
        ("{image: alpine, command: openssl req -x509 -out /certs/a.pem}", "task"),
        ("{build: ., command: dotnet ef database update}", "task"),
        ("{build: ., command: python manage.py createsuperuser --noinput}", "task"),
        ("{image: 'nginx:1.25', ports: [80]}", "http"),
        ("{image: x, healthcheck: {test: [CMD, curl, 'http://localhost:90/up']}}", "http"),
        ("{image: x, ports: [9], healthcheck: {test: [CMD, curl, 'http://other/up']}}", "process"),
    ],
)
def test_kinds(tmp_path: Path, service: str, kind: str) -> None:
    read = project(tmp_path, f"services: {{it: {service}}}")
    assert recognise(read, KINDS)["it"].kind.name == kind


@pytest.mark.parametrize(
    ("command", "because"),
    [
        ("psql -h db -f /a | redis-cli set a b", "its command: psql"),
        ("redis-cli -h cache ping | psql -c x", "its command: psql"),
        ("redis-cli -h cache get a | xargs redis-cli set b", "its command: redis-cli"),
        ("set -e -f | psql", ""),
        ("psql " * 200_000, ""),
        ("redis-cli a " * 80_000, ""),
    ],
)
def test_a_client_that_does_one_thing(command: str, because: str) -> None:
    task = KINDS["task"].containers
    assert task is not None
    guess = task.recognise(Service("it", command=command))
    assert (guess.because if guess is not None else "") == because


@pytest.mark.parametrize(
    ("name", "settings", "kind"),
    [
        *((name, "", "task") for name in ("redis-init", "seed", "db_setup", "createbuckets")),
        *((name, "", "task") for name in ("initial_data", "init-permissions", "migrations")),
        *((name, "", "process") for name in ("permissions-service", "create-orders", "seed-node")),
        *((name, "", "process") for name in ("init-proxy", "setup-wizard", "fixtures-stream")),
        *((name, "", "process") for name in ("initiator", "seedling", "worker", "setups")),
        ("seed", ", restart: always", "process"),
        ("seed", ", command: celery -A app worker", "process"),
        ("init", ", ports: [8000]", "http"),
    ],
)
def test_a_name_that_says_that_it_ends(tmp_path: Path, name: str, settings: str, kind: str) -> None:
    read = project(tmp_path, f"services: {{{name}: {{build: .{settings}}}}}")
    assert recognise(read, KINDS)[name].kind.name == kind


def test_what_has_ended_well_is_no_server(tmp_path: Path) -> None:
    read = project(tmp_path, "services: {it: {image: 'postgres:15', command: prepare.sh}}")
    ended = replace(read, services={"it": replace(read.services["it"], ended_well=True)})
    assert recognise(read, KINDS)["it"].kind.name == "postgres"
    assert recognise(ended, KINDS)["it"].kind.name == "task"


def test_what_has_no_replicas_is_left_out(tmp_path: Path) -> None:
    read = project(tmp_path, "services: {it: {image: x, deploy: {replicas: 0}}, other: {image: x}}")
    assert list(recognise(read, KINDS)) == ["other"]
    assert read.services["it"].left_out == "its replicas are 0"


EXPECTED = {
    "bookshop": {"db": "postgres", "redis": "redis", "web": "http", "mails": "process"},
    "thumbnails": {"rabbit": "rabbitmq", "worker": "process", "feeder": "process"},
    "gateway": {
        "gateway": "http",
        "places": "http",
        "events": "http",
        "weather": "http",
        "store": "postgres",
    },
    "dispatch": {
        "postgres": "postgres",
        "mq": "rabbitmq",
        "migrate": "task",
        "api": "http",
        "worker": "process",
    },
}


@pytest.mark.parametrize("name", EXPECTED)
def test_projects_of_other_people(name: str) -> None:
    (file,) = (PROJECTS / name).glob("*compose.y*ml")
    found = recognise(read_project(file, {}), KINDS)
    assert {one: what.kind.name for one, what in found.items()} == EXPECTED[name]


def test_needs_are_what_it_waits_for_and_what_it_has_addresses_of() -> None:
    found = recognise(read_project(PROJECTS / "gateway" / "compose.yml", {}), KINDS)
    assert found["gateway"].needs == ("places", "events", "weather")
    assert found["events"].needs == ("places",)  # by a URL alone
    shop = recognise(read_project(PROJECTS / "bookshop" / "docker-compose.yml", {}), KINDS)
    assert shop["mails"].needs == ("db", "redis")  # DB_HOST=db


SHARED = (
    "{DATABASE_URL: 'postgresql://app:pw@db/app', REDIS_URL: 'redis://cache', API: 'http://api'}"
)


@pytest.mark.parametrize(
    ("services", "needs"),
    [
        pytest.param(
            f"{{db: {{image: postgres, environment: {SHARED}}},"
            f" cache: {{image: redis, environment: {SHARED}}},"
            f" api: {{build: ., command: uvicorn app:app, environment: {SHARED}}},"
            f" worker: {{build: ., command: celery worker, environment: {SHARED}}}}}",
            {"db": (), "cache": (), "api": ("db", "cache"), "worker": ("db", "cache")},
            id="one file of variables for all",
        ),
        pytest.param(
            "{app: {image: x, environment: {DB_HOST: db, MODE: web}}, web: {image: x, "
            "environment: {NEXT: 'app:80', USER: db}}, db: {image: x, environment: {DB: app}}}",
            {"app": ("db",), "web": ("app",), "db": ()},
            id="a word is a host where it is called so",
        ),
        pytest.param(
            "{app: {image: x, environment: {Redis__Connection: 'cache:6379,password=X'}},"
            " cache: {image: redis}}",
            {"app": ("cache",), "cache": ()},
            id="as .NET has them",
        ),
        pytest.param(
            "{a: {image: x, environment: {CALLED: 'http://b'}},"
            " b: {image: x, environment: {BACK: 'http://a'}}}",
            {"a": ("b",), "b": ()},
            id="each calls the other",
        ),
        pytest.param(
            "{a: {image: x, environment: {CALLED: 'http://c'}}, b: {image: x, depends_on: [a]},"
            " c: {image: x, depends_on: [b]}}",
            {"a": (), "b": ("a",), "c": ("b",)},
            id="what is waited for comes first",
        ),
    ],
)
def test_addresses_make_no_circle(
    tmp_path: Path, services: str, needs: dict[str, tuple[str, ...]]
) -> None:
    found = recognise(project(tmp_path, f"services: {services}"), KINDS)
    assert {name: one.needs for name, one in found.items()} == needs


def _endpoints(read: Project, name: str) -> dict[str, str]:
    service = read.services[name]
    kind = recognise(read, KINDS)[name].kind
    assert kind.containers is not None
    config = kind.config.model_validate({"kind": kind.name})
    found = kind.containers.endpoints(
        service, config, [one.endpoint for one in mentions(read, service, kind)]
    )
    return {one: endpoint.url for one, endpoint in found.items()}


@pytest.mark.parametrize(
    ("check", "settings"),
    [
        ("curl -f localhost:3000/up", {"health": "/up"}),
        ("wget -qO- 127.0.0.1:3000/up || exit 1", {"health": "/up"}),
        ("curl --fail 'localhost/up'", {"health": "/up"}),
        ("curl -f localhost:3000", {}),
        ("curl -s --noproxy localhost localhost:3000/up | grep -q OK", {"health": "/up"}),
        ("curl -f http://localhost:3000/up>/dev/null", {"health": "/up"}),
        ("ruby -e 'get(%q{http://localhost:3000/up})'", {"health": "/up"}),
        ("node -e 'get(`http://localhost:3000/up`)'", {"health": "/up"}),
        (
            "bash -c 'exec 3<>/dev/tcp/127.0.0.1/9000; echo -e GET /health/ready HTTP/1.1 host: "
            "http://localhost >&3'",
            {"health": "/health/ready"},
        ),
        ("curl -f 'localhost/up?full=1&all=1' || exit 1", {"health": "/up?full=1&all=1"}),
        ("curl -f http://localhost:8000/up?full=1", {"health": "/up?full=1"}),
        ("curl -f http://localhost:8000/up&& true", {"health": "/up"}),
    ],
)
def test_a_url_without_its_scheme(tmp_path: Path, check: str, settings: dict[str, str]) -> None:
    read = project(tmp_path, f'services: {{it: {{build: ., healthcheck: {{test: "{check}"}}}}}}')
    found = recognise(read, KINDS)["it"]
    assert (found.kind.name, found.guess.settings) == ("http", settings)
    assert _endpoints(read, "it")["http"].startswith("http://it")


@pytest.mark.parametrize(
    "check",
    [
        *("nc -z localhost 3000", "pg_isready -h localhost", "redis-cli -h 127.0.0.1 ping"),
        *("curl -f http://elsewhere:80/up", "mysqladmin ping -h localhost", "curl -V"),
        "curl -f --unix-socket /run/x.sock http://localhost/up",
        "sh -c 'API=http://localhost; wait-for $API:3000/health'",
        "bash -c 'exec 3<>/dev/tcp/127.0.0.1/9000; echo host: http://localhost >&3'",
    ],
)
def test_what_asks_no_page_of_it(tmp_path: Path, check: str) -> None:
    read = project(tmp_path, f'services: {{it: {{build: ., healthcheck: {{test: "{check}"}}}}}}')
    assert recognise(read, KINDS)["it"].kind.name == "process"


@pytest.mark.parametrize(
    ("port", "environment", "asked"),
    [
        ("$$PORT", "{PORT: 8099}", 8099),
        ("$${PORT}", "{PORT: 8099}", 8099),
        ("$${PORT:-8001}", "{}", 8001),
        ("$$PORT", "{}", 8000),
        ("90", "{}", 90),
    ],
)
def test_the_port_that_a_health_check_asks(
    tmp_path: Path, port: str, environment: str, asked: int
) -> None:
    check = f"curl -f http://localhost:{port}/up"
    web = (
        f"{{build: ., ports: [8000], environment: {environment}, healthcheck: {{test: '{check}'}}}}"
    )
    read = project(tmp_path, f"services: {{web: {web}}}")
    assert _endpoints(read, "web") == {"http": f"http://web:{asked}"}
    assert recognise(read, KINDS)["web"].guess.settings == {"health": "/up"}


@pytest.mark.parametrize(
    ("project", "service", "urls"),
    [
        ("gateway", "places", {"http": "http://places:9000"}),
        ("gateway", "gateway", {"http": "http://gateway:80"}),
        ("gateway", "store", {"sql": "postgresql://guide:guide-pw@store:5432/guide"}),
        ("dispatch", "postgres", {"sql": "postgresql://postgres:postgres@postgres:5432/dispatch"}),
        (
            "bookshop",
            "db",
            {"sql": "postgresql://bookshop:pa%24%24%20word%2F4%20books@db:5432/books"},
        ),
        (
            "thumbnails",
            "rabbit",
            {
                "amqp": "amqp://thumbs:thumbs-secret@rabbit:5672/images",
                "management": "http://thumbs:thumbs-secret@rabbit:15672",
            },
        ),
    ],
)
def test_where_and_as_whom(project: str, service: str, urls: dict[str, str]) -> None:
    (file,) = (PROJECTS / project).glob("*compose.y*ml")
    assert _endpoints(read_project(file, {}), service) == urls


def test_images_have_defaults(tmp_path: Path) -> None:
    read = project(
        tmp_path,
        "services: {mq: {image: rabbitmq}, db: {image: postgres, environment: "
        "{POSTGRES_PASSWORD: pw}}}",
    )
    assert _endpoints(read, "mq") == {"amqp": "amqp://guest:guest@mq:5672"}  # no management
    assert _endpoints(read, "db") == {"sql": "postgresql://postgres:pw@db:5432/postgres"}


@pytest.mark.parametrize(
    ("settings", "port"),
    [
        ("environment: {PGPORT: 5433}", 5433),
        ("command: postgres -p 5434, environment: {PGPORT: 5433}", 5434),
        ("command: postgres -p 99999", 5432),
        (f"environment: {{PGPORT: '{'9' * 5000}'}}", 5432),
    ],
)
def test_the_port_of_a_postgres(tmp_path: Path, settings: str, port: int) -> None:
    read = project(tmp_path, f"services: {{db: {{image: postgres, {settings}}}}}")
    assert _endpoints(read, "db") == {"sql": f"postgresql://postgres@db:{port}/postgres"}


@pytest.mark.parametrize(
    ("name", "service", "standby"),
    [
        ("db", "{image: 'postgres:15'}", False),
        ("replicas", "{image: 'postgres:15'}", False),
        ("db-replica", "{image: 'postgres:15'}", True),
        ("pg_replica_2", "{image: 'postgres:15'}", True),
        ("standby1", "{image: 'postgres:15'}", True),
        ("two", "{image: 'postgres:15', command: sh -c 'pg_basebackup -R && postgres -p 1'}", True),
        ("two", "{image: bitnami/postgresql, environment: {X: y}}", False),
        (
            "two",
            "{image: bitnami/postgresql, environment: {POSTGRESQL_REPLICATION_MODE: slave}}",
            True,
        ),
    ],
)
def test_a_standby(tmp_path: Path, name: str, service: str, standby: bool) -> None:
    found = recognise(project(tmp_path, f"services: {{{name}: {service}}}"), KINDS)[name]
    assert found.kind.name == "postgres"
    assert found.guess.settings == ({"standby": True} if standby else {})
