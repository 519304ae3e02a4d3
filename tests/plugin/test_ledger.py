"""What trials create is removed: at their end, at the session's, and after a crash."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from seatrial.environment.deployment import Deployment, start
from seatrial.keeper.protocol import Action
from seatrial.waiting import eventually

from .conftest import ALONE, STORE, TINY, Yard

pytest_plugins = ("pytester",)

CONFTEST = """
    import psycopg, pytest

    @pytest.fixture(scope="session")
    def sql(deployment):
        url = deployment.targets()["store"].endpoint().url
        with psycopg.connect(url, autocommit=True) as link:
            yield link

    @pytest.fixture
    def make(sql, ledger):
        def make(times=1):
            key = ledger.key("thing")
            for _ in range(times):
                sql.execute("INSERT INTO things VALUES (%s)", [key])
            ledger.created(key)
            return key
        return make
"""


@pytest.fixture
def store(yard: Yard) -> Yard:
    yard.declare(TINY + STORE)
    yard.pytester.makeconftest(CONFTEST)
    return yard


@pytest.fixture
def up(store: Yard) -> Iterator[Deployment]:
    with start(store.system) as deployment:
        deployment.wait_until_ready()
        yield deployment
        deployment.down()


def things(up: Deployment) -> list[str]:
    with psycopg.connect(up.targets()["store"].endpoint().url) as link:
        return [key for (key,) in link.execute("SELECT key FROM things ORDER BY key")]


def ledgers(home: Path) -> list[Path]:
    return list(home.glob("ledgers/*/*.jsonl"))


def test_everything_is_removed(store: Yard, up: Deployment, home: Path) -> None:
    store.trials(
        "test_p1_make.py",
        """
        import pytest

        def count(sql): return sql.execute("SELECT count(*) FROM things").fetchone()[0]

        def test_makes(make, sql):
            key = make(3)
            assert key.startswith("seatrial-") and "-thing-" in key
            assert key != make()
            assert count(sql) == 4

        def test_is_clean_when_the_next_begins(sql):
            assert count(sql) == 0

        @pytest.fixture(scope="module")
        def shared(sql, ledger):
            key = ledger.key("shared")
            sql.execute("INSERT INTO things VALUES (%s)", [key])
            return key

        def test_makes_for_the_module(shared, sql):
            assert count(sql) == 1

        def test_finds_what_the_module_has(shared, sql):
            assert count(sql) == 1

        def test_fails_half_way(make):
            make()
            assert False

        def test_is_refused(ledger):
            ledger.refused(ledger.key("thing"))

        def test_retains(ledger):
            ledger.retained("the audit log is append-only", 2)
        """,
    )
    told = store.run()
    assert things(up) == []
    outcomes = told.outcomes
    assert outcomes.pop("test_fails_half_way") == "failed"
    assert set(outcomes.values()) == {"passed"}
    (closed,) = told.all("ledger_closed")
    assert (closed["created"], closed["removed"], closed["left"]) == (4, 4, 0)
    assert (closed["retained"], closed["error"]) == (2, "")
    assert ledgers(home) == []
    assert told.trial("test_makes")["needs"] == ["schema", "store", "web", "worker"]


def test_the_key_is_on_disk_before_the_trial_has_it(
    store: Yard, up: Deployment, home: Path
) -> None:
    store.trials(
        "test_p1_disk.py",
        """
        import os, pathlib

        def test_on_disk(ledger, monkeypatch):
            synced = {}  # inode -> size when it was last synced
            fsync = os.fsync

            def watched(file):
                fsync(file)
                found = os.fstat(file)
                synced[found.st_ino] = found.st_size

            monkeypatch.setattr(os, "fsync", watched)
            key = ledger.key()
            (file,) = pathlib.Path(os.environ["SEATRIAL_HOME"]).glob("ledgers/*/*.jsonl")
            assert key in file.read_text()
            assert synced[file.stat().st_ino] == file.stat().st_size
            assert file.parent.stat().st_ino in synced
        """,
    )
    assert store.run().outcomes == {"test_on_disk": "passed"}


def test_what_comes_back_is_removed_again(store: Yard, up: Deployment) -> None:
    """Work in flight puts a row back after the trial has ended."""
    store.trials(
        "test_p1_late.py",
        """
        def test_makes(make, request):
            request.config.key = make()

        def test_late(sql, request):
            assert sql.execute("SELECT count(*) FROM things").fetchone()[0] == 0
            sql.execute("INSERT INTO things VALUES (%s)", [request.config.key])
        """,
    )
    told = store.run()
    assert told.exit == pytest.ExitCode.OK
    assert things(up) == []
    assert told.all("ledger_closed")[0]["left"] == 0


def test_what_is_left_fails_the_session(store: Yard, up: Deployment, home: Path) -> None:
    up.down()
    statement = '"DELETE FROM things WHERE key = ANY(%(keys)s)"'
    store.declare(TINY + STORE.replace(statement, '"SELECT count(*) FROM things"'))
    store.trials("test_p1_left.py", "def test_makes(make): make(2)")
    told = store.run()
    assert told.outcomes == {"test_makes": "passed"}
    assert "ERROR: 2 things that trials created are still there" in told.text
    assert told.exit == pytest.ExitCode.TESTS_FAILED
    (closed,) = told.all("ledger_closed")
    assert closed["left"] == 2
    assert closed["error"]
    assert len(ledgers(home)) == 1, "the next session must know of it"


@pytest.mark.usefixtures("installed_plugins")
def test_xdist_workers_each_have_theirs(store: Yard, up: Deployment, home: Path) -> None:
    store.trials(
        "test_p1_many.py",
        """
        import pytest

        @pytest.mark.parametrize("number", range(6))
        def test_makes(make, number): make()
        """,
    )
    told = store.run("-n2")
    assert told.exit == pytest.ExitCode.OK
    assert sum(closed["created"] for closed in told.all("ledger_closed")) == 6
    assert things(up) == []
    assert ledgers(home) == []


def kill_in_the_middle(yard: Yard) -> None:
    """A session that creates something and is then killed."""
    made = yard.folder / "made"
    file = yard.trials(
        "test_p1_crash.py",
        """
        import pathlib, time

        def test_makes(make, sql, ledger):
            make()
            pathlib.Path("made").touch()
            time.sleep(60)
        """,
    )
    command = [sys.executable, "-m", "pytest", *ALONE, "trials"]
    with subprocess.Popen(command, cwd=yard.folder, stdout=subprocess.DEVNULL) as run:
        eventually(made.exists, timeout=60, what="the trial has created something")
        run.kill()
        assert run.wait(10) == -signal.SIGKILL
    file.unlink()
    made.unlink()


def test_the_next_session_cleans_up_after_a_crash(store: Yard, up: Deployment, home: Path) -> None:
    kill_in_the_middle(store)
    assert len(things(up)) == 1
    store.trials(
        "test_p1_next.py",
        """
        def test_next(sql):
            assert sql.execute("SELECT count(*) FROM things").fetchone()[0] == 0
        """,
    )
    told = store.run()
    assert told.outcomes == {"test_next": "passed"}
    assert "removed what 1 keys of a session that was killed" in told.text
    assert things(up) == []
    assert ledgers(home) == []


def test_a_session_that_still_runs_keeps_its_things(store: Yard, up: Deployment) -> None:
    made = store.folder / "made"
    file = store.trials(
        "test_p1_long.py",
        """
        import pathlib, time

        def test_makes(make):
            make()
            pathlib.Path("made").touch()
            while not pathlib.Path("enough").exists():
                time.sleep(0.01)
        """,
    )
    command = [sys.executable, "-m", "pytest", *ALONE, "trials"]
    with subprocess.Popen(command, cwd=store.folder, stdout=subprocess.DEVNULL) as run:
        eventually(made.exists, timeout=60, what="the trial has created something")
        file.unlink()
        store.trials("test_p1_other.py", "def test_other(): pass")
        try:
            assert store.run().outcomes == {"test_other": "passed"}
            assert len(things(up)) == 1
        finally:
            (store.folder / "enough").touch()
        assert run.wait(30) == 0
    assert things(up) == []


def test_data_that_went_with_its_deployment_is_forgotten(store: Yard, home: Path) -> None:
    kill_in_the_middle(store)  # in a private instance, which dies with it
    assert len(ledgers(home)) == 1
    store.trials("test_p1_next.py", "def test_next(): pass")
    told = store.run()
    assert told.exit == pytest.ExitCode.OK
    assert "killed" not in told.text
    assert ledgers(home) == []


def test_data_of_an_earlier_up_is_forgotten(store: Yard, up: Deployment, home: Path) -> None:
    kill_in_the_middle(store)
    up.down()
    with start(store.system) as again:
        again.wait_until_ready()
        assert again.id == up.id
        store.trials("test_p1_next.py", "def test_next(): pass")
        told = store.run()
        again.down()
    assert told.outcomes == {"test_next": "passed"}
    assert "killed" not in told.text
    assert ledgers(home) == []


WITH_LEDGER = """
    import pathlib, pytest

    @pytest.fixture
    def trace(): pathlib.Path("trace").touch()

    @pytest.mark.needs("web")
    def test_that_writes(trace, ledger): pass

    @pytest.mark.needs("web")
    def test_that_reads(): pass
