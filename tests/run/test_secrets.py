"""Secrets that only the declaration knows of are in nothing that a run leaves or prints."""

from __future__ import annotations

import subprocess

import pytest

from tests.run.conftest import Tiny

#: Of the program's environment: under a name that says so, in a URL, and from a variable.
SIGNING, IN_URL, FROM_VARIABLE = "s1gn-w1th-me", "url-p4ssw0rd", "fr0m-a-variable"
SECRETS = (SIGNING, IN_URL, FROM_VARIABLE)
TELLS = """
import os, runpy, sys, time
told = os.environ["SIGNING_KEY"], os.environ["PEER"][9:-3], os.environ["SALT"]
print("I was given", *told, flush=True)
if sys.argv[1] == "end":
    sys.exit("I end with " + " ".join(told))
runpy.run_path(sys.argv[1])
"""


@pytest.fixture
def telling(tiny: Tiny) -> Tiny:
    """Its program prints all that it was given."""
    tiny.declare()
    (tiny.folder / "tells.py").write_text(TELLS)
    file = tiny.folder / "seatrial.yaml"
    env = f"env: {{SIGNING_KEY: {SIGNING}, PEER: 'http://u:{IN_URL}@h/', SALT: '${{DB_PWD}}', "
    text = file.read_text().replace("[python, ", "[python, tells.py, ").replace("env: {", env)
    file.write_text(text)
    return Tiny(tiny.folder, {**tiny.env, "DB_PWD": FROM_VARIABLE})


def _left(tiny: Tiny) -> str:
    """Everything that the run wrote."""
    runs = [tiny.folder / ".seatrial" / "runs", tiny.folder / "reports"]
    files = [file for folder in runs for file in folder.rglob("*") if file.is_file()]
    return "\n".join(file.read_text() for file in files)


def test_of_a_run(telling: Tiny) -> None:
    ended = telling.run()
    assert ended.code == 0, ended.err
    left = _left(telling)
    assert "I was given *** ***" in left
    assert [secret for secret in SECRETS if secret in left + ended.err] == []


def test_of_an_environment_that_does_not_come_up(telling: Tiny) -> None:
    file = telling.folder / "seatrial.yaml"
    file.write_text(file.read_text().replace("tells.py, ", "tells.py, end, "))
    ended = telling.run()
    assert ended.code == 3, ended.err
    left = _left(telling)
    assert "I end with *** ***" in left
    assert [secret for secret in SECRETS if secret in left + ended.err] == []


def test_of_a_trial_and_of_a_finding(telling: Tiny) -> None:
    """What pytest prints, and what a finding quotes."""
    trial = f"def test_it():\n    assert '{SIGNING}' == '{FROM_VARIABLE}', '{IN_URL}'\n"
    more = f"expect:\n  web: {{json: {{status: {SIGNING}}}}}\n"
    telling.trials(test_p1_web=trial)
    file = telling.folder / "seatrial.yaml"
    file.write_text(file.read_text() + more)
    ended = telling.run()
    assert ended.code == 3, ended.err
    assert "web.health.json" in ended.err
    left = _left(telling)
    assert [secret for secret in SECRETS if secret in left + ended.err] == []


def test_of_a_declaration_that_differs(telling: Tiny) -> None:
    seatrial = telling.command()[:4]
    folder = str(telling.folder)

    def command(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*seatrial, *words, folder],
            env={**telling.env, **variables},
            capture_output=True,
            text=True,
            check=False,
        )

    assert command("up").returncode == 0
    try:
        differs = command("up", DB_PWD="an0ther-variable")
        assert differs.returncode == 2
        assert "different declaration" in differs.stderr
        shown = differs.stderr + command("status").stdout + command("logs").stdout
        assert [secret for secret in (*SECRETS, "an0ther-variable") if secret in shown] == []
    finally:
        command("down")
