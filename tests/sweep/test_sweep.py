"""After a crash at any moment `seatrial sweep` leaves nothing; it touches nothing that lives."""

from __future__ import annotations

import fcntl
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from seatrial.keeper import processes
from seatrial.waiting import eventually

from .conftest import Wreck

FEW, MANY = 3, 25
LONGEST = 6.0  # s after the start: before anything, while it comes up, in the trial


def moments(count: int) -> list[float]:
    return sorted(m / 1000 for m in random.Random(5).sample(range(int(LONGEST * 1000)), count))


def killed_at(wreck: Wreck, moment: float) -> bool:
    """Everything of Seatrial is killed in the middle of a run; whether a component was left."""
    run = wreck.begin("run")
    time.sleep(moment)  # the moment is what is being tried
    wreck.crash()
    run.wait(timeout=10)
    left = bool(wreck.processes())
    wreck.sweep("--yes")
    eventually(lambda: wreck.processes() == {}, timeout=30, what="what was just born has ended")
    wreck.sweep("--yes")
    wreck.nothing_is_left()
    assert wreck.sweep() == []
    return left


def test_nothing_is_left_after_a_crash_at_some_moments(wreck: Wreck) -> None:
    for moment in moments(FEW):
        killed_at(wreck, moment)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_nothing_is_left_after_a_crash_at_any_moment(wreck: Wreck) -> None:
    assert sum(killed_at(wreck, moment) for moment in moments(MANY)) >= MANY // 4


def in_the_trial(wreck: Wreck) -> list[int]:
    """The pytest processes of a run, once its trial is under way."""
    found = [pid.number for pid, line in wreck.processes().items() if "-m pytest" in line]
    return found if "request_made" in _evidence(wreck) else []


def _evidence(wreck: Wreck) -> str:
    files = wreck.folder.glob(".seatrial/runs/*/evidence/*.jsonl")
    return "".join(file.read_text() for file in files)


def test_what_is_left_is_shown_first_and_removed_with_yes(wreck: Wreck) -> None:
    run = wreck.begin("run")
    eventually(lambda: in_the_trial(wreck), timeout=60, what="the trial has begun")
    wreck.crash()
    run.wait(timeout=10)
    before = set(wreck.processes())
    assert before, "the web program is left, and nobody to end it"
    assert wreck.ports(), "it listens"
    shown = wreck.sweep()
    (deployment,) = [one for one in shown if one["sort"] == "deployment"]
    assert "1 processes" in deployment["what"]
    assert [one["removed"] for one in shown] == [False] * len(shown)
    assert set(wreck.processes()) == before
    assert wreck.sweep("--yes", "--older-than", "1h") == []
    assert set(wreck.processes()) == before
    assert all(one["removed"] for one in wreck.sweep("--yes"))
    wreck.nothing_is_left()


def test_processes_without_a_folder_are_found_by_their_owner(wreck: Wreck) -> None:
    run = wreck.begin("run")
    eventually(lambda: in_the_trial(wreck), timeout=60, what="the trial has begun")
    wreck.crash()
    run.wait(timeout=10)
    (left,) = wreck.processes()
    for file in (wreck.home / "d").iterdir():
        file.rename(wreck.home / "cache" / f"moved-{file.name}")
    mine = [one for one in wreck.sweep() if f"process {left.number} " in one["what"]]
    assert [one["sort"] for one in mine] == ["process"]
    wreck.sweep("--yes")
    assert wreck.processes() == {}


def test_what_lives_is_left_alone(wreck: Wreck) -> None:
    assert wreck.seatrial("up").returncode == 0
    run = wreck.begin("run")
    try:
        eventually(lambda: in_the_trial(wreck), timeout=60, what="the trial has begun")
        before = set(wreck.processes())
        assert wreck.sweep("--yes") == []
        assert set(wreck.processes()) == before
    finally:
        run.kill()
        run.wait(timeout=10)
        wreck.seatrial("down")
    eventually(lambda: wreck.processes() == {}, timeout=20, what="the session has ended")


STUBBORN = """
import signal, time
def test_slow(component):
    component("web").get("/")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    time.sleep(600)
"""


def test_a_session_that_does_not_end_with_its_run_is_ended(wreck: Wreck) -> None:
    """It would hold its deployment for ever."""
    wreck.trials(STUBBORN)
    run = wreck.begin("run")
    ready = "SigIgn"
    (session,) = eventually(lambda: in_the_trial(wreck), timeout=60, what="the trial has begun")
    status = Path(f"/proc/{session}/status")

    def ignores() -> bool:
        (line,) = (one for one in status.read_text().splitlines() if one.startswith(ready))
        return bool(int(line.split()[1], 16) & 1 << signal.SIGINT - 1)

    eventually(ignores, timeout=30, what="it ignores SIGINT")
    os.kill(run.pid, signal.SIGKILL)
    run.wait(timeout=10)
    (shown,) = wreck.sweep("--yes")
    assert (shown["sort"], shown["removed"]) == ("process", True)
    assert str(run.pid) in shown["why"]
    eventually(lambda: wreck.processes() == {}, timeout=10, what="its deployment has ended too")
    wreck.sweep("--yes")
    wreck.nothing_is_left()