"""


def test_skipped_where_nothing_can_be_removed(store: Yard) -> None:
    store.declare(TINY)
    store.trials("test_p1_write.py", WITH_LEDGER)
    told = store.run()
    assert told.outcomes == {"test_that_writes": "skipped", "test_that_reads": "passed"}
    assert told.trial("test_that_writes")["reason"] == (
        "needs the capability clean_up: seatrial.yaml declares no clean_up"
    )
    assert not (store.folder / "trace").exists()


REMOTE = """
environments:
  local: {{provider: local}}
  blind: {{provider: remote, endpoints: {{web: "{web}"}}}}
  strict: {{provider: remote, endpoints: {{web: "{web}", store: "{store}"}}}}
"""


def test_skipped_where_the_database_is_out_of_reach(store: Yard, up: Deployment) -> None:
    targets = up.targets()
    web, sql = targets["web"].endpoint().url, targets["store"].endpoint()
    with psycopg.connect(sql.url) as link:
        link.execute("REVOKE ALL ON things FROM tester")
        link.execute("ALTER TABLE things RENAME TO others")
    text = (TINY + STORE + REMOTE).replace("{web}", web).replace("{store}", sql.url)
    store.declare(text)
    store.trials("test_p1_write.py", WITH_LEDGER)

    told = store.run("--seatrial-env", "blind")
    assert told.outcomes == {"test_that_writes": "skipped", "test_that_reads": "passed"}
    assert "store has no endpoint" in told.trial("test_that_writes")["reason"]

    told = store.run("--seatrial-env", "strict")
    assert told.outcomes == {"test_that_writes": "skipped", "test_that_reads": "passed"}
    assert "clean_up does not work" in told.trial("test_that_writes")["reason"]
    assert sql.password not in told.text
    assert not (store.folder / "trace").exists()


def test_blocked_where_the_database_is_down(store: Yard, up: Deployment) -> None:
    store.trials("test_p1_write.py", WITH_LEDGER)
    up.act(Action.STOP, "store")
    told = store.run()
    assert told.outcomes == {"test_that_writes": "blocked", "test_that_reads": "passed"}
    assert told.trial("test_that_writes")["finding"] == "store.stopped"
