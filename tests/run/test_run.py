"""A run from the command line to the verdict, on a tiny system of real processes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from seatrial.keeper import processes
from seatrial.waiting import eventually

from .conftest import GOOD, Ended, Tiny, seatrial

FAILING = "def test_bad():\n    assert 1 == 2\n"
P2 = {"test_p2_more": "def test_more():\n    pass\n"}


def test_go(tiny: Tiny) -> None:
    ended = tiny.trials(**P2).run()
    assert (ended.code, ended.verdict["verdict"]) == (0, "go")
    assert ended.statuses == {"test_answers": "passed", "test_more": "passed"}
    assert ended.report["environment"]["attached"] is False


def test_a_failed_p1_trial_shuts_the_gate_and_keeps_p2_from_running(tiny: Tiny) -> None:
    ended = tiny.trials(test_p1_bad=FAILING, **P2).run()
    assert (ended.code, ended.verdict["verdict"]) == (1, "no_go")
    assert ended.statuses["test_bad"] == "failed"
    assert "test_more" not in ended.statuses
    assert any("p2" in warning["text"] for warning in ended.report["warnings"])


def test_a_failed_p2_trial_warns(tiny: Tiny) -> None:
    ended = tiny.trials(test_p2_bad=FAILING).run()
    assert (ended.code, ended.verdict["verdict"]) == (0, "go")
    assert ended.statuses["test_bad"] == "failed"
    assert any("test_bad" in warning["text"] for warning in ended.report["warnings"])


def test_an_error_in_a_fixture_is_invalid(tiny: Tiny) -> None:
    text = (
        "import pytest\n@pytest.fixture\ndef broken():\n    1 / 0\ndef test_it(broken):\n    pass\n"
    )
    ended = tiny.trials(test_p1_broken=text).run()
    assert (ended.code, ended.verdict["verdict"]) == (4, "invalid")


def test_a_file_that_cannot_be_collected_is_invalid(tiny: Tiny) -> None:
    ended = tiny.trials(test_p1_broken="import no_such_module\n").run()
    assert (ended.code, ended.verdict["verdict"]) == (4, "invalid")
    assert any("no_such_module" in reason for reason in ended.verdict["reasons"])


def test_a_skipped_p1_trial_is_inconclusive(tiny: Tiny) -> None:
    text = "import pytest\ndef test_it():\n    pytest.skip('not today')\n"
    ended = tiny.trials(test_p1_skip=text).run()
    assert (ended.code, ended.verdict["verdict"]) == (5, "inconclusive")
    assert any("not today" in reason for reason in ended.verdict["reasons"])


def test_a_log_that_json_makes_much_longer_is_cut_and_says_so(tiny: Tiny) -> None:
    script = (
        "import os, runpy, sys\n"
        "os.write(1, (b'\\\\' * 999 + b'\\n') * 2000)\n"
        "runpy.run_path(sys.argv[1])\n"
    )
    declaration = tiny.folder / "seatrial.yaml"
    text = declaration.read_text()
    (tiny.folder / "loud.py").write_text(script)
    declaration.write_text(text.replace("run: [python, ", "run: [python, loud.py, "))
    ended = tiny.run()
    assert (ended.code, ended.verdict["verdict"]) == (0, "go")
    (kept,) = _records(tiny, "log_kept")
    assert kept["truncated"]
    assert kept["bytes"] > 1_000_000


def test_no_trial_at_all_is_inconclusive(tiny: Tiny) -> None:
    (tiny.folder / "trials" / "test_p1_web.py").unlink()
    ended = tiny.run()
    assert (ended.code, ended.verdict["verdict"]) == (5, "inconclusive")


def test_a_component_that_does_not_start_is_no_go_and_named(tiny: Tiny) -> None:
    more = "  bad: {kind: process, run: [python, -c, 'raise SystemExit(9)'], ready: notify}\n"
    ended = tiny.declare(more=more).run()
    assert (ended.code, ended.verdict["verdict"]) == (3, "no_go")
    assert any("bad" in reason and "exit code 9" in reason for reason in ended.verdict["reasons"])


def test_a_start_that_failed_is_diagnosed_before_anything_ends(tiny: Tiny) -> None:
    more = "  bad: {kind: process, run: [python, -c, 'import os; os.environ[\"WANTED\"]']}\n"
    ended = tiny.declare(more=more.replace("]}", "], ready: notify}")).run()
    assert ended.code == 3
    (finding,) = ended.report["findings"]
    assert (finding["id"], finding["cause"]) == ("bad.exited", "exited")
    logs = f"{ended.verdict['run']}/logs/bad.log"
    assert logs in finding["fix"], "no command that needs the deployment, which is gone"
    assert "KeyError: 'WANTED'" in Path(logs).read_text()
    assert any("KeyError: 'WANTED'" in reason for reason in ended.verdict["reasons"])
    statuses = {one["name"]: one["status"] for one in ended.report["components"]}
    assert statuses["bad"] == "unhealthy"


LEAVES = """
import subprocess
def test_it():
    one = subprocess.Popen(["sleep", "600"], start_new_session=True)
    open("left", "w").write(str(one.pid))
