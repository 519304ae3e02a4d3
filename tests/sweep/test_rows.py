"""Rows that trials of killed sessions left in a database that Seatrial does not own."""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from seatrial.waiting import eventually
from tests.plugin.conftest import PROGRAMS, STORE, open_folder

from .conftest import Wreck

TRIALS = """
import psycopg

def test_makes_without_end(deployment, ledger):
    url = deployment.targets()["store"].endpoint().url
    with psycopg.connect(url, autocommit=True) as link:
        while True:
            link.execute("INSERT INTO things VALUES (%s)", [ledger.key()])
"""
FAR = """
system: far
python: {python}
components:
  store: {{kind: postgres, database: things, user: tester}}
{clean_up}
environments:
  deployed: {{provider: remote, endpoints: {{store: "{url}"}}}}
  kept: {{provider: remote, protected: true, endpoints: {{store: "{url}"}}}}
"""


class Far(Wreck):
    """The same database, as a remote environment, with a base folder of its own."""

    url: str

    def rows(self) -> list[str]:
        with psycopg.connect(self.url) as link:
            return [key for (key,) in link.execute("SELECT key FROM things ORDER BY key")]


@pytest.fixture
def far(wreck: Wreck, tmp_path: Path) -> Iterator[Far]:
    components, _, clean_up = STORE.format(python=sys.executable, programs=PROGRAMS).partition(
        "clean_up:"
    )
    wreck.declare(components)
    up = wreck.seatrial("up")
    assert up.returncode == 0, up.stderr
    url = json.loads(wreck.seatrial("endpoints", "--json").stdout)["store"]["sql"]
    folder = tmp_path / "far"
    folder.mkdir()
    (folder / "seatrial.yaml").write_text(
        FAR.format(python=sys.executable, clean_up=f"clean_up:{clean_up}", url=url)
    )
    with open_folder() as home:
        far = Far(folder, home)
        object.__setattr__(far, "url", url)
        far.trials(TRIALS)
        with psycopg.connect(url) as link:
            link.execute("INSERT INTO things VALUES ('somebody else''s')")
        yield far
        far.crash()
    assert wreck.seatrial("down").returncode == 0


OTHERS = ["somebody else's"]


def crashed_while_making(far: Far, more: float = 0.0) -> None:
    run = far.begin("run", "--env", "deployed")
    eventually(lambda: len(far.rows()) > 3, timeout=60, what="the trial makes rows")
    time.sleep(more)  # the moment is what is being tried
    far.crash()
    run.wait(timeout=10)


def swept(far: Far) -> None:
    removed = [one for one in far.sweep("--env", "deployed", "--yes") if one["removed"]]
    assert [one["sort"] for one in removed].count("rows") == 1
    assert far.rows() == OTHERS
    eventually(lambda: far.processes() == {}, timeout=10, what="its observer has ended")
    far.sweep("--yes", "--env", "deployed")
    far.nothing_is_left()


def test_they_are_removed_and_nothing_else(far: Far) -> None:
    crashed_while_making(far)
    before = far.rows()
    (shown,) = [one for one in far.sweep("--env", "deployed") if one["sort"] == "rows"]
    assert "keys of trials" in shown["what"]
    assert "tester:***@" in shown["what"], "the password is not shown"
    refused = far.seatrial("sweep", "--env", "kept", "--yes")
    assert (refused.returncode, "protected" in refused.stderr) == (2, True)
    assert far.rows() == before
    swept(far)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_they_are_removed_after_a_crash_at_any_moment(far: Far) -> None:
    moments = random.Random(6)
    for _ in range(8):
        crashed_while_making(far, moments.random())
        swept(far)
