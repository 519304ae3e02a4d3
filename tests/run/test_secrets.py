"""Secrets that only the declaration knows of are in nothing that a run leaves or prints."""

from __future__ import annotations

import base64
import json
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.run.conftest import Tiny

#: Of the program's environment: under a name that says so, in a URL, from a variable, in a list of
#: headers, and within a value.
SIGNING, IN_URL, FROM_VARIABLE = "s1gn-w1th-me", "url-p4ssw0rd", "fr0m-a-variable"
IN_LIST = "0f-the-c0llector"
IN_DSN = "with1n-a-value"
SECRETS = (SIGNING, IN_URL, FROM_VARIABLE, IN_LIST, IN_DSN)
TELLS = """
import os, runpy, sys, time
told = [os.environ["SIGNING_KEY"], os.environ["PEER"][9:-3], os.environ["SALT"]]
told.append(os.environ["OTEL_EXPORTER_OTLP_HEADERS"].partition("Bearer ")[2])
told.append(os.environ["DSN"].rpartition("=")[2])
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
    env += f"OTEL_EXPORTER_OTLP_HEADERS: 'tenant=a,authorization=Bearer {IN_LIST}', "
    env += f"DSN: 'host=db password={IN_DSN}', "
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
    assert ended.code == 1, ended.err
    assert "web.health.json" in ended.err
    left = _left(telling)
    assert [secret for secret in SECRETS if secret in left + ended.err] == []


ENCODED = """
import base64, json, os, runpy, sys
from urllib.parse import quote
own = os.environ["OTEL_EXPORTER_OTLP_HEADERS"].partition("Bearer ")[2]
own = own, os.environ["DSN"].rpartition("=")[2]
for text in (os.environ["SIGNING_KEY"], os.environ["PEER"][9:-3], os.environ["SALT"], *own):
    print("encoded", text, text.encode().hex(), quote("".join(f"%{b:02x}" for b in text.encode())))
    print(*(base64.b64encode(b"x" * n + text.encode() + b"more").decode() for n in range(3)))
    print(json.dumps({"a": text}), "".join(f"\\\\u{ord(c):04x}" for c in text), flush=True)
runpy.run_path(sys.argv[1])
"""


def encodings(secret: str) -> set[str]:
    """What would give it away: in hex, and the middle of it in base64 at every offset."""
    octets = secret.encode()
    shifted = (base64.b64encode(b"x" * n + octets)[4:-4].decode() for n in range(3))
    escapes = "".join(f"\\u{ord(c):04x}" for c in secret), "".join(f"%{b:02x}" for b in octets)
    return {secret, octets.hex(), *shifted, *escapes}


def bundled(tiny: Tiny, *words: str) -> dict[str, str]:
    """The texts of a bundle, by name."""
    file = tiny.folder / "bundle.tar.gz"
    where = ("--system", str(tiny.folder), "--output", str(file), "--json")
    done = subprocess.run(
        [*tiny.command()[:4], "bundle", *words, *where],
        env=tiny.env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert file.stat().st_mode & 0o777 == 0o600
    with tarfile.open(file) as tar:
        found = {one.name.partition("/")[2]: tar.extractfile(one) for one in tar.getmembers()}
        texts = {name: part.read().decode() for name, part in found.items() if part is not None}
    file.unlink()
    held = {one["name"] for one in json.loads(done.stdout)["holds"]}
    assert held == texts.keys() - {"manifest.json"}, "it says what it holds"
    return texts


def telling_of(texts: dict[str, str]) -> list[tuple[str, str]]:
    return [
        (name, form)
        for name, text in texts.items()
        for secret in SECRETS
        for form in encodings(secret)
        if form in text
    ]


def test_of_a_bundle(telling: Tiny) -> None:
    (telling.folder / "tells.py").write_text(ENCODED)
    ended = telling.run()
    assert ended.code == 0, ended.err
    run = Path(ended.verdict["run"])
    (run / "logs" / "late.log").write_text(f"written by somebody else: {SIGNING}\n")
    texts = bundled(telling, "last")
    assert {
        *("run/evidence/run.jsonl", "run/logs/web.log", "run/pytest-p1.log"),
        *("declaration.json", "doctor.json", "versions.json"),
    } <= texts.keys()
    assert texts["run/logs/late.log"] == "written by somebody else: ***\n"
    assert "encoded *** ***" in texts["run/logs/web.log"]
    assert json.loads(texts["declaration.json"])["components"]["web"]["kind"] == "http"
    assert telling_of(texts) == []


def test_of_a_bundle_of_what_is_up(telling: Tiny) -> None:
    (telling.folder / "tells.py").write_text(ENCODED)
    seatrial, folder = telling.command()[:4], str(telling.folder)
    up = subprocess.run(
        [*seatrial, "up", folder], env=telling.env, capture_output=True, check=False
    )
    assert up.returncode == 0, up.stderr
    try:
        texts = bundled(telling)
    finally:
        subprocess.run([*seatrial, "down", folder], env=telling.env, check=True)
    assert json.loads(texts["deployment/states.json"])["web"]["state"] == "ready"
    assert '"ready"' in texts["deployment/timeline.jsonl"]
    assert "encoded *** ***" in texts["deployment/logs/web.log"]
    assert '"component_health"' in texts["check.jsonl"]
    assert telling_of(texts) == []


def test_of_a_bundle_of_a_start_that_failed(telling: Tiny) -> None:
    file = telling.folder / "seatrial.yaml"
    file.write_text(file.read_text().replace("tells.py, ", "tells.py, end, "))
    seatrial, folder = telling.command()[:4], str(telling.folder)
    up = subprocess.run(
        [*seatrial, "up", folder], env=telling.env, capture_output=True, check=False
    )
    assert up.returncode == 3
    texts = bundled(telling)
    assert "I end with *** ***" in texts["deployment/logs/web.log"], "kept until the next start"
    assert telling_of(texts) == []


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