"""


def test_a_process_that_a_trial_left_shuts_the_gate_and_is_ended(tiny: Tiny) -> None:
    ended = tiny.trials(test_p2_leaves=LEAVES).run("--", "-W", "ignore")
    assert (ended.code, ended.verdict["verdict"]) == (1, "no_go")
    assert ended.statuses["test_it"] == "passed"
    assert any("still there: sleep" in reason for reason in ended.verdict["reasons"])
    (file,) = tiny.folder.rglob("left")
    left = processes.identify(int(file.read_text()))
    eventually(lambda: left is None or not left.alive, timeout=5)


def test_options_that_pytest_refuses_are_a_usage_error(tiny: Tiny) -> None:
    ended = tiny.run("--", "--no-such-option")
    assert ended.code == 2
    assert "--no-such-option" in ended.err
    assert (len(_records(tiny, "run_started")), _records(tiny, "run_finished")) == (1, [])


def test_a_system_without_trials_is_told_so_before_anything_starts(tiny: Tiny) -> None:
    shutil.rmtree(tiny.folder / "trials")
    ended = tiny.run()
    assert ended.code == 2
    assert "there is no folder" in ended.err
    assert "starting" not in ended.err


def test_a_p2_file_that_cannot_be_collected_warns(tiny: Tiny) -> None:
    ended = tiny.trials(test_p2_broken="import no_such_module\n").run()
    assert (ended.code, ended.verdict["verdict"]) == (0, "go")
    assert any("no_such_module" in warning for warning in ended.verdict["warnings"])


def test_a_trial_that_kills_a_component_fails_and_what_follows_is_blocked(tiny: Tiny) -> None:
    text = """
import pytest
def test_1_kills(component):
    with pytest.raises(Exception):
        component("web").get("/end")
    pytest.fail("it is gone")
def test_2_is_blocked(component):
    assert component("web").get("/").status_code == 200
