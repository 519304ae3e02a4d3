"""What a bundle leaves out, and that it says so."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from seatrial import bundle as module
from seatrial.bundle import Bundle, bundle


@pytest.fixture
def run(tmp_path: Path) -> Path:
    run = tmp_path / "run"
    (run / "logs").mkdir(parents=True)
    (run / "logs" / "web.log").write_text("a line\n")
    return run


def packed(tmp_path: Path, run: Path | None) -> tuple[Bundle, dict[str, str]]:
    done = bundle(tmp_path / "it.tar.gz", None, run=run)
    with tarfile.open(done.file) as tar:
        members = {one.name.partition("/")[2]: tar.extractfile(one) for one in tar.getmembers()}
        return done, {n: io.TextIOWrapper(m).read() for n, m in members.items() if m is not None}


def manifest(texts: dict[str, str]) -> Any:
    return json.loads(texts["manifest.json"])


def test_without_a_system_there_is_still_a_bundle(tmp_path: Path, run: Path) -> None:
    done, texts = packed(tmp_path, run)
    assert texts["run/logs/web.log"] == "a line\n"
    assert {"doctor.json", "versions.json"} < texts.keys()
    assert [one.name for one in done.parts] == [one["name"] for one in manifest(texts)["holds"]]
    assert done.missing == ()


def test_of_a_long_file_the_end_is_kept(
    tmp_path: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST_FILE", 1000)
    (run / "logs" / "long.log").write_text("first\n" + "x" * 100_000 + "\nlast\n")
    done, texts = packed(tmp_path, run)
    kept = texts["run/logs/long.log"]
    assert len(kept) == 1000
    assert kept.endswith("xx\nlast\n")
    cut = {one.name: one.cut for one in done.parts}
    assert (cut["run/logs/long.log"], cut["run/logs/web.log"]) == (True, False)


def test_a_secret_at_the_cut_is_not_left_in_half(
    tmp_path: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST_FILE", 1000)
    secret = "password=" + "s3cr3t" * 100
    (run / "logs" / "long.log").write_text(secret + "\n" + "x" * 700)
    _, texts = packed(tmp_path, run)
    assert "s3cr3t" not in texts["run/logs/long.log"]


@pytest.mark.parametrize(("limit", "value"), [("LARGEST", 3000), ("MOST_FILES", 4)])
def test_what_would_be_too_much_is_named(
    tmp_path: Path, run: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(module, limit, value)
    for number in range(6):
        (run / f"{number}.txt").write_text("y" * 800)
    done, texts = packed(tmp_path, run)
    left_out = {one["name"]: one["why"] for one in manifest(texts)["missing"]}
    assert {"run/5.txt"} <= left_out.keys()
    assert "would be in it" in left_out["run/5.txt"]
    assert sum(one.bytes for one in done.parts) <= 3000 or len(done.parts) <= 4


def test_links_are_not_followed(tmp_path: Path, run: Path) -> None:
    (tmp_path / "elsewhere").write_text("not of the run")
    (run / "link").symlink_to(tmp_path / "elsewhere")
    (run / "folder").symlink_to(tmp_path)
    done, texts = packed(tmp_path, run)
    assert not any("not of the run" in text for text in texts.values())
    assert {one.name for one in done.missing} == {"run/link", "run/folder"}


#: So that root, too, may only read what its permissions say.
AS_ANYBODY = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all")


def test_what_cannot_be_read_is_named_and_the_rest_is_there(
    tmp_path: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(run)  # a socket's address must be short
    for path in (run / "evidence", run / "closed"):
        path.mkdir()
        (path / "run.jsonl").write_text("{}\n")
    (run / "secret.txt").write_text("mine")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind("socket")
    closed = [run / "secret.txt", run / "closed"]
    for path in closed:
        path.chmod(0)
    command = [sys.executable, "-P", "-m", "seatrial", "bundle", str(run), "--json"]
    where = ["--system", str(tmp_path), "--output", str(tmp_path / "it.tar.gz")]
    before = AS_ANYBODY if os.geteuid() == 0 else ()
    try:
        done = subprocess.run(
            [*before, *command, *where], capture_output=True, text=True, timeout=60, check=False
        )
    finally:
        for path in closed:
            path.chmod(0o700)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert {one["name"]: one["why"] for one in said["missing"]} == {
        "run/closed": "Permission denied",
        "run/secret.txt": "Permission denied",
        "run/socket": "No such device or address",
    }
    assert {"run/evidence/run.jsonl", "run/logs/web.log"} < {one["name"] for one in said["holds"]}


def test_nothing_is_left_of_one_that_fails(
    tmp_path: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(module, "_fill", fail)
    with pytest.raises(OSError, match="disk is full"):
        packed(tmp_path, run)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