@pytest.mark.parametrize("base", ["this", "another"])
def test_orphans_of_another_base_folder_are_somebody_elses(wreck: Wreck, base: str) -> None:
    home = wreck.home if base == "this" else wreck.home / "another"
    with orphan(wreck, home) as pid:
        found = [f"process {pid.number} " in one["what"] for one in wreck.sweep()]
        assert found == ([True] if base == "this" else [])


#: What stands before a program that is to be in a container, as far as its numbers go.
CONTAINED = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child")


def test_processes_of_a_container_are_somebody_elses(wreck: Wreck) -> None:
    """They call each other by other numbers, so that an owner of theirs that lives looks dead."""
    tried = subprocess.run([*CONTAINED, "true"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"no numbers of processes of one's own here: {tried.stderr.strip()}")
    with orphan(wreck, wreck.home, *CONTAINED) as pid:
        assert wreck.sweep("--yes") == []
        assert pid.alive


@contextmanager
def orphan(wreck: Wreck, home: Path, *before: str) -> Iterator[processes.Pid]:
    """A process that should have ended with one that is gone, of this base folder; what stands
    `before` it is not marked."""
    mark = f"{processes.Pid(os.getpid(), 1)}@{home.resolve()}"
    argv = [*before, "env", f"{processes.OWNER}={mark}", "sleep", "600"]
    with subprocess.Popen(argv, cwd=wreck.folder) as started:
        try:
            yield eventually(
                lambda: [pid for pid, its in processes.bearing(processes.OWNER) if its == mark],
                timeout=10,
            )[0]
        finally:
            started.kill()


def test_a_later_process_with_the_same_number_is_not_hit(wreck: Wreck) -> None:
    child = os.fork()
    if child == 0:
        signal.pause()
        os._exit(0)
    try:
        known = processes.identify(child)
        assert known is not None
        processes.kill(processes.Pid(child, known.started - 1))
        assert known.alive
        processes.kill(known)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL
    finally:
        if known is not None and known.alive:
            os.kill(child, signal.SIGKILL)


def test_a_protected_environment_is_only_looked_at(wreck: Wreck) -> None:
    wreck.declare("environments:\n  local: {provider: local, protected: true}\n")
    left = wreck.home / "d" / "p0123456789ab"
    left.mkdir(parents=True)
    assert [one["sort"] for one in wreck.sweep()] == ["deployment"]
    refused = wreck.seatrial("sweep", "--yes")
    assert refused.returncode == 2
    assert "protected" in refused.stderr
    assert left.exists()


def test_logs_that_a_failed_start_left_to_be_read_stay_for_a_week(wreck: Wreck) -> None:
    (wreck.folder / "seatrial.yaml").write_text(
        "system: wreck\ncomponents:\n"
        "  one: {kind: process, run: [sh, -c, 'echo last words; exit 3'], ready: notify}\n"
    )
    assert wreck.seatrial("up").returncode == 3
    assert wreck.sweep("--yes") == []
    assert wreck.seatrial("logs", "one").stdout == "last words\n"
    (left,) = [path for path in (wreck.home / "d").iterdir() if path.is_dir()]
    os.utime(left, (time.time() - 8 * 86_400,) * 2)
    (swept,) = wreck.sweep("--yes")
    assert swept["removed"], swept
    wreck.nothing_is_left()


def test_locks_of_deployments_that_are_gone_do_not_gather(wreck: Wreck) -> None:
    folder = wreck.home / "d"
    folder.mkdir(parents=True, exist_ok=True)
    held, free = folder / "0123456789ab.lock", folder / "0123456789ac.lock"
    free.touch()
    with held.open("w") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        assert [one["what"] for one in wreck.sweep("--yes")] == [str(free)]
    assert list(folder.iterdir()) == [held]


def test_the_cache_keeps_what_is_being_made(wreck: Wreck) -> None:
    cache = wreck.home / "cache"
    for name in (f"scratch-{os.getpid()}-aa", "scratch-99999999-aa", "postgres-x.tmp-0a", "kept"):
        (cache / name).mkdir(parents=True)
    old = time.time() - 3600
    (cache / "postgres-y.tmp-0b").mkdir()
    os.utime(cache / "postgres-y.tmp-0b", (old, old))
    removed = {Path(one["what"]).name for one in wreck.sweep("--yes")}
    assert removed == {"scratch-99999999-aa", "postgres-y.tmp-0b"}
    assert len(list(cache.iterdir())) == 3