"""
    (tiny.folder / "trials" / "test_p1_web.py").unlink()
    ended = tiny.trials(test_p1_kill=text).run()
    assert ended.code == 3
    assert ended.statuses == {"test_1_kills": "failed", "test_2_is_blocked": "blocked"}
    blocked = next(t for t in ended.report["trials"] if t["status"] == "blocked")
    assert blocked["finding"] in {finding["id"] for finding in ended.report["findings"]}


def test_an_environment_without_pytest_is_a_usage_error(tiny: Tiny) -> None:
    declaration = tiny.folder / "seatrial.yaml"
    text = declaration.read_text().splitlines()
    text[1] = "python: /usr/bin/false"
    declaration.write_text("\n".join(text) + "\n")
    ended = tiny.run()
    assert ended.code == 2
    assert "/usr/bin/false" in ended.err
    assert ended.report is None


@contextmanager
def _begun(tiny: Tiny) -> Iterator[subprocess.Popen[str]]:
    """A run that is in the middle of an endless trial."""
    text = (
        "import threading\n"
        "def test_endless(component):\n"
        "    open('begun', 'w').close()\n"
        "    threading.Event().wait()\n"
    )
    tiny.trials(test_p1_web=text)
    with subprocess.Popen(
        tiny.command(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=tiny.env,
        start_new_session=True,
    ) as started:
        try:
            begun = tiny.folder / "begun"
            eventually(begun.exists, timeout=60, what="the trial has begun")
            yield started
        finally:
            started.kill()  # nothing happens to one that has ended


def _of_the_run(tiny: Tiny) -> list[int]:
    """Live processes that work in the system's folder: its components, and pytest."""
    found = []
    for number in processes.descendants(1):
        with suppress(OSError):
            if Path(f"/proc/{number}/cwd").resolve() == tiny.folder.resolve():
                found.append(number)
    return found


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_is_invalid_and_leaves_nothing(tiny: Tiny, how: signal.Signals) -> None:
    with _begun(tiny) as started:
        started.send_signal(how)
        out, err = started.communicate(timeout=60)
    ended = tiny.ended(started.returncode, out, err)
    assert (ended.code, ended.verdict["verdict"]) == (130, "invalid")
    assert _of_the_run(tiny) == []
    assert ended.report["verdict"] == "invalid"
    assert any(how.name in reason for reason in ended.verdict["reasons"])


def test_an_interrupt_stays_one_when_logs_cannot_be_kept(tiny: Tiny) -> None:
    interrupts = """
import os, pathlib, signal, time
def test_it():
    (run,) = pathlib.Path(".seatrial", "runs").iterdir()
    (run / "logs").write_text("where a folder should be made")
    os.kill(os.getppid(), signal.SIGINT)
    time.sleep(60)
"""
    ended = tiny.trials(test_p1_web=interrupts).run()
    assert (ended.code, ended.verdict["verdict"]) == (130, "invalid")
    assert any("collecting states and logs" in reason for reason in ended.verdict["reasons"])
    assert _of_the_run(tiny) == []


def _records(tiny: Tiny, of_type: str) -> list[Any]:
    (evidence,) = (tiny.folder / ".seatrial" / "runs").glob("*/evidence/run.jsonl")
    records = map(json.loads, evidence.read_text().splitlines())
    return [record for record in records if record["type"] == of_type]


def test_a_log_is_measured_in_bytes(tiny: Tiny) -> None:
    (tiny.folder / "wide.py").write_text(
        "import runpy, sys\nprint('\u20ac' * 50, flush=True)\nrunpy.run_path(sys.argv[1])\n"
    )
    declaration = tiny.folder / "seatrial.yaml"
    declaration.write_text(declaration.read_text().replace("[python, ", "[python, wide.py, "))
    assert tiny.run().code == 0
    (kept,) = _records(tiny, "log_kept")
    (file,) = (tiny.folder / ".seatrial" / "runs").glob("*/logs/web.log")
    assert kept["bytes"] == file.stat().st_size >= 150


def test_a_killed_run_leaves_no_process(tiny: Tiny) -> None:
    with _begun(tiny) as started:
        assert len(_of_the_run(tiny)) >= 2
        os.kill(started.pid, signal.SIGKILL)
        started.communicate(timeout=10)
        eventually(
            lambda: _of_the_run(tiny), lambda left: left == [], timeout=10, what="nothing is left"
        )


def test_its_verdict_is_recomputed_from_the_evidence_alone(tiny: Tiny) -> None:
    assert tiny.trials(test_p1_bad=FAILING).run().code == 1
    (tiny.folder / "seatrial.yaml").unlink()
    again = subprocess.run(
        [*tiny.command()[:4], "gate", "last", "--system", str(tiny.folder)],
        capture_output=True,
        text=True,
        env=tiny.env,
        check=False,
    )
    assert again.returncode == 1
    assert "test_bad" in again.stdout


