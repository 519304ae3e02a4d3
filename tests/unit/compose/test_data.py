"""Folders that hold data are told from those with source code and settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from seatrial.compose.data import Tree, holds_data
from seatrial.kinds.containers import Mount

Made = Callable[..., Path]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """A folder with such files in it."""

    def one(*files: str, content: bytes = b"x") -> Path:
        folder = tmp_path / "bound"
        folder.mkdir()
        for name in files:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        return folder

    return one


def is_data(source: Path | str, target: str, code: list[str] | None = None, **one: object) -> bool:
    tree: Tree = {"image": "me/app:1", **one}  # type: ignore[dict-item]
    return holds_data(Mount(str(source), target, bind=True), tree, code or [])


@pytest.mark.parametrize(
    "target",
    [
        *("/var/lib/postgresql/data", "/var/lib/mysql", "/var/lib/redis", "/data", "/data/db"),
        *("/bitnami/redis/data", "/var/opt/mssql", "/usr/share/elasticsearch/data"),
        *("/qdrant/storage", "/var/lib/rabbitmq", "/var/lib/clickhouse", "/var/lib/kafka/data"),
    ],
)
def test_where_servers_keep_their_data(target: str, made: Made) -> None:
    assert is_data(made(), target)


@pytest.mark.parametrize(
    "one",
    [
        {"environment": {"PGDATA": "/pgdata/15"}},
        {"environment": ["PGDATA=/pgdata"]},
        {"environment": {"SHOP_DATA_DIR": "/pgdata"}},
        {"command": ["redis-server", "--dir", "/pgdata", "--appendonly", "yes"]},
        {"command": "mysqld --datadir=/pgdata"},
        {"entrypoint": ["sh", "-c", "exec mongod --dbpath /pgdata/"]},
    ],
)
def test_what_the_service_says_of_it(one: dict[str, object], made: Made) -> None:
    folder = made("a.sql")
    assert is_data(folder, "/pgdata", **one)
    assert not is_data(folder, "/pgdata")


@pytest.mark.parametrize(
    "mark",
    [
        *("PG_VERSION", "15/docker/PG_VERSION", "postmaster.pid", "ibdata1", "dump.rdb"),
        *("appendonlydir/x", "mnesia/x", "WiredTiger", "db/.minio.sys/x", "meta.properties"),
        "world/level.dat",
    ],
)
def test_what_lies_in_it(mark: str, made: Made) -> None:
    assert is_data(made(mark, "postgresql.conf"), "/srv")


def test_a_database_in_a_file(made: Made) -> None:
    folder = made("app.db", "settings.xml", content=b"SQLite format 3\0")
    assert is_data(folder, "/app/state")
    assert is_data(folder, "/config")


def test_settings_beside_a_database_are_not_source_code(made: Made) -> None:
    folder = made("configuration.yaml", "home.db", "www/a.js", content=b"SQLite format 3\0")
    assert is_data(folder, "/config")


def test_a_file_that_is_only_called_a_database(made: Made) -> None:
    assert not is_data(made("app.db"), "/config")


@pytest.mark.parametrize("files", [[], ["events.jsonl"], ["a.onnx"], ["2026/11/notes.txt"]])
def test_what_is_neither_code_nor_settings(files: list[str], made: Made) -> None:
    assert is_data(made(*files), "/archive")


@pytest.mark.parametrize(
    "target", ["/app/uploads", "/srv/media/", "/app/var/logs", "/backup/daily"]
)
def test_what_programs_keep_for_their_users(target: str, made: Made) -> None:
    assert is_data(made("2026/me.jpg", "letter.txt", ".gitkeep", "page.html", "a.sql"), target)


@pytest.mark.parametrize(
    ("files", "target", "one"),
    [
        (["app.py", "lib/x.py"], "/app", {}),
        (["player.ts", "a.jpg"], "/app/media", {}),
        (["player.js", "a.jpg"], "/app/assets", {}),
        (["pkg/deep/x.py"], "/app/src", {}),
        (["README.md"], "/app/docs", {}),
        ([], "/etc/logs", {}),
        (["manage.py", "db.sqlite3"], "/app", {}),
        (["package.json"], "/app", {"image": "node:20"}),
        (["schema.sql"], "/docker-entrypoint-initdb.d", {"image": "postgres:15"}),
        (["prometheus.yml"], "/etc/prometheus", {"image": "prom/prometheus"}),
        (["rules.yml"], "/rules", {"image": "prom/prometheus"}),
        (["a.json"], "/var/lib/grafana/dashboards", {"image": "grafana/grafana"}),
        (["index.html"], "/usr/share/nginx/html", {"image": "nginx"}),
        ([], "/docker-entrypoint-initdb.d", {"image": "mysql:8"}),
    ],
)
def test_source_code_and_settings_stay(
    files: list[str], target: str, one: dict[str, object], made: Made
) -> None:
    assert not is_data(made(*files, content=b"SQLite format 3\0"), target, **one)


@pytest.mark.parametrize("below", ["", "backend"])
def test_what_is_built_from_stays_whatever_lies_in_it(below: str, made: Made) -> None:
    folder = made("pgdata/PG_VERSION", "backend/Dockerfile")
    told = {"environment": {"DATA_DIR": "/app"}}
    assert is_data(folder, "/app", **told)
    assert not is_data(folder, "/app", code=[str(folder / below)], **told)


def test_what_is_built_from_is_data_where_a_server_keeps_its_own(made: Made) -> None:
    folder = made("compose.yaml")
    assert is_data(folder, "/data", code=[str(folder)])


def test_a_folder_that_we_may_not_look_into(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = made()
    monkeypatch.setattr("os.access", lambda path, mode: path != str(folder))  # root may
    assert is_data(folder, "/srv")
