"""What the program kinds plan for a keeper: command, environment, readiness."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from seatrial.errors import DeploymentError
from seatrial.kinds.base import Endpoint, Kind, load
from seatrial.kinds.launching import Plan, Ready, Site

FIXED = 8123


def site(kind: Kind, folder: Path, argv: tuple[str, ...] = ("true",), **settings: object) -> Site:
    extra = {key: settings.pop(key) for key in ("env", "python") if key in settings}
    return Site(
        component="app",
        replica=0,
        config=kind.config.model_validate({"kind": kind.name} | settings),
        endpoints={},
        folder=folder,
        sockets=folder,
        cache=folder,
        system_folder=folder,
        ports=lambda: 1,
        argv=argv,
        **extra,  # type: ignore[arg-type]
    )


def plan(name: str, folder: Path, argv: tuple[str, ...] = ("true",), **settings: object) -> Plan:
    kind = load(name)
    assert kind.launch is not None
    return asyncio.run(kind.launch.plan(site(kind, folder, argv, **settings)))


@pytest.mark.parametrize(
    ("kind", "settings", "ready"),
    [
        ("http", {}, Ready.PROBE),
        ("http", {"ready": "notify"}, Ready.NOTIFY),
        ("process", {}, Ready.STARTED),
        ("process", {"consumes": {"mq": "jobs"}}, Ready.PROBE),
        ("process", {"consumes": {"mq": "jobs"}, "ready": "notify"}, Ready.NOTIFY),
        ("process", {"consumes": {"mq": "jobs"}, "ready": "started"}, Ready.STARTED),
        ("task", {}, Ready.EXIT),
    ],
)
def test_how_it_is_known_to_be_ready(tmp_path, kind, settings, ready):
    assert plan(kind, tmp_path, **settings).ready is ready


def test_ports():
    http = load("http")
    assert http.launch is not None
    free = http.launch.allocate(http.config(kind="http"), lambda: 4711)
    assert free == {"http": Endpoint("http", "127.0.0.1", 4711)}
    fixed = http.launch.allocate(http.config(kind="http", port=FIXED), lambda: 4711)
    assert fixed["http"].port == FIXED
    for name in ("process", "task"):
        kind = load(name)
        assert kind.launch is not None
        assert kind.launch.allocate(kind.config(kind=name), lambda: 1) == {}


def test_the_environment_is_clean_but_for_what_is_listed(tmp_path, monkeypatch):
    monkeypatch.setenv("SEATRIAL_TEST_SECRET", "do not pass me on")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    env = plan("process", tmp_path, env={"TZ": "UTC", "A": "1"}).process.env
    assert env["LC_ALL"] == "C.UTF-8"
    assert env["TZ"] == "UTC"  # its own setting wins
    assert env["A"] == "1"
    assert env["PYTHONUNBUFFERED"] == "1"
    assert not {"SEATRIAL_TEST_SECRET", "PYTHONPATH"} & env.keys()


@pytest.mark.parametrize("name", ["python", "python3"])
def test_python_is_the_systems_interpreter(tmp_path, name):
    process = plan("task", tmp_path, (name, "-c", "pass"), python=sys.executable).process
    assert process.argv == (sys.executable, "-c", "pass")
    assert process.cwd == tmp_path


def test_scripts_beside_the_interpreter_are_found(tmp_path):
    folder = tmp_path / "venv" / "bin"
    folder.mkdir(parents=True)
    for name in ("python", "migrator"):
        (folder / name).write_text("#!/bin/sh\necho $0\n")
        (folder / name).chmod(0o755)
    process = plan("task", tmp_path, ("migrator", "up"), python="venv/bin/python").process
    assert process.argv == (str(folder / "migrator"), "up")
    assert process.env["PATH"].split(os.pathsep)[0] == str(folder)


def test_a_link_to_the_interpreter_is_not_followed(tmp_path):
    link = tmp_path / "python"
    link.symlink_to(sys.executable)
    assert plan("task", tmp_path, ("python",), python="./python").process.argv == (str(link),)


def test_a_program_of_the_systems_own_folder(tmp_path):
    (tmp_path / "serve.sh").write_text("#!/bin/sh\npwd; echo $GREETING $1\n")
    (tmp_path / "serve.sh").chmod(0o755)
    process = plan("process", tmp_path, ("./serve.sh", "x y"), env={"GREETING": "hi"}).process
    done = subprocess.run(
        process.argv, env=dict(process.env), cwd=process.cwd, capture_output=True, check=True
    )
    assert done.stdout.decode().splitlines() == [str(tmp_path), "hi x y"]


@pytest.mark.parametrize("kind", ["http", "process", "task"])
@pytest.mark.parametrize(
    ("argv", "python", "named"),
    [
        (("no-such-program-here", "x"), "python3", "no-such-program-here"),
        (("./missing.sh",), "python3", "./missing.sh"),
        (("python", "-m", "app"), "gone/bin/python", "gone/bin/python"),
        ((), "python3", "command"),
    ],
)
def test_what_cannot_be_started_is_named(tmp_path, kind, argv, python, named):
    with pytest.raises(DeploymentError) as caught:
        plan(kind, tmp_path, argv, python=python)
    assert "app" in caught.value.message
    assert named in caught.value.message
    assert caught.value.hint
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("argv", ["./serve.sh", "serve.sh"])
def test_what_is_there_but_no_program_is_told_so(tmp_path, monkeypatch, argv):
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    there = tmp_path / "serve.sh"
    there.write_text("#!/bin/sh\n")
    with pytest.raises(
        DeploymentError, match=f"cannot be started: {there} is not executable"
    ) as no:
        plan("process", tmp_path, (argv,))
    assert f"chmod +x {there}" in (no.value.hint or "")
    there.unlink()
    there.mkdir()
    with pytest.raises(DeploymentError, match=f"cannot be started: {there} is a folder"):
        plan("process", tmp_path, (argv,))


def test_an_interpreter_that_is_not_executable_is_told_so(tmp_path):
    (tmp_path / "python").touch()
    with pytest.raises(DeploymentError, match=r"the interpreter \./python is not executable"):
        plan("task", tmp_path, ("python",), python="./python")


def test_its_grace_is_passed_on(tmp_path):
    assert plan("http", tmp_path, grace=3.5).process.grace == 3.5
