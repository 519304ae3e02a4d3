"""What the command line promises to other programs, shown on the queue."""

from __future__ import annotations

import base64
import json
import shlex
from pathlib import Path
from urllib.parse import quote

import pytest

from .conftest import Queue

COMPONENTS = ("postgres", "rabbitmq", "migrate", "api", "worker")


def passwords(queue: Queue) -> set[str]:
    """Of all endpoints of the running queue."""
    from seatrial.kinds.base import Endpoint

    urls = [url for one in queue.seatrial("endpoints").document.values() for url in one.values()]
    found = {Endpoint.parse(url).password for url in urls if isinstance(url, str)}
    return {password for password in found if password}


def encodings(secret: str) -> list[bytes]:
    """The secret as it may stand in a file: plain, URL, JSON, hex, base64 at all offsets."""
    raw = secret.encode()
    forms = [raw, quote(secret, safe="").encode(), json.dumps(secret)[1:-1].encode()]
    forms += [raw.hex().encode(), raw.hex().upper().encode()]
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw)
        # What depends on neighbouring bytes is left out on both sides.
        forms.append(encoded[4 if offset else 0 :][:-4])
    return forms


def test_a_second_up_attaches(up: Queue) -> None:
    first, second = up.seatrial("up", "--json").document, up.seatrial("up", "--json").document
    assert first == second
    assert first["ready"] is True
    assert tuple(first["components"]) == COMPONENTS
    assert set(first["components"]["api"]) == {"kind", "state", "endpoints", "started_in_ms"}
    assert first["components"]["worker"]["replicas"] == ["ready", "ready"]


def test_check_is_ok(up: Queue) -> None:
    called = up.seatrial("check", "--json")
    document = called.document
    assert (called.code, document["ok"], document["findings"]) == (0, True, [])
    assert [one["name"] for one in document["components"]] == list(COMPONENTS)
    assert {one["status"] for one in document["components"]} == {"healthy"}
    assert {one["connection"] for one in document["components"]} == {"connected"}
    assert set(document["components"][0]) == {
        "name",
        "status",
        "response_time_ms",
        "connection",
        "error",
    }


def test_run_is_go_here_and_as_if_far_away_and_leaves_no_secret(up: Queue, tmp_path: Path) -> None:
    here = up.seatrial("run", "-p", "p1", "--report-dir", str(tmp_path / "here"), "--json")
    assert here.code == 0, here.err
    assert here.document["verdict"] == "go"
    dotenv = up.seatrial("endpoints", "--format", "dotenv").out
    variables = dict(word.split("=", 1) for word in shlex.split(dotenv))
    far = up.seatrial(
        "run", "--env", "deployed", "-p", "p1", "--report-dir", str(tmp_path / "far"), env=variables
    )
    assert far.code == 0, far.err
    reports = [
        json.loads((tmp_path / where / "report.json").read_text()) for where in ("here", "far")
    ]
    passed = [
        {trial["node"] for trial in report["trials"] if trial["status"] == "passed"}
        for report in reports
    ]
    assert passed[0] == passed[1]
    assert len(passed[0]) >= 16
    assert {p.name for p in (tmp_path / "far").iterdir()} == {
        "report.json",
        "report.html",
        "junit.xml",
        "summary.md",
    }
    again = up.seatrial("gate", "last", "--json")
    assert again.document["verdict"] == "go"
    assert_no_secret(up, [tmp_path, up.folder / ".seatrial"], here.out, here.err, far.out, far.err)


def assert_no_secret(queue: Queue, folders: list[Path], *texts: str) -> None:
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    assert {".jsonl", ".log", ".html", ".json"} <= {file.suffix for file in files}
    everything = {str(file): file.read_bytes() for file in files}
    everything |= {f"output {n}": text.encode() for n, text in enumerate(texts)}
    everything["up"] = queue.seatrial("up").out.encode()
    everything["status"] = queue.seatrial("status").out.encode()
    everything["logs"] = queue.seatrial("logs").out.encode()
    secrets = passwords(queue)
    assert len(secrets) >= 2
    assert all(len(secret) >= 24 for secret in secrets)
    for where, content in everything.items():
        for secret in secrets:
            assert not [form for form in encodings(secret) if form in content], where


def test_a_run_leaves_no_rows_and_no_messages(up: Queue) -> None:
    import psycopg

    assert up.seatrial("run", "-p", "p1").code == 0
    url = up.seatrial("endpoints").document["postgres"]["sql"]
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM tasks").fetchone()
    assert row == (0,)


@pytest.mark.parametrize("command", ["up", "check", "run", "status", "endpoints"])
def test_a_mistake_in_the_declaration_ends_with_2_and_its_place(
    command: str, tmp_path: Path, up: Queue
) -> None:
    (tmp_path / "seatrial.yaml").write_text(
        "system: s\ncomponents:\n  api: {kind: htp, run: [x]}\n"
    )
    called = Queue(tmp_path, up.env).seatrial(command)
    assert called.code == 2
    assert "seatrial.yaml:3: components.api.kind" in called.err
    assert "http" in called.err
    assert "Traceback" not in called.err
