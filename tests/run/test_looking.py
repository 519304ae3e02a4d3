"""`up`, `status` and `logs` of what runs otherwise than it is declared, or does not run at all."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from seatrial.keeper.places import Place
from seatrial.keeper.state import is_running
from seatrial.waiting import eventually

from .conftest import Tiny, seatrial

_TALKS = (
    "  talker: {kind: process, ready: started, env: {THE_PASSWORD: %s}, "
    'run: [sh, -c, "echo its password is $THE_PASSWORD; exec sleep 600"]}\n'
)


@pytest.fixture
def edited(tiny: Tiny) -> Iterator[Tiny]:
    """It runs, and its declaration was edited: a secret, and a component that is no more."""
    tiny.declare(more=_TALKS % "hunter22-old")
    up = seatrial(tiny, "up", str(tiny.folder))
    assert up.returncode == 0, up.stderr
    tiny.declare(web=", grace: 3")
    yield tiny
    seatrial(tiny, "down", str(tiny.folder))


def test_status_shows_what_runs_and_that_the_declaration_has_changed(edited: Tiny) -> None:
    status = seatrial(edited, "status", str(edited.folder), "--json")
    document = json.loads(status.stdout)
    assert status.returncode == 0
    assert set(document["components"]) == {"web", "talker"}
    assert "+web.grace: 3.0" in document["declaration_changed"]
    assert "The declaration has changed" in status.stderr
    assert "hunter22" not in status.stdout + status.stderr


def test_status_of_what_runs_as_declared_tells_of_no_change(edited: Tiny) -> None:
    edited.declare(more=_TALKS % "hunter22-old")
    status = seatrial(edited, "status", str(edited.folder), "--json")
    assert "declaration_changed" not in json.loads(status.stdout)
    assert "changed" not in status.stderr


def test_logs_are_of_what_runs_with_its_own_secrets_masked(edited: Tiny) -> None:
    where = ("--system", str(edited.folder))
    logs = seatrial(edited, "logs", "talker", *where)
    assert logs.returncode == 0, logs.stderr
    assert "its password is" in logs.stdout
    assert "hunter22" not in logs.stdout
    assert "The declaration has changed" in logs.stderr
    unknown = seatrial(edited, "logs", "talk", *where)
    assert unknown.returncode == 2
    assert "talker" in unknown.stderr


def _remote(tiny: Tiny, url: str) -> None:
    far = f"{{provider: remote, endpoints: {{web: '{url}'}}}}"
    more = f"environments:\n  local: {{provider: local}}\n  far: {far}\n"
    tiny.declare(more=more)


def _watched(folder: Path, monkeypatch: pytest.MonkeyPatch, tiny: Tiny) -> bool:
    monkeypatch.setenv("SEATRIAL_HOME", tiny.env["SEATRIAL_HOME"])
    return is_running(Place.of(folder, "far"))


def test_a_remote_that_is_not_up_is_not_watched_on(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = (str(tiny.folder), "--env", "far")
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # and does not listen yet
        _remote(tiny, f"http://127.0.0.1:{held.getsockname()[1]}")
        down = seatrial(tiny, "up", *far)
        assert down.returncode == 3
        assert "unreachable" in down.stdout
        assert f"seatrial check {tiny.folder} --env far" in down.stdout
        assert not _watched(tiny.folder, monkeypatch, tiny)


def test_a_remote_that_is_up_is_watched_until_down(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert seatrial(tiny, "up", str(tiny.folder)).returncode == 0
    try:
        status = seatrial(tiny, "status", str(tiny.folder), "--json")
        url = json.loads(status.stdout)["components"]["web"]["endpoints"]["http"]
        _remote(tiny, url)
        far = (str(tiny.folder), "--env", "far")
        up = seatrial(tiny, "up", *far)
        assert up.returncode == 0, up.stderr
        assert _watched(tiny.folder, monkeypatch, tiny)
        assert seatrial(tiny, "down", *far).returncode == 0
        assert not _watched(tiny.folder, monkeypatch, tiny)
    finally:
        down = seatrial(tiny, "down", str(tiny.folder))
    assert down.returncode == 0, down.stderr


def _broken(tiny: Tiny) -> None:
    (tiny.folder / "seatrial.yaml").write_text("system: [\n")


def _removed(tiny: Tiny) -> None:
    (tiny.folder / "seatrial.yaml").unlink()


def _unset(tiny: Tiny) -> None:
    tiny.declare(web=', needs: ["${NOT_SET_ANYWHERE}"]')


def _elsewhere_by_now(tiny: Tiny) -> None:
    far = "{provider: remote, endpoints: {web: 'http://127.0.0.1:1'}}"
    tiny.declare(more=f"environments:\n  far: {far}\n")


@pytest.mark.parametrize("becomes", [_broken, _removed, _unset, _elsewhere_by_now])
def test_what_runs_is_shown_and_ended_whatever_became_of_its_declaration(
    tiny: Tiny, becomes: Callable[[Tiny], None]
) -> None:
    tiny.declare(more=_TALKS % "hunter22-old")
    folder = str(tiny.folder)
    assert seatrial(tiny, "up", folder).returncode == 0
    try:
        becomes(tiny)
        status = seatrial(tiny, "status", folder, "--usage", "--json")
        assert status.returncode == 0, status.stderr
        document = json.loads(status.stdout)
        assert (document["environment"], set(document["components"])) == (
            "local",
            {"web", "talker"},
        )
        assert "What runs in local can no longer be declared:" in status.stderr
        logs = seatrial(tiny, "logs", "talker", "--system", folder)
        assert (logs.returncode, logs.stdout) == (0, "its password is ***\n")
        assert seatrial(tiny, "logs", "talk", "--system", folder).returncode == 2
    finally:
        down = seatrial(tiny, "down", folder, "--json")
    assert json.loads(down.stdout) == {"system": "tiny", "environment": "local", "ended": True}
    assert seatrial(tiny, "down", folder).returncode == (0 if becomes is _elsewhere_by_now else 2)


def test_of_several_that_run_one_must_be_named_and_of_others_nothing_is_told(tiny: Tiny) -> None:
    tiny.declare(more="environments:\n  one: {provider: local}\n  two: {provider: local}\n")
    folder = str(tiny.folder)
    assert seatrial(tiny, "up", folder, "--env", "two").returncode == 0
    try:
        assert json.loads(seatrial(tiny, "status", folder, "--json").stdout)["environment"] == "two"
        assert seatrial(tiny, "status", folder, "--name", "other").returncode == 2
        assert seatrial(tiny, "up", folder, "--env", "one").returncode == 0
        for command in ("status", "down"):
            asked = seatrial(tiny, command, folder)
            assert asked.returncode == 2
            assert "several environments run: one, two\n  to do: say which: --env" in asked.stderr
        assert seatrial(tiny, "down", folder, "--env", "one").returncode == 0
        assert seatrial(tiny, "status", folder).returncode == 0
    finally:
        for environment in ("one", "two"):
            seatrial(tiny, "down", folder, "--env", environment)
    assert seatrial(tiny, "status", folder).returncode == 2, "none is the default one"


def test_what_is_to_be_done_after_a_start_that_failed_can_be_done(tiny: Tiny) -> None:
    sleeps = "run: [sleep, '600'], start_timeout: 0.5"
    declaration = tiny.folder / "seatrial.yaml"
    text = declaration.read_text()
    declaration.write_text(re.sub(r"run: \[[^]]*\]", sleeps, text))
    up = seatrial(tiny, "up", str(tiny.folder))
    assert up.returncode == 3
    todos = [line.partition("to do: ")[2].strip() for line in up.stderr.splitlines()]
    assert [one for one in todos if one] == [f"correct web, then seatrial up {tiny.folder}"]
    check = seatrial(tiny, "check", str(tiny.folder))
    assert f"to do: seatrial up {tiny.folder}\n" in check.stderr


def test_nobody_is_told_to_restart_what_runs_elsewhere(tiny: Tiny) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        there = f"127.0.0.1:{held.getsockname()[1]}"
        urls = f"db: 'postgresql://me@{there}/x', mq: 'amqp://{there}', kv: 'redis://{there}'"
        (tiny.folder / "seatrial.yaml").write_text(
            "system: s\n"
            "components: {db: {kind: postgres}, mq: {kind: rabbitmq}, kv: {kind: redis}}\n"
            f"environments: {{far: {{provider: remote, endpoints: {{{urls}}}}}}}\n"
        )
        check = seatrial(tiny, "check", str(tiny.folder), "--json")
    fixes = [finding["fix"] for finding in json.loads(check.stdout)["findings"]]
    assert len(fixes) == 3
    assert not any(f"seatrial {word}" in fix for fix in fixes for word in ("restart", "logs"))
    assert all("where it runs" in fix and "endpoint of" in fix for fix in fixes)


def test_why_it_did_not_come_up_is_told_once_with_its_last_words(tiny: Tiny) -> None:
    dies = "  dies: {kind: process, run: [sh, -c, 'echo its last words; exit 7']}\n"
    tiny.declare(more=dies)
    up = seatrial(tiny, "up", str(tiny.folder))
    assert up.returncode == 3, up.stderr
    assert up.stderr.count("    found:    it ended with exit code 7") == 1
    assert "\n  found: " not in up.stderr  # a second time, as it would be without a report
    assert "did not come up in local: dies (exited)\n    | its last words" in up.stderr


DYING = """
import os, sys, time
while not os.path.exists("go"):
    time.sleep(0.02)
