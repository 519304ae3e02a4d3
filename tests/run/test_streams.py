"""Output that nobody takes, signals at odd times, a terminal that goes away."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress

import pytest

from seatrial.waiting import eventually

from .conftest import Tiny, seatrial

SCHEMA = [sys.executable, "-P", "-m", "seatrial", "schema"]


def _redirected(how: str, tiny: Tiny) -> subprocess.CompletedProcess[str]:
    command = ["sh", "-c", f'exec "$@" {how}', "sh", *SCHEMA]
    return subprocess.run(
        command, env=tiny.env, capture_output=True, text=True, timeout=60, check=False
    )


def test_output_that_cannot_be_written_is_no_fault_of_seatrial(tiny: Tiny) -> None:
    full = _redirected(">/dev/full", tiny)
    assert full.returncode == 2
    assert full.stderr.startswith("seatrial: standard output cannot be written: No space left")
    assert "to do: " in full.stderr


@pytest.mark.parametrize("how", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_swallows_what_is_printed(tiny: Tiny, how: str) -> None:
    closed = _redirected(how, tiny)
    assert (closed.returncode, closed.stderr) == (0, "")
    assert bool(closed.stdout) is (how == "2>&-")


def _full() -> int:
    return os.open("/dev/full", os.O_WRONLY)


def _unread() -> int:
    reader, writer = os.pipe()
    os.close(reader)
    return writer


@pytest.mark.parametrize("opened", [_full, _unread])
def test_progress_that_nobody_takes_costs_no_verdict(tiny: Tiny, opened: Callable[[], int]) -> None:
    nobody = opened()
    try:
        done = subprocess.run(
            tiny.command(),
            env=tiny.env,
            stdout=subprocess.PIPE,
            stderr=nobody,
            text=True,
            timeout=120,
            check=False,
        )
    finally:
        os.close(nobody)
    ended = tiny.ended(done.returncode, done.stdout, "")
    assert (ended.code, ended.verdict["verdict"]) == (0, "go")
    assert (tiny.folder / "reports" / "report.html").exists()


@pytest.mark.parametrize(
    ("trial", "code"), [("def test_fine(component): pass", 0), ("def test_bad(): assert False", 1)]
)
def test_who_reads_no_more_does_not_change_the_verdict(tiny: Tiny, trial: str, code: int) -> None:
    nobody = _unread()
    try:
        command = tiny.trials(test_p1_web=trial).command()
        done = subprocess.run(command, env=tiny.env, stdout=nobody, timeout=120, check=False)
    finally:
        os.close(nobody)
    assert done.returncode == code


def test_what_runs_is_looked_at_with_standard_output_closed(tiny: Tiny) -> None:
    assert seatrial(tiny, "up", str(tiny.folder)).returncode == 0
    try:
        command = ["sh", "-c", 'exec "$@" >&-', "sh", *SCHEMA[:4], "check", str(tiny.folder)]
        looked = subprocess.run(command, env=tiny.env, capture_output=True, text=True, check=False)
        assert (looked.returncode, looked.stderr) == (0, "")
    finally:
        seatrial(tiny, "down", str(tiny.folder))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_is_interrupted_before_it_has_begun_says_so(
    tiny: Tiny, how: signal.Signals
) -> None:
    slow = tiny.folder / "slow"
    slow.write_text(f"#!/bin/sh\ntouch {tiny.folder}/begun\nexec sleep 60\n")
    slow.chmod(0o755)
    declaration = tiny.folder / "seatrial.yaml"
    declaration.write_text(
        declaration.read_text().replace(f"python: {sys.executable}", "python: ./slow")
    )
    with subprocess.Popen(tiny.command(), env=tiny.env, stderr=subprocess.PIPE, text=True) as run:
        try:
            eventually((tiny.folder / "begun").exists, timeout=60)
            run.send_signal(how)
            _, err = run.communicate(timeout=30)
        finally:
            run.kill()
    assert (run.returncode, err.strip()) == (130, f"seatrial: interrupted by {how.name}")
    assert not (tiny.folder / ".seatrial").exists()


ENDLESS = """
import threading
def test_endless(component):
    open("begun", "w").close()
    threading.Event().wait()
"""


def test_a_run_whose_terminal_goes_away_still_has_a_verdict(tiny: Tiny) -> None:
    tiny.trials(test_p1_web=ENDLESS)
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(sys.executable, tiny.command(), dict(tiny.env))  # noqa: S606
    os.set_blocking(terminal, False)

    def begun() -> bool:
        with suppress(BlockingIOError):
            os.read(terminal, 65_536)
        return (tiny.folder / "begun").exists()

    try:
        eventually(begun, timeout=60)
        os.close(terminal)
        _, status = eventually(
            lambda: os.waitpid(pid, os.WNOHANG), lambda found: found[0] == pid, timeout=60
        )
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise
    assert os.waitstatus_to_exitcode(status) == 130
    report = json.loads((tiny.folder / "reports" / "report.json").read_text())
    assert report["verdict"] == "invalid"
    assert any("SIGHUP" in reason["text"] for reason in report["reasons"])


TAKEN = """
import subprocess, sys
def test_1_takes_it_down(deployment):
    down = [sys.executable, "-P", "-m", "seatrial", "down", "."]
    subprocess.run(down, check=True, capture_output=True, timeout=60)
def test_2_has_nothing_left(component):
    component("web")
"""


def test_a_run_whose_deployment_is_taken_down_says_by_what(tiny: Tiny) -> None:
    tiny.trials(test_p1_web=TAKEN)
    assert seatrial(tiny, "up", str(tiny.folder)).returncode == 0
    try:
        ended = tiny.run()
    finally:
        seatrial(tiny, "down", str(tiny.folder))
    assert (ended.code, ended.verdict["verdict"]) == (130, "invalid")
    first, *others = ended.verdict["reasons"]
    assert "interrupted (the deployment was taken down by `seatrial down`)" in first
    assert not any("crashed" in reason or "interrupted" in reason for reason in others)
    assert "KeeperError: the keeper ended" not in ended.err
    assert ended.statuses["test_2_has_nothing_left"] == "errored"
