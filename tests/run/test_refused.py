"""What is refused before anything starts: exit 2, what it is, where it stands, and what to do."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Tiny, seatrial

_FAR = """environments:
  local: {provider: local}
  far:
    provider: remote
    endpoints:
      web: "${FAR_URL}"
"""


@pytest.mark.parametrize("command", ["up", "run", "check", "endpoints"])
@pytest.mark.parametrize(
    "url", ["https://me:hunter2/Xy9@host:8000", "me:hunter2@host", "ftp://me:hunter2@host"]
)
def test_an_address_that_cannot_be_read_is_a_mistake_of_the_declaration(
    tiny: Tiny, command: str, url: str
) -> None:
    tiny.declare(more=_FAR)
    refused = seatrial(tiny, command, str(tiny.folder), "--env", "far", FAR_URL=url)
    told = refused.stdout + refused.stderr
    assert refused.returncode == 2, told
    assert f"{tiny.folder}/seatrial.yaml:10: environments.far.endpoints.web:" in told
    assert "correct FAR_URL" in told
    assert not any(part in told for part in ("hunter2", "Xy9"))


def _a_file(at: Path) -> None:
    at.write_text("")


def _a_folder_with_a_file(at: Path) -> None:
    at.mkdir()
    (at / "runs").touch()


@pytest.mark.parametrize("command", ["run", "drill"])
@pytest.mark.parametrize("made", [_a_file, _a_folder_with_a_file])
def test_where_runs_cannot_be_kept_none_is_begun(
    tiny: Tiny, command: str, made: Callable[[Path], None]
) -> None:
    made(tiny.folder / ".seatrial")
    refused = seatrial(tiny, command, str(tiny.folder))
    assert refused.returncode == 2, refused.stderr
    assert re.search(rf"seatrial: {tiny.folder}/\.seatrial\S* cannot be written: ", refused.stderr)
    assert f"to do: runs are kept in {tiny.folder}/.seatrial" in refused.stderr
    assert "starting" not in refused.stderr


@pytest.mark.parametrize("link", [".seatrial", ".seatrial/runs"])
def test_a_run_writes_nothing_where_a_link_leads(tiny: Tiny, tmp_path: Path, link: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tiny.folder / link).parent.mkdir(exist_ok=True)
    (tiny.folder / link).symlink_to(elsewhere)
    refused = seatrial(tiny, "run", str(tiny.folder))
    assert refused.returncode == 2, refused.stderr
    assert f"{tiny.folder}/{link} is a link" in refused.stderr
    assert not list(elsewhere.iterdir())


@pytest.mark.parametrize("command", ["up", "run", "check", "status", "down"])
@pytest.mark.parametrize("home", ["file", "/proc/seatrial"])
def test_a_home_that_cannot_be_written_is_named(tiny: Tiny, command: str, home: str) -> None:
    (tiny.folder / "file").touch()
    path = tiny.folder / home  # an absolute one stays as it is
    refused = seatrial(tiny, command, str(tiny.folder), SEATRIAL_HOME=str(path))
    assert refused.returncode == 2, refused.stderr
    assert f"seatrial: {path} cannot be written: " in refused.stderr
    assert "SEATRIAL_HOME" in refused.stderr


def test_a_home_that_depends_on_where_one_is_is_refused(tiny: Tiny) -> None:
    refused = seatrial(tiny, "status", str(tiny.folder), SEATRIAL_HOME="some/where")
    assert refused.returncode == 2, refused.stderr
    assert "SEATRIAL_HOME is some/where" in refused.stderr


def test_a_folder_that_is_no_more_is_told(tiny: Tiny, tmp_path: Path) -> None:
    command = shlex.join([*tiny.command()[:4], "check", str(tiny.folder)])
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f"cd {gone} && rmdir {gone} && exec {command}"
    done = subprocess.run(
        ["sh", "-c", script], env=tiny.env, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, "the current folder is no more" in done.stderr) == (2, True)


@pytest.mark.parametrize("words", [("check", "--deadline"), ("up", "--idle")])
@pytest.mark.parametrize("number", ["nan", "inf"])
def test_a_number_is_finite(tiny: Tiny, words: tuple[str, str], number: str) -> None:
    refused = seatrial(tiny, words[0], str(tiny.folder), words[1], number)
    assert refused.returncode == 2, refused.stderr


@pytest.mark.parametrize("command", ["run", "drill"])
def test_reports_that_cannot_be_written_are_refused_before_anything_starts(
    tiny: Tiny, command: str
) -> None:
    (tiny.folder / "file").touch()
    where = str(tiny.folder / "file" / "reports")
    refused = seatrial(tiny, command, str(tiny.folder), "--report-dir", where)
    assert refused.returncode == 2, refused.stderr
    assert f"{where} cannot be written: Not a directory" in refused.stderr
    assert not (tiny.folder / ".seatrial").exists()


def test_a_draft_that_cannot_be_written_says_so(tmp_path: Path, tiny: Tiny) -> None:
    (tmp_path / "compose.yaml").write_text("services: {web: {image: 'nginx:1'}}\n")
    (tmp_path / "seatrial.yaml").mkdir()
    refused = seatrial(tiny, "init", str(tmp_path), "--force")
    assert refused.returncode == 2, refused.stderr
    assert f"{tmp_path}/seatrial.yaml cannot be written: Is a directory" in refused.stderr
