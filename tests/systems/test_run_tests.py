"""run_tests.sh, for a CI that knows nothing of Seatrial: what it says, leaves and ends with."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import QUEUE, Called, Queue, declare, trials_module

RESULTS = {
    f"{name}-{priority}.{ending}"
    for priority in ("p1", "p2")
    for name, ending in (("test-results", "json"), ("test-report", "html"))
}
WARNING = "def test_that_warns():\n    assert 1 + 1 == 3\n"
SHOWS_NOTHING = "P2 warns: no trial passed"


def run(queue: Queue, results: Path, **env: str) -> Called:
    done = subprocess.run(
        [str(queue.folder / "run_tests.sh")],
        capture_output=True,
        text=True,
        timeout=180,
        env={**queue.env, "RESULTS_DIR": str(results), **env},
        check=False,
    )
    return Called(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def small(seatrial_home: Path, tmp_path: Path) -> Queue:
    """The queue's folder with the script, and with few of its trials: P1 only."""
    queue = declare(tmp_path / "small", seatrial_home)
    trials = queue.folder / "trials"
    trials.unlink()
    trials.mkdir()
    for name in ("pytest.ini", "conftest.py", "checker.py", "test_p1_health.py"):
        shutil.copy(QUEUE / "trials" / name, trials)
    shutil.copy(QUEUE / "run_tests.sh", queue.folder)
    seatrial = Path(sys.executable).with_name("seatrial")
    return Queue(queue.folder, {**queue.env, "SEATRIAL": str(seatrial)})


@pytest.fixture
def there(up: Queue) -> dict[str, str]:
    """The TEST_* variables that lead to the queue that is up."""
    dotenv = up.seatrial("endpoints", "--format", "dotenv").out
    return dict(word.split("=", 1) for word in shlex.split(dotenv))


def test_a_good_run_ends_with_0_and_leaves_its_results(
    small: Queue, there: dict[str, str], tmp_path: Path
) -> None:
    shutil.copy(QUEUE / "trials" / "test_p2_schema.py", small.folder / "trials")
    (small.folder / "trials" / "test_p2_more.py").write_text(WARNING)
    called = run(small, tmp_path / "results", **there)
    assert called.code == 0, called.out + called.err
    assert "run_tests: P1 passed" in called.out
    assert "passed, 1 warnings\n" in called.out
    assert "test_p2_more.py::test_that_warns" in called.out.splitlines()[-2]
    assert SHOWS_NOTHING not in called.out
    assert {file.name for file in (tmp_path / "results").iterdir()} == RESULTS


def test_a_p2_that_shows_nothing_is_told(
    small: Queue, there: dict[str, str], tmp_path: Path
) -> None:
    called = run(small, tmp_path / "results", **there)
    assert called.code == 0, called.out + called.err
    assert "run_tests: P2: 0 trials, 0 passed" in called.out
    assert SHOWS_NOTHING in called.out


def test_a_p1_that_fails_ends_it(small: Queue, there: dict[str, str], tmp_path: Path) -> None:
    (small.folder / "trials" / "test_p1_more.py").write_text(WARNING)
    called = run(small, tmp_path / "results", **there)
    assert called.code == 1, called.out + called.err
    assert "P1 failed (exit 1): not to be released; P2 was not run" in called.out
    left = {file.name for file in (tmp_path / "results").iterdir()}
    assert left == {name for name in RESULTS if "p1" in name}


def test_an_api_that_is_away_is_told_in_time(small: Queue, tmp_path: Path) -> None:
    away = "http://127.0.0.1:1"  # where nobody may listen but root, and nobody does
    called = run(small, tmp_path / "results", TEST_API_URL=away, TEST_TIMEOUT="0.3")
    assert called.code == 3
    assert f"run_tests: waiting up to 0.3 s for {away}/health" in called.out
    (line,) = called.err.splitlines()
    assert line.startswith(f"run_tests: {away}/health is not healthy: ")
    assert "refused" in line


@pytest.mark.parametrize(
    ("variable", "value", "remedy"),
    [
        ("TEST_TIMEOUT", "abc", "write seconds over 0, such as 60"),
        ("TEST_TIMEOUT", "0", "write seconds over 0, such as 60"),
        ("TEST_TIMEOUT", "inf", "write seconds over 0, such as 60"),
        ("TEST_API_URL", "localhost", "write a URL, such as http://localhost:8001"),
        ("TEST_API_URL", "http://localhost:port", "write a URL, such as http://localhost:8001"),
    ],
)
def test_a_wrong_variable_is_named_with_what_it_holds_and_what_to_do(
    variable: str, value: str, remedy: str, small: Queue, tmp_path: Path
) -> None:
    called = run(small, tmp_path / "results", **{variable: value})
    assert called.code == 2
    assert called.err == f"run_tests: {variable}={value}: {remedy}\n"


def test_a_login_in_the_url_is_not_shown(small: Queue, tmp_path: Path) -> None:
    url = "http://me:of@mine@localhost:1"
    called = run(small, tmp_path / "results", TEST_API_URL=url, TEST_TIMEOUT="0.3")
    said = called.out + called.err
    assert called.code == 3
    assert "http://***@localhost:1" in said
    assert "mine" not in said.replace("***@", "")


@pytest.mark.parametrize("variable", ["TEST_TIMEOUT", "TEST_POLL_INTERVAL"])
@pytest.mark.parametrize("value", ["abc", "-1", "nan", "inf"])
def test_the_trials_name_it_too(variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(QUEUE / "trials"))
    seconds = trials_module("conftest").seconds
    monkeypatch.setenv(variable, value)
    with pytest.raises(pytest.UsageError, match=f"{variable}={value}: write seconds over 0"):
        seconds(variable, 30)
    monkeypatch.setenv(variable, "0.25")
    assert seconds(variable, 30) == 0.25
    monkeypatch.setenv(variable, "")
    assert seconds(variable, 30) == 30
