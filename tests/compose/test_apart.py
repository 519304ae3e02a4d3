"""Nothing of the user's project is harmed, and what cannot be kept apart is refused."""

from __future__ import annotations

import pytest

from seatrial.waiting import eventually
from tests.compose.conftest import Copy, Project
from tests.compose.engine import COMPOSE_2, Engine

COMPOSE = """
services:
  db:
    image: postgres:15
    container_name: shared_db
    environment: {POSTGRES_PASSWORD: apart-pw-1}
    volumes: ["keep:/var/lib/postgresql/data"]
    networks: {shared: {ipv4_address: 10.213.77.5}}
  other:
    image: postgres:15
    environment: {POSTGRES_PASSWORD: apart-pw-1}
    volumes: ["./pgdata:/var/lib/postgresql/data"]
    networks: [back]
  cache:
    image: redis:7
    container_name: shared_cache
    command: redis-server --dir /var/lib/redis --appendonly yes
    volumes: ["files:/var/lib/redis"]
    networks: [shared, back]
  vpn:
    image: python:3.11-slim
    command: python3 -m http.server 7000
    networks: [shared]
  web:
    image: python:3.11-slim
    command: python3 -m http.server 8011
    network_mode: "service:vpn"
    depends_on: [vpn]
    environment: {PORT: "8011"}
volumes:
  keep: {external: true, name: apart-keep}
  files: {driver_opts: {type: none, o: bind, device: "FOLDER/redis"}}
networks:
  shared: {external: true, name: apart-net}
  back: {ipam: {config: [{subnet: 10.213.78.0/24}]}}
"""

DECLARED = """
system: apart
compose: compose.yaml
components:
  db: {kind: postgres}
  cache: {kind: redis}
  vpn: {kind: http}
  web: {kind: http}
"""

TRIALS = """
def test_write(component):
    assert component("cache").get("whose") is None
    component("cache").set("whose", "seatrial's")
    assert component("db").value("SELECT to_regclass('users')") is None
    component("db").execute("CREATE TABLE seatrials (one int)")
    assert component("web").get("/").status_code == 200
    assert component("vpn").get("/").status_code == 200
"""


ADDRESSES = (
    *("python3", "-c"),
    "import socket, sys; print(sorted(socket.gethostbyname_ex(sys.argv[1])[2]))",
)


def project(copy: Copy, engine: Engine | None = None) -> Project:
    """The copy of a project that is none of those that are copied, but in its place."""
    found = copy("bookshop", engine)
    for file in found.folder.iterdir():
        file.unlink()
    (found.folder / "compose.yaml").write_text(COMPOSE.replace("FOLDER", str(found.folder)))
    (found.folder / "seatrial.yaml").write_text(DECLARED)
    return found


@pytest.mark.parametrize("mode", ["host", "container:elsewhere"])
def test_what_cannot_be_kept_apart_is_refused(copy: Copy, mode: str) -> None:
    bad = project(copy)
    file = bad.folder / "compose.yaml"
    file.write_text(COMPOSE.replace('"service:vpn"', f'"{mode}"'))
    up = bad.seatrial("up")
    assert up.code == 2, up.err
    assert f"the service web has `network_mode: {mode}`" in up.err
    assert "a profile" in up.err
    file.write_text(file.read_text().replace("  web:\n", "  web:\n    profiles: [debug]\n"))
    assert bad.seatrial("up").code == 3  # nothing but the engine is missing


@pytest.mark.engine
def test_the_users_project_that_runs_is_not_touched(copy: Copy, engine: Engine) -> None:
    """Its servers keep their data and their files, though the same files were started again."""
    if engine.compose_command != COMPOSE_2:
        pytest.skip("`docker compose` starts the user's project here")
    ours = project(copy, engine)
    (ours.folder / "redis").mkdir()
    engine.docker("volume", "create", "apart-keep")
    engine.docker("network", "create", "--subnet", "10.213.77.0/24", "apart-net")

    def theirs(service: str, *words: str) -> str:
        return engine.compose(ours.folder, "exec", "-T", service, *words)

    def sql(service: str, text: str) -> str:
        psql = ("psql", "-h", "127.0.0.1", "-U", "postgres", "-Atc", text)
        return theirs(service, "env", "PGPASSWORD=apart-pw-1", *psql)

    def is_up(service: str) -> bool:
        words = ("exec", "-T", service, "pg_isready", "-h", "127.0.0.1")
        return "accepting" in engine.compose(ours.folder, *words, check=False)

    def look() -> dict[str, str]:
        pid = ("cat", "/var/lib/postgresql/data/postmaster.pid")
        return {
            "cache is at": theirs("vpn", *ADDRESSES, "cache"),
            "keys": theirs("cache", "redis-cli", "keys", "*"),
            **{f"{name} runs as": theirs(name, *pid) for name in ("db", "other")},
            **{f"{name} has": sql(name, "SELECT one FROM users") for name in ("db", "other")},
            **{f"tables of {n}": sql(n, "SELECT count(*) FROM pg_tables") for n in ("db", "other")},
        }

    try:
        engine.compose(ours.folder, "up", "-d")
        for name in ("db", "other"):
            eventually(lambda name=name: is_up(name), timeout=60, longest_pause=0.5)
            sql(name, "CREATE TABLE users AS SELECT 42 AS one")
        theirs("cache", "redis-cli", "set", "whose", "user's")
        before, everything = look(), engine.everything()

        up = ours.seatrial("up")
        assert up.code == 0, up.err
        told = [line for line in up.err.splitlines() if "own project: " in line]
        for name in ("keep", "files", "shared", "pgdata"):
            assert any(name in line for line in told), up.err
        apart = ours.seatrial("status", "--json").json["own_project"]
        assert [f"seatrial: own project: {line}" for line in apart] == told
        (vpn,) = engine.docker("ps", "-q", "-f", "name=seatrial-.*vpn").split()
        inside = [engine.docker("exec", vpn, *ADDRESSES, n) for n in ("cache", "shared_cache")]
        assert inside[0] == inside[1]
        (ours.folder / "trials").mkdir(exist_ok=True)
        (ours.folder / "trials" / "test_p1_write.py").write_text(TRIALS)
        trials = ours.pytest("trials")
        assert trials.code == 0, trials.out
        assert look() == before
        assert ours.seatrial("down").code == 0

        assert look() == before
        assert engine.everything() == everything
        assert theirs("cache", "redis-cli", "get", "whose").strip() == "user's"
    finally:
        ours.seatrial("down")
        engine.compose(ours.folder, "down", "-v", "-t", "1", check=False)
        engine.docker("volume", "rm", "apart-keep", check=False)
        engine.docker("network", "rm", "apart-net", check=False)