def test_a_running_deployment_is_attached_to_and_stays(tiny: Tiny) -> None:
    seatrial = tiny.command()[:4]
    folder = str(tiny.folder)
    up = subprocess.run([*seatrial, "up", folder], env=tiny.env, capture_output=True, check=False)
    assert up.returncode == 0
    try:
        ended: Ended = tiny.run()
        assert ended.code == 0
        assert ended.report["environment"]["attached"] is True
        assert _records(tiny, "state_changed") == []  # what was before is none of this run's
        assert "starting" not in ended.err
        status = subprocess.run(
            [*seatrial, "status", folder], env=tiny.env, capture_output=True, check=False
        )
        assert status.returncode == 0
        tiny.declare(web=", grace: 3")
        refused = tiny.run()
        assert refused.code == 2
        assert "web.grace" in refused.err
    finally:
        subprocess.run([*seatrial, "down", folder], env=tiny.env, capture_output=True, check=True)


def test_pytest_options_go_through(tiny: Tiny) -> None:
    ended = tiny.trials(test_p1_web=GOOD, test_p2_bad=FAILING).run("--", "-k", "answers")
    assert ended.code == 0
    assert ended.statuses == {"test_answers": "passed", "test_bad": "skipped"}


def test_pytest_options_need_no_system_before_them(tiny: Tiny) -> None:
    command = [*tiny.command()[:5], "--json", "--", "-k", "answers"]
    done = subprocess.run(
        command, cwd=tiny.folder, env=tiny.env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["verdict"] == "go"


def test_a_pytest_option_without_the_dashes_before_it_is_refused_kindly(tiny: Tiny) -> None:
    ended = tiny.run("-k", "answers")
    assert ended.code == 2
    assert "No such option" in ended.err
    assert "behind --: -- -k" in ended.err
    assert "No such option" in ended.verdict["error"]  # the command has --json


def test_a_p1_file_that_is_not_collected_keeps_the_gate_shut(tiny: Tiny) -> None:
    ended = tiny.trials(test_p1_bad=FAILING).run("--", "--ignore=trials/test_p1_bad.py")
    assert (ended.code, ended.verdict["verdict"]) == (5, "inconclusive")
    assert ended.statuses == {"test_answers": "passed", "test_p1_bad.py": "skipped"}


@pytest.mark.parametrize("options", [("-k", "answers"), ("--deselect", "test_p1_web.py::test_bad")])
def test_what_is_deselected_at_p1_keeps_the_gate_shut(tiny: Tiny, options: tuple[str, ...]) -> None:
    ended = tiny.trials(test_p1_web=GOOD + FAILING).run("--", *options)
    assert (ended.code, ended.verdict["verdict"]) == (5, "inconclusive")
    assert ended.statuses == {"test_answers": "passed", "test_bad": "skipped"}
    assert any("deselected" in reason for reason in ended.verdict["reasons"])


def test_a_start_that_nobody_foresaw_is_told_and_the_keepers_log_is_kept(tiny: Tiny) -> None:
    name = "a" * 63  # so that its notification socket has too long a path
    more = f"  {name}: {{kind: process, ready: notify, run: [sleep, '600']}}\n"
    ended = tiny.declare(more=more).run()
    assert (ended.code, ended.verdict["verdict"]) == (3, "no_go")
    kept = f"{ended.verdict['run']}/keeper.log"
    assert any("path too long" in one and kept in one for one in ended.verdict["reasons"])
    assert "Traceback" in Path(kept).read_text()
    assert "Traceback" not in ended.err


FILLS = """
import pathlib
def test_it():
    reports = pathlib.Path("reports")
    reports.rmdir()
    reports.touch()
"""


def test_reports_that_cannot_be_written_at_the_end_do_not_take_the_verdict_along(
    tiny: Tiny,
) -> None:
    ended = tiny.trials(test_p1_fills=FILLS).run()
    assert (ended.code, ended.verdict["verdict"]) == (4, "go")
    assert "reports cannot be written" in ended.verdict["error"]
    assert ended.verdict["exit_code"] == 4
    (tiny.folder / "reports").unlink()
    words = [one for one in tiny.command() if one != "--json"][4:]
    told = seatrial(tiny, *words)
    assert told.returncode == 4
    assert "GO (exit 0)" in told.stdout
    assert "reports cannot be written" in told.stderr