print("fatal: refused as", os.environ["API_TOKEN"], "\\n    at line 7", flush=True)
sys.exit(3)
"""


def found_dead(
    tiny: Tiny, script: str = DYING, replicas: int = 1, before: Callable[[], None] = lambda: None
) -> str:
    """What `check` finds when the worker, which was up, has ended."""
    (tiny.folder / "dying.py").write_text(script)
    keys = f"run: python dying.py, replicas: {replicas}, env: {{API_TOKEN: hush-hush-77}}"
    tiny.declare(more=f"  worker: {{kind: process, {keys}}}\n")
    last = "are down" if replicas > 1 else "on its own"
    try:
        assert seatrial(tiny, "up", str(tiny.folder)).returncode == 0
        before()
        (tiny.folder / "go").touch()
        checked = eventually(
            lambda: seatrial(tiny, "check", str(tiny.folder), "--json"),
            lambda done: done.returncode == 3 and last in done.stdout,
            timeout=20,
        )
        (finding,) = json.loads(checked.stdout)["findings"]
        return str(finding["found"])
    finally:
        seatrial(tiny, "down", str(tiny.folder))


def test_why_something_broke_down_is_told_from_its_log(tiny: Tiny) -> None:
    ended = "worker ended on its own with exit code 3"
    assert found_dead(tiny) == f"{ended}; its log: fatal: refused as ***"


def test_what_was_killed_does_not_know_why(tiny: Tiny) -> None:
    killed = DYING.replace("sys.exit(3)", "os.kill(os.getpid(), 9)")
    assert found_dead(tiny, killed) == "worker ended on its own with signal SIGKILL"


def test_of_replicas_nobody_knows_whose_line_it_is(tiny: Tiny) -> None:
    ended = "replica 0 of worker ended on its own with exit code 3"
    assert found_dead(tiny, replicas=2) == f"{ended}; 2 of 2 are down"


def test_what_ends_is_seen_though_its_log_was_taken_away(tiny: Tiny, tmp_path: Path) -> None:
    def take_away() -> None:
        (log,) = tmp_path.glob("home/d/*/logs/worker.log")
        log.unlink()

    ended = "worker ended on its own with exit code 3"
    assert found_dead(tiny.alone(tmp_path / "home"), before=take_away) == ended


def test_what_a_run_kept_is_shown_when_its_deployment_has_ended(tiny: Tiny) -> None:
    more = "environments: {local: {provider: local}, other: {provider: local}}\n"
    tiny.declare(more=_TALKS % "hunter22-old" + more)
    assert tiny.run().code == 0
    shown = seatrial(tiny, "logs", "talker", "--system", str(tiny.folder))
    assert shown.stdout == "its password is ***\n"
    assert "kept by the run" in shown.stderr
    for options in (("--env", "other"), ("--name", "another")):
        others = seatrial(tiny, "logs", "talker", "--system", str(tiny.folder), *options)
        assert others.returncode == 3
        assert not others.stdout
